// The URL deployer against listeners of this test.
#include "controlplane/deploy/url_deployer.h"

#include <memory>

#include <gtest/gtest.h>

#include "controlplane/deploy/testing.h"

namespace mcpgw::deploy {
namespace {

using namespace testing;

// Listens on 127.0.0.1 until told otherwise, on the same port again afterwards.
class Listener {
  public:
    Listener() { open(); }
    void open() {
        fd_ = Descriptor(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        const int on = 1;
        setsockopt(fd_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port_);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        EXPECT_EQ(bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
        EXPECT_EQ(listen(fd_.get(), 64), 0);
        getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&address), &size);
        port_ = ntohs(address.sin_port);
    }
    void close() { fd_.reset(); }
    [[nodiscard]] std::string port() const { return std::to_string(port_); }

  private:
    Descriptor fd_;
    std::uint16_t port_ = 0;
};

class UrlDeployerTest : public ::testing::Test {
  protected:
    UrlDeployerTest() {
        auto opened = UrlDeployer::open({.probe_interval_ms = 20, .resolve_interval_ms = 50});
        EXPECT_TRUE(opened.has_value());
        deployer_ = std::move(*opened);
        adapter_.name = "x";
    }
    template <class Predicate>
    [[nodiscard]] bool until(Predicate done) {
        return drive(*deployer_, adapter_, done);
    }
    InstanceStatus one() { return deployer_->observe("x").at(0); }

    std::unique_ptr<UrlDeployer> deployer_;
    model::Adapter adapter_;
};

TEST_F(UrlDeployerTest, a_server_that_answers_is_ready_under_its_url) {
    const Listener listener;
    adapter_.url = "http://127.0.0.1:" + listener.port() + "/some/mcp";
    ASSERT_TRUE(until(ready_count(1)));
    EXPECT_EQ(one().name, "x-0");
    EXPECT_EQ(one().uid, adapter_.url);
    EXPECT_EQ(one().host, "127.0.0.1");
    EXPECT_EQ(one().authority, "127.0.0.1:" + listener.port());
    EXPECT_EQ(one().path, "/some/mcp");
    EXPECT_EQ(one().reason, "ready");
}

TEST_F(UrlDeployerTest, readiness_follows_the_server) {
    Listener listener;
    adapter_.url = "http://127.0.0.1:" + listener.port();
    ASSERT_TRUE(until(ready_count(1)));
    listener.close();
    ASSERT_TRUE(until([](const auto& all) { return !all[0].ready; }));
    EXPECT_EQ(one().reason, "not reachable: Connection refused");
    EXPECT_TRUE(one().alive);  // its sessions may come back with it
    listener.open();
    ASSERT_TRUE(until(ready_count(1)));
}

TEST_F(UrlDeployerTest, a_name_is_resolved_and_all_its_addresses_are_tried) {
    const Listener listener;  // not on ::1, which localhost may be first
    adapter_.url = "http://localhost:" + listener.port() + "/mcp";
    ASSERT_TRUE(until(ready_count(1)));
    EXPECT_EQ(one().host, "127.0.0.1");
    EXPECT_EQ(one().authority, "localhost:" + listener.port());
    // Resolving again changes nothing.
    const InstanceStatus before = one();
    const Nanos later = monotonic_now() + 200 * kMillisecond;
    ASSERT_TRUE(until([later](const auto&) { return monotonic_now() >= later; }));
    EXPECT_EQ(one(), before);
}

TEST_F(UrlDeployerTest, a_name_that_does_not_resolve_says_so) {
    adapter_.url = "http://" + std::string(70, 'a') + "/mcp";  // no label is that long
    ASSERT_TRUE(until([](const auto& all) { return all[0].reason != "starting"; }));
    EXPECT_FALSE(one().alive);
    EXPECT_TRUE(one().reason.starts_with("not reachable: cannot resolve aaaa")) << one().reason;
    EXPECT_TRUE(deployer_->apply(adapter_).settled);
}

TEST_F(UrlDeployerTest, it_is_not_settled_before_the_first_verdict) {
    const Listener listener;
    adapter_.url = "http://localhost:" + listener.port();
    EXPECT_FALSE(deployer_->apply(adapter_).settled);
    ASSERT_TRUE(until(ready_count(1)));
    EXPECT_TRUE(deployer_->apply(adapter_).settled);
}

TEST_F(UrlDeployerTest, another_path_is_the_same_server_another_url_is_not) {
    const Listener first;
    const Listener second;
    adapter_.url = "http://127.0.0.1:" + first.port();
    adapter_.path = "/a";
    ASSERT_TRUE(until(ready_count(1)));
    EXPECT_EQ(one().path, "/a");
    adapter_.path = "/b";
    maybe(deployer_->apply(adapter_).done);
    EXPECT_TRUE(one().ready);
    EXPECT_EQ(one().path, "/b");
    adapter_.url = "http://127.0.0.1:" + second.port();
    ASSERT_TRUE(until([&](const auto& all) {
        return all[0].ready && all[0].authority == "127.0.0.1:" + second.port();
    }));
    EXPECT_EQ(one().uid, adapter_.url);
}

TEST_F(UrlDeployerTest, a_failure_seen_by_traffic_needs_one_probe_to_be_believed) {
    auto patient = UrlDeployer::open({.probe_interval_ms = 60'000});
    ASSERT_TRUE(patient.has_value());
    deployer_ = std::move(*patient);
    Listener listener;
    adapter_.url = "http://127.0.0.1:" + listener.port();
    ASSERT_TRUE(until(ready_count(1)));
    listener.close();
    deployer_->probe_now("x");
    ASSERT_TRUE(until([](const auto& all) { return !all[0].ready; }));
}

TEST_F(UrlDeployerTest, removing_forgets_it) {
    const Listener listener;
    adapter_.url = "http://127.0.0.1:" + listener.port();
    ASSERT_TRUE(until(ready_count(1)));
    EXPECT_TRUE(deployer_->remove("x").done);
    EXPECT_TRUE(deployer_->observe("x").empty());
    EXPECT_TRUE(deployer_->adapters().empty());
}

TEST_F(UrlDeployerTest, logs_say_where_they_are) {
    adapter_.url = "http://127.0.0.1:1/mcp";
    std::string text;
    const auto sink = [&text](std::string_view piece) {
        text += piece;
        return true;
    };
    EXPECT_TRUE(deployer_->logs(adapter_, {}, sink).has_value());
    EXPECT_NE(text.find(adapter_.url), std::string::npos);
    const auto missing = deployer_->logs(adapter_, {.instance = 1}, sink);
    ASSERT_FALSE(missing.has_value());
    EXPECT_EQ(missing.error().code, Code::not_found);
}

}  // namespace
}  // namespace mcpgw::deploy
