// The word shared between threads, in the build that chooses the order of all accesses itself
// (dataplane/session/shared_word.h): each access is a step of the explorer, and what it changes
// is part of the state by which the explorer knows where it has been (explorer.h).
//
// One access at a time, each at once: every interleaving, not every order that a processor without
// the fences of the code could invent. That is what ThreadSanitizer and the arguments in
// docs/internals/sessions.md are for.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace mcpgw::schedule {

// The present thread is about to access a shared word: it goes on when the explorer says so.
void before_access();
// It has changed this word.
void wrote(const void* word, std::uint64_t before, std::uint64_t now);

}  // namespace mcpgw::schedule

namespace mcpgw {

template <class T>
class ScheduledWord {
  public:
    ScheduledWord() = default;
    explicit(false) ScheduledWord(T value) : value_(value) {}
    ScheduledWord(const ScheduledWord&) = delete;
    ScheduledWord& operator=(const ScheduledWord&) = delete;

    T load(std::memory_order) const {
        schedule::before_access();
        return value_;
    }
    void store(T value, std::memory_order) {
        schedule::before_access();
        set(value);
    }
    bool compare_exchange_strong(T& expected, T wanted, std::memory_order) {
        schedule::before_access();
        if (value_ != expected) {
            expected = value_;
            return false;
        }
        set(wanted);
        return true;
    }
    T fetch_add(T more, std::memory_order) {
        return changed([more](T value) { return static_cast<T>(value + more); });
    }
    T fetch_sub(T less, std::memory_order) {
        return changed([less](T value) { return static_cast<T>(value - less); });
    }
    T fetch_or(T bits, std::memory_order) {
        return changed([bits](T value) { return static_cast<T>(value | bits); });
    }

  private:
    template <class Change>
    T changed(Change&& change) {
        schedule::before_access();
        const T before = value_;
        set(change(before));
        return before;
    }
    void set(T value) {
        schedule::wrote(this, value_, value);
        value_ = value;
    }

    T value_;
};

template <class T>
using SharedWord = ScheduledWord<T>;

// Few cells, so that a look at two buckets is few steps.
inline constexpr std::size_t kIndexBucketCells = 2;

}  // namespace mcpgw
