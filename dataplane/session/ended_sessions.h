// Sessions that clients have ended with DELETE: from then on the gateway itself answers 404,
// whatever the server would say (CONTRACT section 7).
//
//   marks: [ 64-bit hash of adapter, instance and server's id ] ...   ways of 4, the oldest gives
//   way
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
    [[nodiscard]] static Mark mark_of(std::uint64_t adapter, std::uint64_t instance,
                                      std::string_view server_id);

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
