// Which authorities name the loopback, and which are one origin.
#include "common/protocol/authority.h"

#include <gtest/gtest.h>

namespace mcpgw::http {
namespace {

TEST(Authority, loopback_names_are_recognised_with_any_port) {
    for (const char* name : {"localhost", "LocalHost:1", "127.0.0.1", "127.0.0.1:8000",
                             "127.255.1.2:9", "[::1]", "[::1]:8000"})
        EXPECT_TRUE(names_loopback(name)) << name;
}

TEST(Authority, look_alikes_are_not_loopback) {
    for (const char* name : {"", "localhost.evil.example", "127.0.0.1.evil.example", "127.0.0",
                             "127.0.0.256", "127.0.0.1.", "127..0.1", "128.0.0.1", "[::2]", "::1",
                             "evil.example:80", "[::1", "127.0.0.1@evil"})
        EXPECT_FALSE(names_loopback(name)) << name;
}

TEST(Authority, one_origin_has_one_host_and_one_port) {
    EXPECT_TRUE(same_http_origin("a.example", "A.example"));
    EXPECT_TRUE(same_http_origin("a.example:80", "a.example"));
    EXPECT_TRUE(same_http_origin("a.example:", "a.example:80"));
    EXPECT_TRUE(same_http_origin("[2001:db8::1]:9", "[2001:DB8::1]:9"));
    EXPECT_FALSE(same_http_origin("a.example:81", "a.example"));
    EXPECT_FALSE(same_http_origin("a.example", "b.example"));
    EXPECT_FALSE(same_http_origin("user@a.example", "a.example"));
    EXPECT_FALSE(same_http_origin("", ""));
    EXPECT_FALSE(same_http_origin(":80", ":80"));
}

TEST(Authority, names_of_the_loopback_are_one_host) {
    EXPECT_TRUE(same_http_origin("localhost:3001", "127.0.0.1:3001"));
    EXPECT_TRUE(same_http_origin("[::1]:3001", "127.0.0.1:3001"));
    EXPECT_FALSE(same_http_origin("localhost:3001", "127.0.0.1:3002"));
}

}  // namespace
}  // namespace mcpgw::http
