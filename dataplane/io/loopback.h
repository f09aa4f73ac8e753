// Connections that stay on this machine.
//
// Between two processes of one machine nothing is congested, but some congestion controls (BBR)
// pace what they send all the same: with a timer of the kernel for every few pieces. Such
// connections use the one that every kernel has and that paces nothing.
#pragma once

#include <sys/socket.h>

namespace mcpgw::io {

// 127.0.0.0/8, ::1, and Unix sockets.
[[nodiscard]] bool is_loopback(const sockaddr& address);
// Before the socket connects or listens; accepted sockets inherit it. Does nothing for Unix
// sockets, or where the kernel has no choice to offer.
void do_not_pace(int socket);

}  // namespace mcpgw::io
