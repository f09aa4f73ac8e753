// Asks whether anybody listens: one TCP connection that is closed as soon as it stands.
//
// No byte is sent, so no MCP session comes into being. Never blocks: `start` begins, and either
// gives the outcome at once or leaves a descriptor that becomes writable (or a deadline that
// passes), upon which `finish` gives it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/time.h"
#include "controlplane/deploy/instance_directory.h"

namespace mcpgw::deploy {

struct ProbeOutcome {
    bool connected = false;
    int error = 0;  // errno; ETIMEDOUT when nobody answered in time
};

class TcpProbe {
  public:
    // `host` is numeric, IPv4 or IPv6.
    [[nodiscard]] std::optional<ProbeOutcome> start(const std::string& host, std::uint16_t port,
                                                    Nanos deadline);
    [[nodiscard]] std::optional<ProbeOutcome> finish(Nanos now);
    void cancel() { socket_.reset(); }

    [[nodiscard]] bool under_way() const { return static_cast<bool>(socket_); }
    [[nodiscard]] int fd() const { return socket_.get(); }  // to be watched for writing
    [[nodiscard]] Nanos deadline() const { return deadline_; }

  private:
    Descriptor socket_;
    Nanos deadline_ = kNever;
};

// "127.0.0.1:80", "[::1]:80"
[[nodiscard]] std::string address_text(const std::string& host, std::uint16_t port);

}  // namespace mcpgw::deploy
