// Which connections are told not to pace what they send.
#include "dataplane/io/loopback.h"

#include <array>
#include <string>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/un.h>
#include <unistd.h>

namespace mcpgw::io {
namespace {

bool is_loopback_ipv4(const char* text) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    EXPECT_EQ(inet_pton(AF_INET, text, &address.sin_addr), 1);
    return is_loopback(reinterpret_cast<const sockaddr&>(address));
}

bool is_loopback_ipv6(const char* text) {
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    EXPECT_EQ(inet_pton(AF_INET6, text, &address.sin6_addr), 1);
    return is_loopback(reinterpret_cast<const sockaddr&>(address));
}

TEST(Loopback, is_what_never_leaves_the_machine) {
    EXPECT_TRUE(is_loopback_ipv4("127.0.0.1"));
    EXPECT_TRUE(is_loopback_ipv4("127.255.3.4"));
    EXPECT_FALSE(is_loopback_ipv4("0.0.0.0"));
    EXPECT_FALSE(is_loopback_ipv4("128.0.0.1"));
    EXPECT_FALSE(is_loopback_ipv4("10.0.0.127"));
    EXPECT_TRUE(is_loopback_ipv6("::1"));
    EXPECT_FALSE(is_loopback_ipv6("::"));
    EXPECT_FALSE(is_loopback_ipv6("fe80::1"));
    sockaddr_un local{};
    local.sun_family = AF_UNIX;
    EXPECT_TRUE(is_loopback(reinterpret_cast<const sockaddr&>(local)));
}

TEST(Loopback, such_a_socket_does_not_pace) {
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    do_not_pace(socket);
    std::array<char, 16> name{};
    socklen_t size = name.size();
    ASSERT_EQ(getsockopt(socket, IPPROTO_TCP, TCP_CONGESTION, name.data(), &size), 0);
    EXPECT_EQ(std::string(name.data()), "reno");
    close(socket);
}

}  // namespace
}  // namespace mcpgw::io
