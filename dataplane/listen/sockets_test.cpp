// Listening sockets share one port and refuse a port that somebody else has.
#include "dataplane/listen/sockets.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace mcpgw::listen {
namespace {

TEST(Sockets, several_sockets_share_one_port_that_nobody_else_gets) {
    auto sockets = bind_sockets("127.0.0.1:0", 3);
    ASSERT_TRUE(sockets) << sockets.error().detail;
    ASSERT_EQ(sockets->size(), 3U);
    const std::string address = local_address(sockets->front());
    EXPECT_NE(address, "127.0.0.1:0");
    for (const int socket : *sockets) {
        EXPECT_EQ(local_address(socket), address);
        EXPECT_TRUE(is_loopback(socket));
    }
    const auto again = bind_sockets(address, 1);
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().code, Code::address_in_use);
    EXPECT_EQ(again.error().detail, address + " is already in use");
    for (const int socket : *sockets)
        close(socket);
    auto later = bind_sockets(address, 1);
    ASSERT_TRUE(later) << later.error().detail;
    close(later->front());
}

TEST(Sockets, bad_addresses_are_named) {
    for (const char* text : {"", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:65536",
                             "localhost:1", "::1:80", "[::1]", "[::g]:1", "1.2.3:4"}) {
        const auto bound = bind_sockets(text, 1);
        ASSERT_FALSE(bound) << text;
        EXPECT_EQ(bound.error().code, Code::invalid_argument) << text;
    }
}

TEST(Sockets, any_address_is_not_loopback) {
    auto sockets = bind_sockets("0.0.0.0:0", 1);
    ASSERT_TRUE(sockets) << sockets.error().detail;
    EXPECT_FALSE(is_loopback(sockets->front()));
    close(sockets->front());
}

}  // namespace
}  // namespace mcpgw::listen
