// What was said by the kernel comes back as it was.
#include "dataplane/transport/peer_address.h"

#include <string>

#include <gtest/gtest.h>

namespace mcpgw::transport {
namespace {

TEST(PeerAddress, the_text_comes_back) {
    for (const std::string_view text :
         {"0.0.0.0", "127.0.0.1", "9.10.99.100", "255.255.255.255", "::", "::1", "2001:db8::7",
          "2001:db8:1111:2222:3333:4444:5555:6666", "::ffff:192.0.2.1"})
        EXPECT_EQ(PeerAddress(text).text().view(), text);
}

TEST(PeerAddress, what_is_no_address_has_no_text) {
    for (const std::string& text : {std::string(), std::string("1.2.3"), std::string("unix"),
                                    std::string("1.2.3.256"), std::string(200, '1')})
        EXPECT_EQ(PeerAddress(text).text().view(), "") << text;
}

TEST(PeerAddress, it_is_small_because_every_connection_keeps_one) {
    EXPECT_LE(sizeof(PeerAddress), 17U);
}

bool is_in(const char* network, const char* address) {
    const auto parsed = Network::parse(network);
    EXPECT_TRUE(parsed) << network;
    return parsed && parsed->contains(PeerAddress(address));
}

TEST(Network, has_the_addresses_that_begin_with_the_same_bits) {
    EXPECT_TRUE(is_in("10.0.0.0/8", "10.255.0.1"));
    EXPECT_FALSE(is_in("10.0.0.0/8", "11.0.0.1"));
    EXPECT_TRUE(is_in("10.1.2.128/25", "10.1.2.200"));
    EXPECT_FALSE(is_in("10.1.2.128/25", "10.1.2.127"));
    EXPECT_TRUE(is_in("192.0.2.7", "192.0.2.7"));
    EXPECT_FALSE(is_in("192.0.2.7", "192.0.2.6"));
    EXPECT_TRUE(is_in("0.0.0.0/0", "203.0.113.1"));
    EXPECT_FALSE(is_in("0.0.0.0/0", "2001:db8::1"));
    EXPECT_TRUE(is_in("2001:db8::/33", "2001:db8:7fff::1"));
    EXPECT_FALSE(is_in("2001:db8::/33", "2001:db8:8000::1"));
    EXPECT_TRUE(is_in("10.0.0.0/8", "::ffff:10.1.1.1")) << "as a socket for both has it";
    EXPECT_TRUE(is_in("::/0", "10.1.1.1"));
    EXPECT_FALSE(is_in("::/0", "unix")) << "nobody without an address";
}

TEST(Network, what_is_no_network_is_refused) {
    for (const char* text : {"", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.1/8", "/8",
                             "gw.example", "::1/127", "10.0.0.0/8x", "::/129"})
        EXPECT_FALSE(Network::parse(text)) << text;
}

}  // namespace
}  // namespace mcpgw::transport
