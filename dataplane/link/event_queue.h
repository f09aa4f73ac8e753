// Events of one worker on their way to the link thread: a bounded ring for one producer and one
// consumer.
//
//   worker: push() ──▶ [ ring of limits::worker_events_max ] ──▶ pop(): link thread
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

// Traffic met an instance that refused, reset or timed out (contract::InstanceFailure).
struct InstanceFailureEvent {
    std::uint64_t instance = 0;
    std::array<char, limits::name_bytes_max> adapter{};
    std::uint8_t adapter_bytes = 0;
    Code reason = Code::internal;

    // Names longer than limits::name_bytes_max are cut; no adapter has one.
    [[nodiscard]] static InstanceFailureEvent of(std::string_view adapter, std::uint64_t instance,
                                                 Code reason);
    [[nodiscard]] std::string_view adapter_name() const { return {adapter.data(), adapter_bytes}; }
};

class EventQueue {
  public:
    // `wake_fd`: a non-blocking eventfd that outlives the queue, or -1.
    explicit EventQueue(int wake_fd = -1);
    EventQueue(const EventQueue&) = delete;
    EventQueue& operator=(const EventQueue&) = delete;

    // Worker: false when the ring is full.
    bool push(const InstanceFailureEvent& event);
    // Link thread: false when empty.
    bool pop(InstanceFailureEvent& event);
    // Link thread, before it sleeps: the next push writes to the eventfd. False if there is already
    // something to pop, and then nothing is armed.
    [[nodiscard]] bool arm();
    // Any thread.
    [[nodiscard]] std::uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }

  private:
    static constexpr std::uint32_t kSlots = limits::worker_events_max;
    static_assert((kSlots & (kSlots - 1)) == 0, "positions wrap at a power of two");

    std::unique_ptr<std::array<InstanceFailureEvent, kSlots>> ring_;
    int wake_fd_;
    alignas(64) std::atomic<std::uint32_t> tail_{0};  // written by the worker
    std::atomic<std::uint64_t> dropped_{0};
    alignas(64) std::atomic<std::uint32_t> head_{0};  // written by the link thread
    alignas(64) std::atomic<bool> armed_{false};
};

}  // namespace mcpgw
