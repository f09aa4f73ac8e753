// A server for thousands of connections, in a process of its own, so that its descriptors and its
// memory are nobody else's. What it does is in the request:
//
//   GET           an event stream that stays silent
//   POST, "big"   an answer of kBigBytes
//   POST, "slow"  an answer of which one byte is sent a second
//   POST          a short answer
//
// It ends with whoever started it.
#pragma once

#include <cstddef>
#include <cstdint>

#include <sys/types.h>

namespace mcpgw::load {

inline constexpr std::size_t kBigBytes = std::size_t{16} * 1024 * 1024;

class LoadServer {
  public:
    // Forks: to be made before the process has a second thread.
    LoadServer();
    LoadServer(const LoadServer&) = delete;
    ~LoadServer();
    [[nodiscard]] std::uint16_t port() const { return port_; }

  private:
    pid_t child_ = -1;
    std::uint16_t port_ = 0;
};

// All descriptors that this process may have.
void raise_descriptor_limit();

}  // namespace mcpgw::load
