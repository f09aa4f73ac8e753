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

}  // namespace
}  // namespace mcpgw::transport
