// Which URLs can be a server's, and what they mean.
#include "controlplane/model/url.h"

#include <string>

#include <gtest/gtest.h>

#include "controlplane/model/adapter.h"

namespace mcpgw::model {
namespace {

TEST(ServerUrl, the_parts_of_a_url_are_found) {
    struct Case {
        std::string_view url;
        std::string_view host;
        std::uint16_t port;
        std::string_view path;
        std::string_view authority;
    };
    const Case cases[] = {
        {"http://127.0.0.1:9000/mcp", "127.0.0.1", 9000, "/mcp", "127.0.0.1:9000"},
        {"http://Example.COM", "example.com", 80, "", "example.com"},
        {"HTTP://h:80/", "h", 80, "/", "h"},
        {"http://[::1]:81/a/b", "::1", 81, "/a/b", "[::1]:81"},
        {"http://[2001:db8::1]/", "2001:db8::1", 80, "/", "[2001:db8::1]"},
        {"https://h/x", "h", 443, "/x", "h"},
        {"https://h:80/x", "h", 80, "/x", "h:80"},
        {"http://my_host.svc-1.local:65535", "my_host.svc-1.local", 65535, "",
         "my_host.svc-1.local:65535"},
    };
    for (const Case& c : cases) {
        const auto url = parse_server_url(c.url);
        ASSERT_TRUE(url) << c.url << " " << url.error().detail;
        EXPECT_EQ(url->host, c.host);
        EXPECT_EQ(url->port, c.port);
        EXPECT_EQ(url->path, c.path);
        EXPECT_EQ(url->authority, c.authority);
        EXPECT_EQ(url->is_https, c.url.starts_with("https"));
    }
}

TEST(ServerUrl, what_is_no_server_address_is_refused) {
    for (const std::string_view url : {"",
                                       "http://",
                                       "http:///mcp",
                                       "ftp://h/",
                                       "h:80",
                                       "//h/",
                                       "http:/h",
                                       "http://u@h/",
                                       "http://u:p@h/",
                                       "http://h/#f",
                                       "http://h?q",
                                       "http://h/?q=1",
                                       "http://h:0/",
                                       "http://h:65536/",
                                       "http://h:/",
                                       "http://h:8x/",
                                       "http://h:-1/",
                                       "http://h:80:81/",
                                       "http://[::1/",
                                       "http://[::1]8/",
                                       "http://[127.0.0.1]/",
                                       "http://[]/",
                                       "http://::1/",
                                       "http://h /",
                                       "http://h/a b",
                                       "http://h/%zz",
                                       "http://h/../x",
                                       "http://h/a/./b",
                                       "http://h\r\nX: y/",
                                       "http://a..b/",
                                       "http://.a/",
                                       "http://h/\x80",
                                       "http://h\\x/"})
        EXPECT_FALSE(parse_server_url(url)) << url;
}

TEST(ServerUrl, a_path_is_absolute_and_plain) {
    for (const std::string_view path :
         {"/", "/mcp", "/mcp/", "/a-b_c.d~e/%20", "/...", "/a:b@c", "/.hidden"})
        EXPECT_TRUE(is_path(path)) << path;
    for (const std::string_view path : {"", "mcp", "/a?b", "/a#b", "/a b", "/..", "/../x", "/x/..",
                                        "/.", "/%", "/%2", "/%g0", "/\"", "/<", "/\\", "/\x7f"})
        EXPECT_FALSE(is_path(path)) << path;
    EXPECT_TRUE(is_path("/" + std::string(1023, 'a')));
    EXPECT_FALSE(is_path("/" + std::string(1024, 'a')));
}

TEST(ServerUrl, its_own_path_wins_over_the_field) {
    Adapter adapter;
    adapter.url = "http://h:9000";
    adapter.path = "/field";
    EXPECT_EQ(endpoint_of_url(adapter).path, "/field");
    adapter.url = "http://h:9000/own";
    EXPECT_EQ(endpoint_of_url(adapter).path, "/own");
    adapter.url = "http://h:9000/";
    EXPECT_EQ(endpoint_of_url(adapter).path, "/");
    EXPECT_EQ(endpoint_of_url(adapter).authority, "h:9000");
    EXPECT_EQ(endpoint_of_url(adapter).port, 9000);
}

}  // namespace
}  // namespace mcpgw::model
