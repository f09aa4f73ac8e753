// Whose words about the client count, and which of them.
#include "dataplane/auth/proxy_words.h"

#include <vector>

#include <gtest/gtest.h>

namespace mcpgw::auth {
namespace {

using transport::Network;
using transport::PeerAddress;

class ProxyWordsTest : public testing::Test {
  protected:
    ProxyWords ask(std::initializer_list<http::Field> items, const char* peer = "10.0.0.1") {
        fields.clear();
        for (const http::Field& item : items)
            EXPECT_TRUE(fields.add(item.name, item.value));
        return proxy_words(fields, PeerAddress(peer), trusted);
    }
    http::Fields fields;
    std::vector<Network> trusted{*Network::parse("10.0.0.0/8"), *Network::parse("::1")};
};

TEST_F(ProxyWordsTest, a_peer_that_is_not_trusted_says_nothing) {
    const ProxyWords words = ask({{"X-Forwarded-For", "1.2.3.4"},
                                  {"X-Forwarded-Host", "evil.example"},
                                  {"X-Forwarded-Proto", "https"},
                                  {"X-Forwarded-Prefix", "/x"},
                                  {"Forwarded", "for=1.2.3.4;host=evil.example;proto=https"}},
                                 "192.0.2.1");
    EXPECT_EQ(words.client.text().view(), "192.0.2.1");
    EXPECT_EQ(words.host, "");
    EXPECT_EQ(words.scheme, "");
    EXPECT_EQ(words.prefix, "");
}

TEST_F(ProxyWordsTest, a_trusted_one_names_client_scheme_host_and_prefix) {
    const ProxyWords words = ask({{"X-Forwarded-For", "203.0.113.9"},
                                  {"X-Forwarded-Host", "gw.example:8443"},
                                  {"X-Forwarded-Proto", "HTTPS"},
                                  {"X-Forwarded-Prefix", "/mcp-gw/"}});
    EXPECT_EQ(words.client.text().view(), "203.0.113.9");
    EXPECT_EQ(words.host, "gw.example:8443");
    EXPECT_EQ(words.scheme, "https");
    EXPECT_EQ(words.prefix, "/mcp-gw");
}

TEST_F(ProxyWordsTest, the_client_is_the_last_address_that_is_no_trusted_proxy) {
    EXPECT_EQ(ask({{"X-Forwarded-For", "6.6.6.6, 203.0.113.9, 10.0.0.7"}}).client.text().view(),
              "203.0.113.9")
        << "what stands before it is only what the client says";
    EXPECT_EQ(ask({{"X-Forwarded-For", "10.0.0.5, 10.0.0.7"}}).client.text().view(), "10.0.0.5");
    EXPECT_EQ(ask({{"X-Forwarded-For", "203.0.113.9, unknown"}}).client.text().view(), "10.0.0.1");
    EXPECT_EQ(ask({{"X-Forwarded-For", "203.0.113.9:4711"}}).client.text().view(), "203.0.113.9");
    EXPECT_EQ(ask({{"X-Forwarded-For", "2001:db8::7"}}).client.text().view(), "2001:db8::7");
    EXPECT_EQ(ask({{"X-Forwarded-For", "[2001:db8::7]:4711"}}).client.text().view(), "2001:db8::7");
}

TEST_F(ProxyWordsTest, forwarded_comes_before_the_older_headers) {
    const ProxyWords words =
        ask({{"Forwarded", "for=6.6.6.6, For=\"[2001:db8::7]:1\" ;Proto=https; host=gw.example"},
             {"X-Forwarded-For", "7.7.7.7"},
             {"X-Forwarded-Host", "other.example"}});
    EXPECT_EQ(words.client.text().view(), "2001:db8::7");
    EXPECT_EQ(words.scheme, "https");
    EXPECT_EQ(words.host, "gw.example");
}

TEST_F(ProxyWordsTest, what_is_no_host_scheme_or_prefix_is_not_taken) {
    const ProxyWords words = ask({{"X-Forwarded-Host", "a\"b"},
                                  {"X-Forwarded-Proto", "javascript"},
                                  {"X-Forwarded-Prefix", "//evil.example"}});
    EXPECT_EQ(words.host, "");
    EXPECT_EQ(words.scheme, "");
    EXPECT_EQ(words.prefix, "");
    EXPECT_EQ(ask({{"X-Forwarded-Host", "a.example"}, {"X-Forwarded-Host", "b.example"}}).host, "");
    EXPECT_EQ(ask({{"Forwarded", "for=["}}).client.text().view(), "10.0.0.1");
}

TEST(PathPrefix, is_made_of_plain_segments) {
    for (const char* good : {"", "/a", "/a/b-c", "/a.b/~c_d"})
        EXPECT_TRUE(is_path_prefix(good)) << good;
    for (const char* bad : {"a", "/", "/a/", "/a//b", "/../b", "/a/.", "/a%20", "/a b", "/a?b"})
        EXPECT_FALSE(is_path_prefix(bad)) << bad;
}

}  // namespace
}  // namespace mcpgw::auth
