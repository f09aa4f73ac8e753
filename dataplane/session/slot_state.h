// The one word that says what a slot of a directory is, and in which of its lives: every transition
// is one CAS of this word, so whoever holds a stale handle changes nothing.
//
//   [ generation 32 | count 14 | streams 13 | standalone 1 | watched 1 | phase 3 ]
//
//   free ─▶ filling ─▶ candidate ─▶ live ─▶ ending ─▶ left ─▶ free (next generation)
//              ▲            │                  (a counter goes from live to left at once)
//              └── lost ◀───┘  (next generation)
//
// filling: one thread has it to itself. candidate: filled, in the index, not yet sure to be the
// only one of its key. lost: another one was. live: found by readers. ending: one thread has ended
// it. left: out of the index, waits for those who hold it. A slot of a session uses `count` for
// holds (requests at work, readers) and `streams`; a slot of a counter uses both together as one
// number.
#pragma once

#include <compare>
#include <cstdint>

namespace mcpgw {

// Names one life of one slot. Slot 0 is nobody's.
struct SlotHandle {
    std::uint32_t slot = 0;
    std::uint32_t generation = 0;

    [[nodiscard]] explicit operator bool() const { return slot != 0; }
    auto operator<=>(const SlotHandle&) const = default;
};

class SlotState {
  public:
    enum class Phase : std::uint8_t { free, filling, candidate, lost, live, ending, left };

    static constexpr std::uint32_t kHoldsMax = (1U << 14) - 1;
    static constexpr std::uint32_t kStreamsMax = (1U << 13) - 1;
    static constexpr std::uint32_t kNumberMax = (1U << 27) - 1;

    explicit SlotState(std::uint64_t word) : word_(word) {}

    // Of a slot that is no slot.
    [[nodiscard]] static SlotState none() { return SlotState(0); }

    [[nodiscard]] std::uint64_t word() const { return word_; }
    [[nodiscard]] Phase phase() const { return static_cast<Phase>(word_ & kPhase); }
    [[nodiscard]] std::uint32_t generation() const {
        return static_cast<std::uint32_t>(word_ >> 32);
    }
    [[nodiscard]] bool is(Phase phase, std::uint32_t generation) const {
        return this->phase() == phase && this->generation() == generation;
    }
    // Filled and in the index, or was: its key stays as it is until the next generation.
    [[nodiscard]] bool has_key() const {
        return phase() == Phase::candidate || phase() == Phase::live || phase() == Phase::ending;
    }
    [[nodiscard]] std::uint32_t holds() const {
        return static_cast<std::uint32_t>(word_ >> 18) & kHoldsMax;
    }
    [[nodiscard]] std::uint32_t streams() const {
        return static_cast<std::uint32_t>(word_ >> 5) & kStreamsMax;
    }
    [[nodiscard]] std::uint32_t number() const {
        return static_cast<std::uint32_t>(word_ >> 5) & kNumberMax;
    }
    [[nodiscard]] bool has_standalone() const { return (word_ & kStandalone) != 0; }
    [[nodiscard]] bool is_watched() const { return (word_ & kWatched) != 0; }
    [[nodiscard]] bool is_unused() const { return number() == 0; }

    [[nodiscard]] SlotState in(Phase phase) const {
        return SlotState((word_ & ~kPhase) | static_cast<std::uint64_t>(phase));
    }
    [[nodiscard]] SlotState watched() const { return SlotState(word_ | kWatched); }
    [[nodiscard]] SlotState unwatched() const { return SlotState(word_ & ~kWatched); }
    // Callers have looked that there is room, or something to take away.
    [[nodiscard]] SlotState with_hold() const { return SlotState(word_ + kHold); }
    [[nodiscard]] SlotState without_hold() const { return SlotState(word_ - kHold); }
    [[nodiscard]] SlotState with_stream() const { return SlotState(word_ + kStream); }
    [[nodiscard]] SlotState without_stream() const { return SlotState(word_ - kStream); }
    [[nodiscard]] SlotState with_standalone() const { return SlotState(word_ | kStandalone); }
    [[nodiscard]] SlotState without_standalone() const { return SlotState(word_ & ~kStandalone); }
    [[nodiscard]] SlotState with_number(std::uint32_t number) const {
        return SlotState((word_ & ~(std::uint64_t{kNumberMax} << 5)) | std::uint64_t{number} << 5);
    }
    // The same phase of the next life, with nothing counted; generations wrap.
    [[nodiscard]] SlotState next_life() const {
        return SlotState(std::uint64_t{generation() + 1} << 32 | (word_ & kPhase));
    }

  private:
    static constexpr std::uint64_t kPhase = 7;
    static constexpr std::uint64_t kWatched = 1U << 3;
    static constexpr std::uint64_t kStandalone = 1U << 4;
    static constexpr std::uint64_t kStream = 1U << 5;
    static constexpr std::uint64_t kHold = 1U << 18;

    std::uint64_t word_;
};

}  // namespace mcpgw
