// The ids of requests that were posted to HTTP+SSE sessions (MCP 2024-11-05) and whose results
// their streams still owe. The request comes on one connection and its result goes out on another,
// maybe another worker's; if the stream breaks, whoever has it must know what to tell the client.
//
//   who posts: add() ──▶ [ state | session | id ] ...  ways of 8, the oldest gives way
//   who has the stream: remove() when a result passes, take() when the stream is over
//
// One set for all workers, of fixed size, without locks. A cell belongs to who has made its state
// `writing`; what is read counts only if the state is the same before and after. What is not
// remembered (too long, given way) is not told: then the client has its own time-out.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "common/limits.h"
#include "dataplane/session/ended_sessions.h"

namespace mcpgw {

class PostedIds {
  public:
    using Session = EndedSessions::Mark;
    // A JSON text: a number, or a string with its quotes.
    struct Id {
        [[nodiscard]] std::string_view view() const { return {text.data(), bytes}; }
        std::uint8_t bytes = 0;
        std::array<char, limits::posted_id_bytes_max> text;
    };

    PostedIds();

    // False: it is longer than limits::posted_id_bytes_max, or threads are too busy with its place.
    bool add(Session session, std::string_view id);
    void remove(Session session, std::string_view id);
    // Removes any one id of the session; false: there is none (left).
    [[nodiscard]] bool take(Session session, Id& out);

  private:
    static constexpr std::size_t kWays = 8;
    static constexpr std::size_t kSets = limits::posted_ids_max / kWays;
    static constexpr std::size_t kWords = limits::posted_id_bytes_max / sizeof(std::uint64_t);
    static_assert((kSets & (kSets - 1)) == 0, "a set is found with a mask");
    static_assert(limits::posted_id_bytes_max % sizeof(std::uint64_t) == 0);

    struct Cell {
        std::atomic<std::uint64_t> state{0};  // changes 48 | bytes 8 | phase 8
        std::atomic<Session> session{0};
        std::array<std::atomic<std::uint64_t>, kWords> words{};
    };
    static_assert(sizeof(Cell) == 64, "one cache line");
    struct Set {
        std::array<Cell, kWays> cells;
        std::atomic<std::uint32_t> next{0};  // the way that gives way next
    };

    [[nodiscard]] Set& set_of(Session session) const;
    [[nodiscard]] static bool claim(Cell& cell, std::uint64_t& state);
    // The state under which the cell held this id of the session; 0: it did not.
    [[nodiscard]] static std::uint64_t read(const Cell& cell, Session session, Id& out);
    [[nodiscard]] static bool free(Cell& cell, std::uint64_t state);

    std::unique_ptr<std::array<Set, kSets>> sets_;
};

}  // namespace mcpgw
