// Connections over real socket pairs, and as much of the worker's tick as they need.
//
// The base of the tests of connections and of what lies between two of them. Each Side is one
// connection with an owner that does nothing, and the peer's end of its socket pair.
#pragma once

#include <memory>
#include <utility>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dataplane/transport/connection.h"

namespace mcpgw::transport {

// The smallest owner: it is marked, and that is all.
struct IdleOwner : Dirty {
    explicit IdleOwner(Context& context)
        : Dirty(Kind::client), connection(context, *this, Connection::Role::client) {}
    Connection connection;
};

class TransportTest : public testing::Test {
  protected:
    struct Side {
        std::unique_ptr<IdleOwner> owner;
        int peer = -1;
    };
    void SetUp() override {
        auto opened = io::Ring::open({.receive_buffers = 16, .receive_buffer_bytes = 4096});
        ASSERT_TRUE(opened) << opened.error().detail;
        ring = std::move(*opened);
        context = std::make_unique<Context>(*ring, *metrics);
    }
    Side connect() {
        int pair[2];
        EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
        Side side{std::make_unique<IdleOwner>(*context), pair[1]};
        side.owner->connection.adopt(pair[0]);
        return side;
    }
    void end(Side& side) {
        side.owner->connection.abort();
        until([&] { return side.owner->connection.state() == Connection::State::closed; });
        static_cast<ListNode<DirtyTag>&>(*side.owner).unlink();
        side.owner.reset();
        close(side.peer);
    }
    void tick() {
        while (Connection* connection = context->unsettled.pop_front())
            connection->settle();
        const bool hurry = std::exchange(context->hurry, false);
        ring->wait(ring->now() + (hurry ? 0 : 5 * kMillisecond));
        context->now = ring->now();
        if (ring->buffers().half_free())
            while (Connection* connection = context->starved.pop_front())
                connection->feed();
    }
    template <class Condition>
    void until(Condition condition) {
        const Nanos deadline = ring->now() + 5 * kSecond;
        bool met = condition();
        while (!met && ring->now() < deadline) {
            tick();
            met = condition();
        }
        ASSERT_TRUE(met);
    }

    std::unique_ptr<WorkerMetrics> metrics = std::make_unique<WorkerMetrics>();
    std::unique_ptr<io::Ring> ring;
    std::unique_ptr<Context> context;
};

}  // namespace mcpgw::transport
