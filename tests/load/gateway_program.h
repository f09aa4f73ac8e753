// The data plane as a program, with one adapter "a" of one instance, and what it costs.
//
// It serves from a snapshot on disk, as after a restart without a control plane, and inherits its
// listening sockets, so that the kernel chooses the ports. Its log goes to a file that is printed
// when a test fails. Ends with its object.
#pragma once

#include <cstdint>
#include <string>

#include <sys/types.h>

#include "dataplane/link/temporary_directory.h"

namespace mcpgw::load {

class GatewayProgram {
  public:
    explicit GatewayProgram(std::uint16_t server_port);
    GatewayProgram(const GatewayProgram&) = delete;
    ~GatewayProgram();

    [[nodiscard]] std::uint16_t port() const { return port_; }
    // Resident bytes, and open descriptors.
    [[nodiscard]] std::size_t resident_bytes() const;
    [[nodiscard]] std::size_t descriptors() const;
    // The sum of all samples of that metric; 0 if there are none.
    [[nodiscard]] double metric(const std::string& name) const;
    [[nodiscard]] std::string log() const;

  private:
    fixture::TemporaryDirectory folder_;
    pid_t child_ = -1;
    std::uint16_t port_ = 0;
    std::uint16_t admin_port_ = 0;
};

}  // namespace mcpgw::load
