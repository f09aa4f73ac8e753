// What happened in a run: one line for each event, and a hash over all of them.
//
// A note is two numbers and a literal with two places for them; it becomes text only when somebody
// wants to read it. Two runs are the same if and only if their hashes are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <vector>

#include "common/time.h"

namespace mcpgw::sim {

// Who a line is about: a kind and a number.
struct Who {
    const char* kind = "";
    std::uint32_t number = 0;
};

class Trace {
  public:
    // `what` is a literal with at most two %lld.
    void note(Nanos at, Who who, const char* what, std::int64_t a = 0, std::int64_t b = 0);
    [[nodiscard]] std::uint64_t hash() const { return hash_; }
    [[nodiscard]] std::size_t size() const { return notes_.size(); }
    // The last `lines` lines, oldest first.
    void print(std::FILE* out, std::size_t lines) const;

  private:
    struct Note {
        Nanos at;
        Who who;
        const char* what;
        std::int64_t a;
        std::int64_t b;
    };
    void mix(std::uint64_t value) { hash_ = (hash_ ^ value) * 0x100000001b3ULL; }
    void mix(const char* text);

    std::vector<Note> notes_;
    std::uint64_t hash_ = 0xcbf29ce484222325ULL;
};

}  // namespace mcpgw::sim
