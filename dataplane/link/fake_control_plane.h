// A control plane for tests: a real Unix socket, frames by hand, and the right to misbehave.
//
// Everything that waits has the same generous limit and fails the test when it is reached.
#pragma once

#include <array>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/contract/frames.h"
#include "dataplane/link/file_descriptor.h"

namespace mcpgw::fixture {

inline constexpr int kPatienceMs = 20'000;

inline bool is_readable(int fd) {
    pollfd wait{fd, POLLIN, 0};
    return ::poll(&wait, 1, kPatienceMs) == 1;
}

class FakeConnection {
  public:
    explicit FakeConnection(FileDescriptor socket) : socket_(std::move(socket)) {}

    void send(std::string_view json) { send_raw(contract::encode_frame(json)); }
    void send_raw(std::string_view bytes) {
        while (!bytes.empty()) {
            const ssize_t sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
            ASSERT_GT(sent, 0) << std::strerror(errno);
            bytes.remove_prefix(static_cast<std::size_t>(sent));
        }
    }
    // The next frame; empty when the connection ended or nothing came.
    std::string next() {
        while (true) {
            auto frame = decoder_.next();
            if (!frame) {
                ADD_FAILURE() << frame.error().detail;
                return {};
            }
            if (frame->has_value()) return **frame;
            std::array<char, 65536> buffer;
            if (!is_readable(socket_.get())) {
                ADD_FAILURE() << "no frame in time";
                return {};
            }
            const ssize_t got = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
            if (got <= 0) return {};
            decoder_.feed({buffer.data(), static_cast<std::size_t>(got)});
        }
    }
    contract::Hello hello() {
        const auto hello = contract::decode_hello(next());
        EXPECT_TRUE(hello);
        return hello ? *hello : contract::Hello{};
    }
    std::uint64_t acked() {
        const std::string frame = next();
        const auto ack = contract::decode_ack(frame);
        EXPECT_TRUE(ack) << frame;
        return ack ? ack->version : 0;
    }
    contract::Refuse refused() {
        const std::string frame = next();
        const auto refuse = contract::decode_refuse(frame);
        EXPECT_TRUE(refuse) << frame;
        return refuse ? *refuse : contract::Refuse{};
    }
    // Waits until the other side has closed; anything it still says is read away.
    bool is_closed_by_peer() {
        std::array<char, 65536> buffer;
        while (is_readable(socket_.get()))
            if (::recv(socket_.get(), buffer.data(), buffer.size(), 0) <= 0) return true;
        return false;
    }

  private:
    FileDescriptor socket_;
    contract::FrameDecoder decoder_;
};

class FakeControlPlane {
  public:
    explicit FakeControlPlane(const std::string& path) {
        ::unlink(path.c_str());
        listener_ = FileDescriptor(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        EXPECT_LT(path.size(), sizeof address.sun_path);
        std::memcpy(address.sun_path, path.data(), path.size());
        const auto* generic = reinterpret_cast<const sockaddr*>(&address);
        EXPECT_EQ(::bind(listener_.get(), generic, sizeof address), 0) << std::strerror(errno);
        EXPECT_EQ(::listen(listener_.get(), 8), 0);
    }

    FakeConnection accept() {
        EXPECT_TRUE(is_readable(listener_.get())) << "nobody connected";
        return FakeConnection(
            FileDescriptor(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC)));
    }

  private:
    FileDescriptor listener_;
};

}  // namespace mcpgw::fixture
