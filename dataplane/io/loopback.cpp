// Addresses of this machine, and the congestion control for them.
#include "dataplane/io/loopback.h"

#include <string_view>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

namespace mcpgw::io {

bool is_loopback(const sockaddr& address) {
    switch (address.sa_family) {
        case AF_INET:
            return ntohl(reinterpret_cast<const sockaddr_in&>(address).sin_addr.s_addr) >> 24 ==
                   127;
        case AF_INET6:
            return IN6_IS_ADDR_LOOPBACK(&reinterpret_cast<const sockaddr_in6&>(address).sin6_addr);
        default:
            return address.sa_family == AF_UNIX;
    }
}

void do_not_pace(int socket) {
    constexpr std::string_view name = "reno";
    setsockopt(socket, IPPROTO_TCP, TCP_CONGESTION, name.data(), name.size());
}

}  // namespace mcpgw::io
