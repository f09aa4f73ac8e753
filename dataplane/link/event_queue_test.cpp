// Events come out as they went in, in order, bounded, and no wake-up is lost.
#include "dataplane/link/event_queue.h"

#include <string>
#include <thread>

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/eventfd.h>

#include "dataplane/link/file_descriptor.h"

namespace mcpgw {
namespace {

InstanceEvent event_of(std::uint64_t instance) {
    return InstanceEvent::failure("x", instance, Code::reset);
}

std::uint64_t wakes_of(const FileDescriptor& fd) {
    eventfd_t count = 0;
    return ::eventfd_read(fd.get(), &count) == 0 ? count : 0;
}

TEST(EventQueueTest, an_event_keeps_its_parts) {
    const std::string name(limits::name_bytes_max, 'n');
    EventQueue queue;
    EXPECT_TRUE(queue.push(InstanceEvent::failure(name, 7, Code::timed_out)));
    InstanceEvent event;
    ASSERT_TRUE(queue.pop(event));
    EXPECT_EQ(event.adapter_name(), name);
    EXPECT_EQ(event.instance, 7U);
    EXPECT_EQ(event.reason, Code::timed_out);
    EXPECT_FALSE(queue.pop(event));
    EXPECT_EQ(event.kind, InstanceEvent::Kind::failure);
    EXPECT_TRUE(queue.push(InstanceEvent::drained("x", 8, 9)));
    ASSERT_TRUE(queue.pop(event));
    EXPECT_EQ(event.kind, InstanceEvent::Kind::drained);
    EXPECT_EQ(event.adapter_name(), "x");
    EXPECT_EQ(event.instance, 8U);
    EXPECT_EQ(event.version, 9U);
    EXPECT_EQ(InstanceEvent::failure(name + "more", 7, Code::io).adapter_name(), name);
}

TEST(EventQueueTest, a_full_queue_drops_the_newest_and_counts_it) {
    EventQueue queue;
    for (std::uint64_t i = 0; i < limits::worker_events_max; ++i)
        ASSERT_TRUE(queue.push(event_of(i)));
    EXPECT_FALSE(queue.push(event_of(999'999)));
    EXPECT_FALSE(queue.push(event_of(999'999)));
    EXPECT_EQ(queue.dropped(), 2U);
    InstanceEvent event;
    ASSERT_TRUE(queue.pop(event));
    EXPECT_TRUE(queue.push(event_of(limits::worker_events_max)));
    for (std::uint64_t i = 1; i <= limits::worker_events_max; ++i) {
        ASSERT_TRUE(queue.pop(event));
        EXPECT_EQ(event.instance, i);
    }
    EXPECT_FALSE(queue.pop(event));
}

TEST(EventQueueTest, only_an_armed_queue_wakes_and_only_once) {
    const FileDescriptor fd(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
    EventQueue queue(fd.get());
    queue.push(event_of(1));
    EXPECT_EQ(wakes_of(fd), 0U);
    EXPECT_FALSE(queue.arm()) << "an event waits";
    InstanceEvent event;
    EXPECT_TRUE(queue.pop(event));
    EXPECT_TRUE(queue.arm());
    queue.push(event_of(2));
    queue.push(event_of(3));
    EXPECT_EQ(wakes_of(fd), 1U);
}

// A lost wake-up leaves the consumer in poll until the test's time is over.
TEST(EventQueueTest, a_sleeping_consumer_is_always_woken) {
    constexpr std::uint64_t kEvents = 100'000;
    const FileDescriptor fd(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
    EventQueue queue(fd.get());
    std::thread producer([&] {
        for (std::uint64_t i = 0; i < kEvents; ++i)
            while (!queue.push(event_of(i)))
                std::this_thread::yield();
    });
    std::uint64_t next = 0;
    bool woken = true;
    while (next < kEvents && woken) {
        InstanceEvent event;
        while (queue.pop(event)) {
            ASSERT_EQ(event.instance, next);
            ++next;
        }
        if (next == kEvents || !queue.arm()) continue;
        pollfd wait{fd.get(), POLLIN, 0};
        woken = ::poll(&wait, 1, 20'000) == 1;
        wakes_of(fd);
    }
    EXPECT_TRUE(woken) << "asleep after " << next << " events";
    producer.join();
    EXPECT_EQ(next, kEvents);
}

}  // namespace
}  // namespace mcpgw
