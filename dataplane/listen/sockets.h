// Listening sockets: made from addresses, or inherited from whoever started the process.
//
// With the protocol of sd_listen_fds(3) the starter binds and keeps the sockets open across
// restarts of this process, so that no connection is refused meanwhile. Descriptors are named
// "main" or "admin" (LISTEN_FDNAMES); unnamed ones are main.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"

namespace mcpgw::listen {

struct ListeningSockets {
    std::vector<int> main;   // one per worker, or fewer that workers share
    std::vector<int> admin;  // at most one
};

// What the starter handed over; empty lists if nothing. The environment variables are removed.
[[nodiscard]] Result<ListeningSockets> inherit_sockets();

// Binds `count` sockets (SO_REUSEPORT) to "ADDRESS:PORT" or "[ADDRESS]:PORT", port 0 for any; all
// share the port. Code::address_in_use when somebody else listens there already.
[[nodiscard]] Result<std::vector<int>> bind_sockets(std::string_view address, std::size_t count);

[[nodiscard]] bool is_loopback(int socket);
// "127.0.0.1:8000" or "[::1]:8000".
[[nodiscard]] std::string local_address(int socket);

}  // namespace mcpgw::listen
