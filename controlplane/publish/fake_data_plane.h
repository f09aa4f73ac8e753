// A data plane for tests of the publisher: a real Unix socket, and frames by hand.
//
// Everything that waits has the same generous limit.
#pragma once

#include <array>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "common/contract/frames.h"
#include "common/contract/snapshot.h"
#include "common/time.h"
#include "controlplane/deploy/instance_directory.h"
#include "controlplane/deploy/testing.h"

namespace mcpgw::publish {

class FakeDataPlane {
  public:
    explicit FakeDataPlane(const std::string& path)
        : fd_(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
        EXPECT_EQ(connect(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    }
    void send_bytes(std::string_view bytes) const {
        EXPECT_EQ(::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
                  static_cast<ssize_t>(bytes.size()));
    }
    void send(std::string_view json) const { send_bytes(contract::encode_frame(json)); }
    void hello(std::uint64_t version = 0, const std::string& epoch = "",
               const std::string& process = "") const {
        send(contract::encode(contract::Hello{.program_version = "test",
                                              .snapshot_version = version,
                                              .snapshot_epoch = epoch,
                                              .pid = 7,
                                              .process = process}));
    }
    void ack(std::uint64_t version) const { send(contract::encode(contract::Ack{version})); }

    // The next frame; "" if the other side closed, "(silence)" if none came in time.
    std::string receive(Nanos patience = deploy::testing::kPatience) {
        const Nanos deadline = monotonic_now() + patience;
        for (;;) {
            Result<std::optional<std::string>> frame = decoder_.next();
            EXPECT_TRUE(frame.has_value());
            if (!frame) return "";
            if (*frame) return **frame;
            const Nanos now = monotonic_now();
            pollfd wait{fd_.get(), POLLIN, 0};
            const auto left_ms = now >= deadline ? 0 : (deadline - now) / kMillisecond + 1;
            if (poll(&wait, 1, static_cast<int>(left_ms)) == 0) return "(silence)";
            std::array<char, 65536> block;
            const ssize_t got = recv(fd_.get(), block.data(), block.size(), 0);
            if (got <= 0) return "";
            decoder_.feed({block.data(), static_cast<std::size_t>(got)});
        }
    }
    contract::Snapshot snapshot() {
        const std::string json = receive();
        Result<contract::Snapshot> decoded = contract::decode_snapshot(json);
        EXPECT_TRUE(decoded.has_value()) << json;
        if (!decoded) return {};
        ack(decoded->version);
        return std::move(*decoded);
    }
    contract::Delta delta() {
        const std::string json = receive();
        Result<contract::Delta> decoded = contract::decode_delta(json);
        EXPECT_TRUE(decoded.has_value()) << json;
        if (!decoded) return {};
        ack(decoded->to);
        return std::move(*decoded);
    }
    // Nothing for long enough that it would have come.
    bool quiet() { return receive(50 * kMillisecond) == "(silence)"; }
    bool closed() { return receive() == ""; }
    // The other side closed, whatever is still to be read.
    [[nodiscard]] bool hung_up() const {
        pollfd wait{fd_.get(), 0, 0};
        return poll(&wait, 1, 0) == 1 && (wait.revents & POLLHUP) != 0;
    }

  private:
    deploy::Descriptor fd_;
    contract::FrameDecoder decoder_;
};

}  // namespace mcpgw::publish
