// The ring against the real kernel: receiving, starving, cancelling, connecting.
#include "dataplane/io/ring.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace mcpgw::io {
namespace {

constexpr RingOptions kSmall{.receive_buffers = 4, .receive_buffer_bytes = 256};

// An owner that notes what happened to its operation.
struct Recorder {
    explicit Recorder(Ring& the_ring) : ring(the_ring) {}
    void on_done(const Completion& completion) {
        results.push_back(completion.result);
        if (completion.has_buffer && completion.result > 0)
            slices.push_back(ring.buffers().take(completion.buffer,
                                                 static_cast<std::uint32_t>(completion.result),
                                                 completion.buffer_more));
        else if (completion.has_buffer)
            ring.buffers().give_back(completion.buffer, completion.buffer_more);
    }
    [[nodiscard]] std::string text() const {
        std::string all;
        for (const Slice& slice : slices)
            all += slice.text();
        return all;
    }
    Ring& ring;
    std::vector<std::int32_t> results;
    std::vector<Slice> slices;
    OperationOf<Recorder, &Recorder::on_done> operation{*this};
};

class RingTest : public testing::Test {
  protected:
    void SetUp() override {
        auto opened = Ring::open(kSmall);
        ASSERT_TRUE(opened) << opened.error().detail;
        ring = std::move(*opened);
        ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()), 0);
    }
    void TearDown() override {
        for (const int descriptor : pair)
            close(descriptor);
    }
    void write_peer(std::string_view text) {
        ASSERT_EQ(write(pair[1], text.data(), text.size()), static_cast<ssize_t>(text.size()));
    }
    // Waits until the condition holds; gives up after five seconds.
    template <class Condition>
    void until(Condition condition) {
        const Nanos deadline = ring->now() + 5 * kSecond;
        bool met = condition();
        while (!met && ring->now() < deadline) {
            ring->wait(deadline);
            met = condition();
        }
        ASSERT_TRUE(met);
    }
    std::unique_ptr<Ring> ring;
    std::array<int, 2> pair{};
};

TEST_F(RingTest, a_multishot_receive_delivers_every_byte_and_the_end) {
    Recorder recorder(*ring);
    ring->receive(recorder.operation, pair[0]);
    ring->wait(ring->now());
    write_peer("one");
    until([&] { return recorder.text() == "one"; });
    EXPECT_TRUE(recorder.operation.armed());
    write_peer("two");
    until([&] { return recorder.text() == "onetwo"; });
    shutdown(pair[1], SHUT_WR);
    until([&] { return !recorder.operation.armed(); });
    EXPECT_EQ(recorder.results.back(), 0);
}

TEST_F(RingTest, an_empty_pool_starves_and_loses_nothing) {
    Recorder recorder(*ring);
    std::string sent;
    for (int i = 0; i < 6; ++i)
        sent += std::string(256, static_cast<char>('a' + i));
    write_peer(sent);
    ring->receive(recorder.operation, pair[0]);
    until([&] { return !recorder.operation.armed(); });
    EXPECT_EQ(recorder.results.back(), -ENOBUFS);
    const std::string before = recorder.text();
    EXPECT_LT(before.size(), sent.size());
    recorder.slices.clear();
    ring->receive(recorder.operation, pair[0]);
    until([&] { return before.size() + recorder.text().size() == sent.size(); });
    EXPECT_EQ(before + recorder.text(), sent);
    ring->cancel(recorder.operation);
    until([&] { return !recorder.operation.armed(); });
    EXPECT_EQ(recorder.results.back(), -ECANCELED);
}

TEST_F(RingTest, a_gather_send_arrives_in_order) {
    Recorder sender(*ring);
    std::array<char, 3> first{'a', 'b', 'c'};
    std::array<char, 2> second{'d', 'e'};
    std::array<iovec, 2> pieces{{{first.data(), first.size()}, {second.data(), second.size()}}};
    msghdr message{};
    message.msg_iov = pieces.data();
    message.msg_iovlen = pieces.size();
    ring->send(sender.operation, pair[0], message);
    until([&] { return !sender.operation.armed(); });
    EXPECT_EQ(sender.results.back(), 5);
    std::array<char, 16> read_back{};
    ASSERT_EQ(read(pair[1], read_back.data(), read_back.size()), 5);
    EXPECT_EQ(std::string_view(read_back.data(), 5), "abcde");
}

TEST_F(RingTest, connecting_to_a_closed_port_is_refused) {
    // A port that was just free: bound, read back, closed again.
    const int probe = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    ASSERT_EQ(bind(probe, reinterpret_cast<sockaddr*>(&address), size), 0);
    ASSERT_EQ(getsockname(probe, reinterpret_cast<sockaddr*>(&address), &size), 0);
    close(probe);
    auto socket_opened = ring->open_socket(reinterpret_cast<sockaddr&>(address));
    ASSERT_TRUE(socket_opened);
    Recorder recorder(*ring);
    ring->connect(recorder.operation, *socket_opened, reinterpret_cast<sockaddr*>(&address), size);
    until([&] { return !recorder.operation.armed(); });
    EXPECT_EQ(recorder.results.back(), -ECONNREFUSED);
    ring->close(*socket_opened);
    ring->wait(ring->now());
}

TEST_F(RingTest, waiting_ends_at_its_deadline) {
    const Nanos before = ring->now();
    EXPECT_EQ(ring->wait(before + 20 * kMillisecond), 0U);
    EXPECT_GE(ring->now(), before + 20 * kMillisecond);
}

TEST_F(RingTest, more_operations_than_the_queue_holds_are_all_done) {
    auto tight =
        Ring::open({.receive_buffers = 4, .receive_buffer_bytes = 256, .submissions_max = 8});
    ASSERT_TRUE(tight) << tight.error().detail;
    std::vector<std::unique_ptr<Recorder>> recorders;
    std::vector<std::array<std::byte, 1>> bytes(100);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        recorders.push_back(std::make_unique<Recorder>(**tight));
        (*tight)->read(recorders.back()->operation, pair[0], bytes[i]);
    }
    write_peer(std::string(bytes.size(), 'x'));
    const Nanos deadline = (*tight)->now() + 5 * kSecond;
    const auto all_done = [&] {
        for (const auto& recorder : recorders)
            if (recorder->operation.armed()) return false;
        return true;
    };
    while (!all_done() && (*tight)->now() < deadline)
        (*tight)->wait(deadline);
    EXPECT_TRUE(all_done());
}

}  // namespace
}  // namespace mcpgw::io
