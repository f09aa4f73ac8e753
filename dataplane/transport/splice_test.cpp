// Two connections over real socket pairs, and what a splice does between them: every byte once and
// in order, and both connections as before when it is over.
#include "dataplane/transport/splice.h"

#include <csignal>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dataplane/transport/connection_for_test.h"

namespace mcpgw::transport {
namespace {

std::string pattern(std::size_t size) {
    std::string text;
    for (std::size_t i = 0; text.size() < size; ++i)
        text += std::to_string(i) + ",";
    return text.substr(0, size);
}

class SpliceTest : public TransportTest {
  protected:
    void SetUp() override {
        signal(SIGPIPE, SIG_IGN);  // as the data plane does
        TransportTest::SetUp();
        from = connect();
        to = connect();
    }
    void TearDown() override {
        for (Side* side : {&from, &to})
            end(*side);
    }
    // Arranged and opened, before anything is received.
    Splice& begin(std::uint64_t bytes) {
        Splice* splice = context->splices.arrange(from.owner->connection, to.owner->connection);
        EXPECT_NE(splice, nullptr);
        until([&] { return splice->is_ready(); });
        splice->open(bytes);
        return *splice;
    }
    // One peer writes what its socket takes, the other reads what there is.
    void exchange_some(const std::string& text, std::size_t read_max) {
        if (written < text.size()) {
            const ssize_t n = write(from.peer, text.data() + written, text.size() - written);
            if (n > 0) written += static_cast<std::size_t>(n);
        }
        std::string room(read_max, '\0');
        const ssize_t n = read(to.peer, room.data(), room.size());
        if (n > 0) received.append(room, 0, static_cast<std::size_t>(n));
    }

    Side from;
    Side to;
    std::size_t written = 0;
    std::string received;
};

TEST_F(SpliceTest, a_body_goes_across_whole_however_slowly_it_is_taken) {
    const std::string body = pattern(3'000'000);
    Splice& splice = begin(body.size());
    std::uint64_t moved = 0;
    until([&] {
        exchange_some(body, 10'000);
        moved += splice.take_moved();
        return moved == body.size();
    });
    EXPECT_FALSE(splice.is_stuck());
    splice.end();
    until([&] {
        exchange_some(body, 100'000);
        return received.size() == body.size();
    });
    EXPECT_TRUE(received == body);
    EXPECT_EQ(metrics->spliced_bytes.value(), body.size());
    EXPECT_EQ(metrics->bytes[Direction::client_in].value(), body.size());
    EXPECT_EQ(metrics->bytes[Direction::client_out].value(), body.size());
}

TEST_F(SpliceTest, what_was_queued_before_goes_first_and_what_comes_behind_is_received) {
    ASSERT_TRUE(to.owner->connection.output().push_text("head,"));
    to.owner->connection.touch();
    Splice& splice = begin(5);
    ASSERT_EQ(write(from.peer, "body,next", 9), 9);
    until([&] { return splice.take_moved() == 5; });
    splice.end();
    SegmentQueue input = from.owner->connection.input();
    until([&] { return input.bytes() == 4; });
    EXPECT_EQ(input.pop_slice().text(), "next");
    exchange_some("", 100);
    EXPECT_EQ(received, "head,body,");
}

TEST_F(SpliceTest, is_not_ready_before_what_was_received_is_read) {
    ASSERT_EQ(write(from.peer, "early", 5), 5);
    SegmentQueue input = from.owner->connection.input();
    until([&] { return input.bytes() == 5; });
    Splice* splice = context->splices.arrange(from.owner->connection, to.owner->connection);
    ASSERT_NE(splice, nullptr);
    for (int i = 0; i < 5; ++i)
        tick();
    EXPECT_FALSE(splice->is_ready());
    input.clear();
    EXPECT_TRUE(splice->is_ready());
    splice->end();
}

TEST_F(SpliceTest, a_source_that_ends_early_has_not_given_all) {
    Splice& splice = begin(100);
    ASSERT_EQ(write(from.peer, "short", 5), 5);
    shutdown(from.peer, SHUT_WR);
    until([&] { return from.owner->connection.input_ended(); });
    EXPECT_EQ(splice.take_moved(), 5U);
}

TEST_F(SpliceTest, a_taker_that_goes_is_told_as_a_failure_of_its_connection) {
    Splice& splice = begin(1'000'000);
    const std::string body = pattern(1'000'000);
    until([&] {
        exchange_some(body, 1000);
        return splice.is_stuck();
    });
    close(std::exchange(to.peer, -1));
    until([&] { return to.owner->connection.error_number() != 0; });
    to.owner->connection.abort();
    until([&] { return to.owner->connection.state() == Connection::State::closed; });
    EXPECT_EQ(from.owner->connection.splice_from_here(), nullptr);
    // The source is an ordinary connection again.
    until([&] { return from.owner->connection.input().bytes() > 0; });
    from.owner->connection.input().clear();
}

TEST_F(SpliceTest, ended_midway_it_leaves_two_ordinary_connections) {
    const std::string body = pattern(2'000'000);
    Splice& splice = begin(body.size());
    until([&] {
        exchange_some(body, 1000);
        return splice.is_stuck();
    });
    splice.end();
    SegmentQueue input = from.owner->connection.input();
    until([&] { return input.bytes() > 0; });
    input.clear();
    ASSERT_TRUE(to.owner->connection.output().push_text("tail"));
    to.owner->connection.touch();
    until([&] {
        exchange_some("", 100'000);
        return received.ends_with("tail");
    });
}

TEST_F(SpliceTest, a_connection_takes_part_in_one_at_a_time) {
    Connection& one = from.owner->connection;
    Connection& other = to.owner->connection;
    Splice* splice = context->splices.arrange(one, other);
    ASSERT_NE(splice, nullptr);
    EXPECT_EQ(context->splices.arrange(one, other), nullptr);
    EXPECT_EQ(context->splices.arrange(other, one), nullptr);
    EXPECT_EQ(one.splice_from_here(), splice);
    EXPECT_EQ(other.splice_from_here(), nullptr);
    splice->end();
    EXPECT_EQ(context->splices.arrange(other, one), splice);
    splice->end();
}

TEST_F(SpliceTest, there_are_so_many_and_no_more) {
    std::vector<Side> sides;
    std::vector<Splice*> splices;
    for (std::size_t i = 0; i < limits::splices_per_worker_max; ++i) {
        sides.push_back(connect());
        sides.push_back(connect());
        splices.push_back(context->splices.arrange(sides[2 * i].owner->connection,
                                                   sides[2 * i + 1].owner->connection));
        ASSERT_NE(splices.back(), nullptr);
    }
    EXPECT_EQ(context->splices.arrange(from.owner->connection, to.owner->connection), nullptr);
    splices.front()->end();
    Splice* again = context->splices.arrange(from.owner->connection, to.owner->connection);
    EXPECT_EQ(again, splices.front());
    for (Side& side : sides)
        end(side);
}

}  // namespace
}  // namespace mcpgw::transport
