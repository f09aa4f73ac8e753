// Sessions that have ended, whoever has ended them: from then on the gateway itself answers 404,
// whatever the server would say (CONTRACT section 7).
//
//   marks: [ 64-bit hash of the sealed id's nonce ] ...  ways of 4, the oldest gives way
//
// A mark is that of one sealed id and not of what is in it: a server may give an id that it has
// given before to another session.
//
// One set for all workers, of fixed size. Readers are wait-free (four loads); writers store without
// waiting, and of two that race in one way one may be lost, which costs no more than the server's
// own answer. Nothing survives a restart: then, too, the server answers.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>

#include "common/limits.h"

namespace mcpgw {

class EndedSessions {
  public:
    // Stands for a session; never 0. Not secret and no proof: only an id that was opened with its
    // key is looked up.
    using Mark = std::uint64_t;
    // `nonce` is that of its sealed id (seal.h).
    [[nodiscard]] static Mark mark_of(std::string_view nonce);

    EndedSessions();

    void add(Mark mark);
    [[nodiscard]] bool contains(Mark mark) const;

  private:
    static constexpr std::size_t kWays = 4;
    static constexpr std::size_t kSets = limits::ended_sessions_max / kWays;
    static_assert((kSets & (kSets - 1)) == 0, "a set is found with a mask");
    struct Set {
        std::array<std::atomic<Mark>, kWays> marks{};  // 0: free
        std::atomic<std::uint32_t> next{0};            // the way that gives way next
    };
    std::unique_ptr<std::array<Set, kSets>> sets_;
};

}  // namespace mcpgw
