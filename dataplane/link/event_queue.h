// Events of one worker, or of the janitor, on their way to the link thread: a bounded ring for one
// producer and one consumer.
//
//   producer: push() ──▶ [ ring of limits::worker_events_max ] ──▶ pop(): link thread
//
// push never waits: a full ring drops the event and counts it. The consumer sleeps on an eventfd
// shared by all rings; only the first push after it armed the ring pays the system call.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>

#include "common/limits.h"
#include "common/result.h"

namespace mcpgw {

// What there is to tell of an instance; `contract/events.h` says what it means.
struct InstanceEvent {
    // unknown_key: `instance` is fnv1a() of the issuer.
    enum class Kind : std::uint8_t { failure, drained, unknown_key };

    Kind kind = Kind::failure;
    std::uint8_t adapter_bytes = 0;
    Code reason = Code::internal;  // of a failure
    std::uint64_t instance = 0;
    std::uint64_t version = 0;  // of the table in which it drains
    std::array<char, limits::name_bytes_max> adapter{};

    // Names longer than limits::name_bytes_max are cut; no adapter has one.
    [[nodiscard]] static InstanceEvent failure(std::string_view adapter, std::uint64_t instance,
                                               Code reason);
    [[nodiscard]] static InstanceEvent drained(std::string_view adapter, std::uint64_t instance,
                                               std::uint64_t version);
    [[nodiscard]] static InstanceEvent unknown_key(std::uint64_t issuer_hash);
    [[nodiscard]] std::string_view adapter_name() const { return {adapter.data(), adapter_bytes}; }
};

class EventQueue {
  public:
    // `wake_fd`: a non-blocking eventfd that outlives the queue, or -1.
    explicit EventQueue(int wake_fd = -1);
    EventQueue(const EventQueue&) = delete;
    EventQueue& operator=(const EventQueue&) = delete;

    // Producer: false when the ring is full.
    bool push(const InstanceEvent& event);
    // Link thread: false when empty.
    bool pop(InstanceEvent& event);
    // Link thread, before it sleeps: the next push writes to the eventfd. False if there is already
    // something to pop, and then nothing is armed.
    [[nodiscard]] bool arm();
    // Any thread.
    [[nodiscard]] std::uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }

  private:
    static constexpr std::uint32_t kSlots = limits::worker_events_max;
    static_assert((kSlots & (kSlots - 1)) == 0, "positions wrap at a power of two");

    std::unique_ptr<std::array<InstanceEvent, kSlots>> ring_;
    int wake_fd_;
    alignas(64) std::atomic<std::uint32_t> tail_{0};  // written by the producer
    std::atomic<std::uint64_t> dropped_{0};
    alignas(64) std::atomic<std::uint32_t> head_{0};  // written by the link thread
    alignas(64) std::atomic<bool> armed_{false};
};

}  // namespace mcpgw
