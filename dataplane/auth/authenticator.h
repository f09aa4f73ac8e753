// Who sends a bearer token: the verdicts of one worker, remembered by a keyed hash of the token.
//
//   token ──TokenHasher──▶ place of four entries ──found──▶ verdict
//                                 └──not found──▶ Verifier ──▶ verdict, remembered
//
// A verdict is never used beyond the time that it holds for, nor with another access object than
// the one it was made by. The number of entries is fixed: a good verdict takes the place of one
// that is over, of a bad one, then of another good one; a bad one never that of a good one, so
// that nobody without a token can make the gateway forget those of others. Tokens are not kept.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "common/contract/access.h"
#include "common/limits.h"
#include "dataplane/auth/token_hash.h"
#include "dataplane/auth/verifier.h"

namespace mcpgw::auth {

class Authenticator {
  public:
    // Each tick. `access` must live until the next call. True if it is another one than before.
    bool set_access(const std::shared_ptr<const contract::Access>& access);
    [[nodiscard]] bool has_access() const { return generation_ != 0; }

    // Valid until the next call.
    [[nodiscard]] const Verdict& judge(std::string_view token, std::uint64_t now_unix_s);

    // Verdicts that were made, not remembered.
    [[nodiscard]] std::uint64_t made() const { return made_; }

  private:
    struct Entry {
        TokenHash hash;
        std::uint64_t generation = 0;  // 0: free
        Verdict verdict;
    };
    // Made with the first token.
    struct Memory {
        TokenHasher hasher;
        Verifier verifier;
        std::array<Entry, limits::verdicts_max> entries;
    };

    [[nodiscard]] std::span<Entry> place_of(const TokenHash& hash);
    [[nodiscard]] Entry* entry_for(std::span<Entry> place, bool is_good, std::uint64_t now_unix_s);
    [[nodiscard]] Verdict make(std::string_view token, std::uint64_t now_unix_s);

    std::weak_ptr<const contract::Access> access_;  // to tell one from another, not to keep it
    std::uint64_t generation_ = 0;                  // of the access; 0: there was none yet
    const contract::Access* access_now_ = nullptr;
    std::unique_ptr<Memory> memory_;
    Verdict unremembered_;
    std::uint64_t made_ = 0;
    std::size_t next_victim_ = 0;
};

}  // namespace mcpgw::auth
