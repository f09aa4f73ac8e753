// Servers that run already: how their health checks decide about readiness, which of several
// addresses is used, and how a name that moves is followed.
#include <atomic>
#include <deque>
#include <mutex>
#include <thread>

#include "controlplane/deploy/fake_dns.h"
#include "controlplane/deploy/testing.h"
#include "controlplane/deploy/url_deployer.h"

namespace mcpgw::deploy {
namespace {

using namespace testing;

// Answers every request with the next of the statuses it was given, the last one for ever.
class FakeHttp {
  public:
    // A port of 0 is chosen by the kernel.
    explicit FakeHttp(const char* host = "127.0.0.1", std::uint16_t port = 0)
        : listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        const int on = 1;
        setsockopt(listener_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        inet_pton(AF_INET, host, &address.sin_addr);
        socklen_t size = sizeof address;
        EXPECT_EQ(bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
        EXPECT_EQ(listen(listener_.get(), 64), 0);
        getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size);
        port_ = ntohs(address.sin_port);
        thread_ = std::thread([this] { serve(); });
    }
    FakeHttp(const FakeHttp&) = delete;
    FakeHttp& operator=(const FakeHttp&) = delete;
    ~FakeHttp() {
        stopping_ = true;
        thread_.join();
    }

    [[nodiscard]] std::uint16_t port() const { return port_; }
    [[nodiscard]] int asked() const { return asked_; }
    void answer(std::deque<int> statuses) {
        const std::scoped_lock lock(mutex_);
        statuses_ = std::move(statuses);
    }
    std::string last_request() {
        const std::scoped_lock lock(mutex_);
        return request_;
    }

  private:
    void serve() {
        while (!stopping_) {
            pollfd wait{listener_.get(), POLLIN, 0};
            if (poll(&wait, 1, 10) != 1) continue;
            const Descriptor peer(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
            std::string request;
            std::array<char, 4096> block{};
            // A probe that nobody drives any more has connected and says nothing.
            while (!stopping_ && request.find("\r\n\r\n") == std::string::npos) {
                pollfd more{peer.get(), POLLIN, 0};
                if (poll(&more, 1, 10) != 1) continue;
                const ssize_t got = recv(peer.get(), block.data(), block.size(), 0);
                if (got <= 0) break;
                request.append(block.data(), static_cast<std::size_t>(got));
            }
            if (!request.empty()) answer_to(peer.get(), std::move(request));
        }
    }
    void answer_to(int fd, std::string request) {
        const std::scoped_lock lock(mutex_);
        request_ = std::move(request);
        const std::string text = "HTTP/1.1 " + std::to_string(statuses_.front()) + " x\r\n\r\n";
        if (statuses_.size() > 1) statuses_.pop_front();
        ++asked_;
        maybe(send(fd, text.data(), text.size(), MSG_NOSIGNAL) > 0);
    }

    Descriptor listener_;
    std::uint16_t port_ = 0;
    std::atomic<bool> stopping_ = false;
    std::atomic<int> asked_ = 0;
    std::mutex mutex_;  // guards what follows
    std::deque<int> statuses_{200};
    std::string request_;
    std::thread thread_;
};

class UrlHealthTest : public ::testing::Test {
  protected:
    UrlHealthTest() {
        options_.probe_interval_ms = 20;
        options_.dns_servers = dns_.servers();
        options_.resolve_retry_first_ms = 20;
        options_.resolve_retry_last_ms = 100;
        adapter_.name = "x";
        adapter_.health_check = {.path = "/healthz",
                                 .interval_ms = 20,
                                 .timeout_ms = 10'000,
                                 .unhealthy_after = 1,
                                 .healthy_after = 1};
    }
    template <class Predicate>
    [[nodiscard]] bool until(Predicate done) {
        if (deployer_ == nullptr) {
            auto opened = UrlDeployer::open(options_);
            EXPECT_TRUE(opened.has_value());
            deployer_ = std::move(*opened);
        }
        return drive(*deployer_, adapter_, done);
    }
    [[nodiscard]] bool until_asked(const FakeHttp& server, int times) {
        return until([&](const auto&) { return server.asked() >= times; });
    }
    void name_it(std::uint16_t port) {
        adapter_.url = "http://server.test:" + std::to_string(port) + "/mcp";
    }
    static auto at(const std::string& host) {
        return [host](const std::vector<InstanceStatus>& all) {
            return ready_count(1)(all) && all[0].host == host;
        };
    }
    static bool none_ready(const std::vector<InstanceStatus>& all) {
        return all.size() == 1 && !all[0].ready && all[0].reason != "starting";
    }
    InstanceStatus one() { return deployer_->observe("x").at(0); }

    FakeDns dns_;
    UrlOptions options_;
    std::unique_ptr<UrlDeployer> deployer_;
    model::Adapter adapter_;
};

TEST_F(UrlHealthTest, readiness_follows_what_the_server_says) {
    FakeHttp server;
    adapter_.url = "http://127.0.0.1:" + std::to_string(server.port()) + "/mcp";
    server.answer({503});
    ASSERT_TRUE(until(none_ready));
    EXPECT_EQ(one().reason, "health check GET /healthz: answered 503");
    server.answer({204});
    ASSERT_TRUE(until(ready_count(1)));
    EXPECT_TRUE(server.last_request().starts_with(
        "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(server.port()) + "\r\n"));
    server.answer({500});
    ASSERT_TRUE(until(none_ready));
    EXPECT_TRUE(one().alive);
    EXPECT_EQ(one().reason, "health check GET /healthz: answered 500");
}

TEST_F(UrlHealthTest, it_takes_so_many_probes_in_a_row_as_the_adapter_says) {
    FakeHttp server;
    adapter_.url = "http://127.0.0.1:" + std::to_string(server.port());
    adapter_.health_check->unhealthy_after = 3;
    adapter_.health_check->healthy_after = 3;
    // Two good ones are not enough, nor are two bad ones later.
    server.answer({200, 200, 500, 200, 200, 200, 503, 503, 200, 503, 503, 200});
    std::vector<bool> seen;
    ASSERT_TRUE(until([&](const auto& all) {
        if (seen.empty() || seen.back() != all[0].ready) seen.push_back(all[0].ready);
        return server.asked() >= 14;
    }));
    EXPECT_EQ(seen, (std::vector<bool>{false, true}));
    server.answer({503});
    const int before = server.asked();
    ASSERT_TRUE(until(none_ready));
    EXPECT_GE(server.asked() - before, 3);
}

TEST_F(UrlHealthTest, a_changed_health_check_counts_at_once_and_the_server_stays_the_same) {
    FakeHttp server;
    adapter_.url = "http://127.0.0.1:" + std::to_string(server.port());
    adapter_.health_check.reset();
    ASSERT_TRUE(until(ready_count(1)));
    const std::string uid = one().uid;
    server.answer({404});
    adapter_.health_check = {.path = "/nowhere",
                             .interval_ms = 3'600'000,
                             .timeout_ms = 10'000,
                             .unhealthy_after = 1'000,
                             .healthy_after = 1};
    ASSERT_TRUE(until(none_ready));
    EXPECT_EQ(one().reason, "health check GET /nowhere: answered 404");
    EXPECT_EQ(one().uid, uid);
    adapter_.health_check.reset();
    ASSERT_TRUE(until(ready_count(1)));
}

TEST_F(UrlHealthTest, the_next_address_takes_over_and_keeps_its_place) {
    FakeHttp second("127.0.0.2");
    auto first = std::make_unique<FakeHttp>("127.0.0.1", second.port());
    name_it(second.port());
    dns_.put("server.test", {"127.0.0.1", "127.0.0.2"}, 0);
    options_.ttl_ms_min = 40;
    ASSERT_TRUE(until(ready_count(1)));
    const InstanceStatus before = one();
    const std::string other = before.host == "127.0.0.1" ? "127.0.0.2" : "127.0.0.1";
    (other == "127.0.0.2" ? *first : second).answer({503});
    ASSERT_TRUE(until(at(other)));
    EXPECT_EQ(one().uid, before.uid);
    // Neither the recovery of the first nor another order of answers is a reason to move back.
    (other == "127.0.0.2" ? *first : second).answer({200});
    dns_.put("server.test", {before.host, other, "127.0.0.3"}, 0);
    const int asked = dns_.asked();
    ASSERT_TRUE(until([&](const auto& all) {
        EXPECT_EQ(all[0].host, other);
        return dns_.asked() >= asked + 3;
    }));
}

TEST_F(UrlHealthTest, an_address_is_asked_for_again_when_it_has_run_out) {
    FakeHttp server;
    name_it(server.port());
    dns_.put("server.test", {"127.0.0.1"}, 1);
    options_.ttl_ms_min = 10;
    ASSERT_TRUE(until(ready_count(1)));
    const Nanos begin = monotonic_now();
    const int asked = dns_.asked();
    ASSERT_TRUE(until([&](const auto&) { return dns_.asked() > asked; }));
    EXPECT_GE(monotonic_now() - begin, 500 * kMillisecond);
}

TEST_F(UrlHealthTest, times_of_dns_are_bounded_both_ways) {
    FakeHttp server;
    name_it(server.port());
    dns_.put("server.test", {"127.0.0.1"}, 4'000'000);
    options_.ttl_ms_max = 50;
    options_.ttl_ms_min = 40;
    ASSERT_TRUE(until([&](const auto&) { return dns_.asked() >= 3; }));
    deployer_.reset();
    dns_.put("server.test", {"127.0.0.1"}, 0);
    options_.ttl_ms_min = options_.ttl_ms_max = 3'600'000;
    const int asked = dns_.asked();
    ASSERT_TRUE(until_asked(server, server.asked() + 20));
    EXPECT_EQ(dns_.asked(), asked + 1);
}

TEST_F(UrlHealthTest, a_server_that_moved_is_found_before_its_addresses_run_out) {
    auto old = std::make_unique<FakeHttp>("127.0.0.1");
    FakeHttp fresh("127.0.0.2", old->port());
    name_it(fresh.port());
    dns_.put("server.test", {"127.0.0.1"}, 86'400);
    options_.ttl_ms_max = 3'600'000;
    ASSERT_TRUE(until(at("127.0.0.1")));
    dns_.put("server.test", {"127.0.0.2"}, 86'400);
    old.reset();
    ASSERT_TRUE(until(at("127.0.0.2")));
}

TEST_F(UrlHealthTest, the_last_good_addresses_stay_while_names_cannot_be_resolved) {
    FakeHttp server;
    name_it(server.port());
    dns_.put("server.test", {"127.0.0.1"}, 0);
    options_.ttl_ms_min = 20;
    ASSERT_TRUE(until(ready_count(1)));
    dns_.fail(true);
    const int asked = dns_.asked();
    ASSERT_TRUE(until([&](const auto& all) {
        EXPECT_TRUE(all[0].ready);
        return dns_.asked() >= asked + 3;
    }));
    EXPECT_EQ(one().host, "127.0.0.1");
}

TEST_F(UrlHealthTest, an_address_in_force_stays_until_a_new_one_answers) {
    FakeHttp server;
    name_it(server.port());
    dns_.put("server.test", {"127.0.0.1"}, 0);
    options_.ttl_ms_min = 20;
    adapter_.health_check->unhealthy_after = 1'000;
    ASSERT_TRUE(until(ready_count(1)));
    dns_.put("server.test", {"127.0.0.9"}, 0);  // nobody is there
    const int asked = dns_.asked();
    ASSERT_TRUE(until([&](const auto& all) {
        EXPECT_EQ(all[0].host, "127.0.0.1");
        return dns_.asked() >= asked + 3;
    }));
    EXPECT_TRUE(one().ready);
}

TEST_F(UrlHealthTest, https_is_not_ready_and_says_why) {
    adapter_.url = "https://server.test/mcp";
    ASSERT_TRUE(until([](const auto& all) { return all[0].reason != "starting"; }));
    EXPECT_TRUE(one().reason.starts_with("TLS towards servers is not there yet")) << one().reason;
    EXPECT_FALSE(one().ready);
    EXPECT_FALSE(one().alive);
    const Step step = deployer_->apply(adapter_);
    EXPECT_TRUE(step.settled);
    EXPECT_EQ(step.again_at, kNever);
    EXPECT_EQ(dns_.asked(), 0);
}

}  // namespace
}  // namespace mcpgw::deploy
