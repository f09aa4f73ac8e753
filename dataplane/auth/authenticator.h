// Who sends a bearer token: the verdicts of one worker, remembered by the SHA-256 of the token.
//
//   token ──SHA-256──▶ place of four entries ──found──▶ verdict
//                              └──not found──▶ Verifier ──▶ verdict, remembered
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
#include "dataplane/auth/verifier.h"

struct evp_md_st;
struct evp_md_ctx_st;

namespace mcpgw::auth {

class Authenticator {
  public:
    Authenticator();
    Authenticator(const Authenticator&) = delete;
    Authenticator& operator=(const Authenticator&) = delete;
    ~Authenticator();

    // Each tick. `access` must live until the next call. True if it is another one than before.
    bool set_access(const std::shared_ptr<const contract::Access>& access);
    [[nodiscard]] bool has_access() const { return generation_ != 0; }

    // Valid until the next call.
    [[nodiscard]] const Verdict& judge(std::string_view token, std::uint64_t now_unix_s);

    // Verdicts that were made, not remembered.
    [[nodiscard]] std::uint64_t made() const { return made_; }

  private:
    using Hash = std::array<std::uint8_t, 32>;
    struct Entry {
        Hash hash;
        std::uint64_t generation = 0;  // 0: free
        Verdict verdict;
    };
    struct FreeDigest {
        void operator()(evp_md_st* digest) const;
    };
    struct FreeContext {
        void operator()(evp_md_ctx_st* context) const;
    };

    [[nodiscard]] Hash hash_of(std::string_view token) const;
    [[nodiscard]] std::span<Entry> place_of(const Hash& hash);
    [[nodiscard]] Entry* entry_for(std::span<Entry> place, bool is_good, std::uint64_t now_unix_s);

    std::unique_ptr<evp_md_st, FreeDigest> digest_;
    std::unique_ptr<evp_md_ctx_st, FreeContext> context_;
    std::weak_ptr<const contract::Access> access_;  // to tell one from another, not to keep it
    std::uint64_t generation_ = 0;                  // of the access; 0: there was none yet
    std::unique_ptr<Entry[]> entries_;              // made with the first token
    std::unique_ptr<Verifier> verifier_;            // as well
    const contract::Access* access_now_ = nullptr;
    Verdict unremembered_;
    std::uint64_t made_ = 0;
    std::size_t next_victim_ = 0;
};

}  // namespace mcpgw::auth
