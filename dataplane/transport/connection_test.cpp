// A connection over a real socket pair: nothing is lost by pausing, draining or ending.
#include "dataplane/transport/connection.h"

#include <string>
#include <utility>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dataplane/transport/connection_for_test.h"

namespace mcpgw::transport {
namespace {

class ConnectionTest : public TransportTest {
  protected:
    void SetUp() override {
        TransportTest::SetUp();
        auto [made, its_peer] = connect();
        owner = std::move(made);
        peer = its_peer;
    }
    void TearDown() override {
        Side side{std::move(owner), peer};
        end(side);
    }
    std::string take_input() {
        std::string text;
        SegmentQueue input = owner->connection.input();
        while (!input.empty())
            text += input.pop_slice().text();
        owner->connection.resume(PauseReason::input_full);
        return text;
    }
    std::unique_ptr<IdleOwner> owner;
    int peer = -1;
};

TEST_F(ConnectionTest, pausing_and_resuming_loses_no_byte) {
    std::string sent;
    std::string received;
    std::size_t written = 0;
    for (int i = 0; i < 200'000; ++i)
        sent += static_cast<char>('a' + i % 23);
    int turn = 0;
    until([&] {
        while (written < sent.size()) {
            const ssize_t n = write(peer, sent.data() + written, sent.size() - written);
            if (n <= 0) break;
            written += static_cast<std::size_t>(n);
        }
        if (++turn % 3 == 0)
            owner->connection.pause(PauseReason::peer_full);
        else
            owner->connection.resume(PauseReason::peer_full);
        received += take_input();
        return received.size() == sent.size();
    });
    EXPECT_EQ(received, sent);
}

TEST_F(ConnectionTest, one_reason_does_not_resume_for_another) {
    owner->connection.pause(PauseReason::peer_full);
    owner->connection.pause(PauseReason::not_my_turn);
    tick();
    tick();
    owner->connection.resume(PauseReason::peer_full);
    ASSERT_EQ(write(peer, "x", 1), 1);
    for (int i = 0; i < 5; ++i)
        tick();
    EXPECT_TRUE(owner->connection.input().empty());
    owner->connection.resume(PauseReason::not_my_turn);
    until([&] { return take_input() == "x"; });
}

TEST_F(ConnectionTest, draining_sends_everything_before_it_closes) {
    std::string sent;
    for (int i = 0; i < 40'000; ++i) {
        sent += "0123456789";
        ASSERT_TRUE(owner->connection.output().push_text("0123456789"));
    }
    owner->connection.touch();
    owner->connection.drain();
    std::string received;
    bool ended = false;
    until([&] {
        char buffer[65536];
        const ssize_t n = read(peer, buffer, sizeof buffer);
        if (n > 0) received.append(buffer, static_cast<std::size_t>(n));
        ended = ended || n == 0;
        return ended;
    });
    EXPECT_EQ(received, sent);
    until([&] { return owner->connection.state() == Connection::State::closed; });
}

TEST_F(ConnectionTest, aborting_with_a_send_in_the_kernel_ends_cleanly) {
    for (int i = 0; i < 200'000; ++i)
        ASSERT_TRUE(owner->connection.output().push_text("nobody reads these many bytes"));
    owner->connection.touch();
    tick();
    owner->connection.abort();
    until([&] { return owner->connection.state() == Connection::State::closed; });
    EXPECT_EQ(context->segments.used(), 0U);
    EXPECT_EQ(context->vectors.used(), 0U);
}

TEST_F(ConnectionTest, closing_is_terminal) {
    owner->connection.abort();
    until([&] { return owner->connection.state() == Connection::State::closed; });
    owner->connection.drain();
    owner->connection.abort();
    EXPECT_EQ(owner->connection.state(), Connection::State::closed);
}

TEST_F(ConnectionTest, the_end_of_input_is_reported_after_its_bytes) {
    ASSERT_EQ(write(peer, "last", 4), 4);
    shutdown(peer, SHUT_WR);
    until([&] { return owner->connection.input_ended(); });
    EXPECT_EQ(take_input(), "last");
    EXPECT_EQ(owner->connection.error_number(), 0);
}

TEST_F(ConnectionTest, who_is_next_goes_before_all_that_are_dirty) {
    IdleOwner other(*context);
    context->mark(*owner);
    context->mark_next(other);
    EXPECT_EQ(context->dirty.pop_front(), &other);
    EXPECT_EQ(context->dirty.pop_front(), owner.get());
}

}  // namespace
}  // namespace mcpgw::transport
