// A single-producer, single-consumer ring, and the agreement about when the consumer is woken.
//
// The consumer arms, then looks for events; the producer pushes, then looks whether it is armed.
// All of that is sequentially consistent, so at least one of them sees the other.
#include "dataplane/link/event_queue.h"

#include <algorithm>

#include <sys/eventfd.h>
#include <unistd.h>

#include "common/check.h"

namespace mcpgw {
namespace {

InstanceEvent event_of(InstanceEvent::Kind kind, std::string_view adapter, std::uint64_t instance) {
    InstanceEvent event;
    event.kind = kind;
    event.instance = instance;
    const std::size_t bytes = std::min(adapter.size(), event.adapter.size());
    std::copy_n(adapter.begin(), bytes, event.adapter.begin());
    event.adapter_bytes = static_cast<std::uint8_t>(bytes);
    return event;
}

}  // namespace

InstanceEvent InstanceEvent::failure(std::string_view adapter, std::uint64_t instance,
                                     Code reason) {
    InstanceEvent event = event_of(Kind::failure, adapter, instance);
    event.reason = reason;
    return event;
}

InstanceEvent InstanceEvent::drained(std::string_view adapter, std::uint64_t instance,
                                     std::uint64_t version) {
    InstanceEvent event = event_of(Kind::drained, adapter, instance);
    event.version = version;
    return event;
}

InstanceEvent InstanceEvent::unknown_key(std::uint64_t issuer_hash) {
    return event_of(Kind::unknown_key, {}, issuer_hash);
}

EventQueue::EventQueue(int wake_fd)
    : ring_(std::make_unique<std::array<InstanceEvent, kSlots>>()), wake_fd_(wake_fd) {}

bool EventQueue::push(const InstanceEvent& event) {
    const std::uint32_t tail = tail_.load(std::memory_order_relaxed);
    if (tail - head_.load(std::memory_order_acquire) == kSlots) {
        dropped_.store(dropped_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
        return false;
    }
    (*ring_)[tail & (kSlots - 1)] = event;
    tail_.store(tail + 1);
    if (armed_.load() && armed_.exchange(false) && wake_fd_ >= 0) {
        // A full eventfd is readable already, so a failed write loses nothing.
        [[maybe_unused]] const int written = eventfd_write(wake_fd_, 1);
    }
    return true;
}

bool EventQueue::pop(InstanceEvent& event) {
    const std::uint32_t head = head_.load(std::memory_order_relaxed);
    if (head == tail_.load(std::memory_order_acquire)) return false;
    event = (*ring_)[head & (kSlots - 1)];
    head_.store(head + 1, std::memory_order_release);
    return true;
}

bool EventQueue::arm() {
    armed_.store(true);
    if (tail_.load() == head_.load(std::memory_order_relaxed)) return true;
    armed_.store(false);
    return false;
}

}  // namespace mcpgw
