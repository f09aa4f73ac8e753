// Names, addresses and how long they are good, asked of a name server of this test.
#include "controlplane/deploy/resolver.h"

#include "controlplane/deploy/fake_dns.h"
#include "controlplane/deploy/testing.h"

namespace mcpgw::deploy {
namespace {

using testing::eventually;
using testing::FakeDns;

Resolution resolve(const std::string& host, const std::string& dns_servers) {
    auto resolver = Resolver::open(dns_servers);
    EXPECT_TRUE(resolver.has_value());
    resolver->ask(host);
    std::vector<Resolution> answers;
    EXPECT_TRUE(eventually([&] {
        answers = resolver->take_answers();
        return !answers.empty();
    }));
    return answers.empty() ? Resolution{} : answers.front();
}

TEST(Resolver, dns_tells_how_long_addresses_are_good) {
    FakeDns dns;
    dns.put("server.test", {"127.0.0.2", "127.0.0.3"}, 77);
    const Resolution found = resolve("server.test", dns.servers());
    EXPECT_EQ(found.host, "server.test");
    std::vector<std::string> addresses = found.addresses;
    std::ranges::sort(addresses);
    EXPECT_EQ(addresses, (std::vector<std::string>{"127.0.0.2", "127.0.0.3"}));
    EXPECT_EQ(found.ttl_seconds, 77U);
}

TEST(Resolver, addresses_of_both_kinds_are_found) {
    FakeDns dns;
    dns.put("server.test", {"127.0.0.2", "::1"}, 60);
    std::vector<std::string> addresses = resolve("server.test", dns.servers()).addresses;
    std::ranges::sort(addresses);
    EXPECT_EQ(addresses, (std::vector<std::string>{"127.0.0.2", "::1"}));
}

TEST(Resolver, a_name_that_does_not_exist_is_an_error_in_words) {
    FakeDns dns;
    const Resolution found = resolve("nobody.test", dns.servers());
    EXPECT_TRUE(found.addresses.empty());
    EXPECT_FALSE(found.error.empty());
    EXPECT_FALSE(found.ttl_seconds);
    EXPECT_GT(dns.asked(), 0);
}

TEST(Resolver, a_name_server_that_fails_is_an_error_in_words) {
    FakeDns dns;
    dns.put("server.test", {"127.0.0.2"}, 60);
    dns.fail(true);
    const Resolution found = resolve("server.test", dns.servers());
    EXPECT_TRUE(found.addresses.empty());
    EXPECT_FALSE(found.error.empty());
}

TEST(Resolver, the_hosts_file_of_this_machine_counts) {
    const Resolution found = resolve("localhost", "");
    EXPECT_NE(std::ranges::find(found.addresses, "127.0.0.1"), found.addresses.end());
}

}  // namespace
}  // namespace mcpgw::deploy
