// The publisher over its real socket, with data planes played by this test.
#include "controlplane/publish/publisher.h"

#include <array>
#include <atomic>
#include <cstring>
#include <string>

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "common/limits.h"
#include "controlplane/deploy/testing.h"
#include "controlplane/publish/fake_data_plane.h"

namespace mcpgw::publish {
namespace {

using deploy::testing::eventually;
using deploy::testing::kPatience;
using deploy::testing::TemporaryDirectory;

constexpr std::uint64_t kFirstVersion = 100;

using DataPlane = FakeDataPlane;
using Keys = std::vector<contract::SealingKey>;

contract::SealingKey key(const std::string& id, bool current) {
    return {id, std::string(32, id.back()), current};
}

model::Adapter adapter_named(const std::string& name) {
    model::Adapter adapter;
    adapter.name = name;
    adapter.command = {"x"};
    adapter.created_by = "someone";
    return adapter;
}

deploy::InstanceStatus instance_of(const std::string& adapter, bool ready) {
    deploy::InstanceStatus status;
    status.name = adapter + "-0";
    status.uid = "uid";
    status.alive = true;
    status.ready = ready;
    status.host = "127.0.0.1";
    status.port = 4000;
    status.authority = "127.0.0.1:4000";
    status.path = "/mcp";
    return status;
}

class PublisherTest : public ::testing::Test {
  protected:
    PublisherTest() {
        options_.socket_path = directory_.path() + "/contract.sock";
        options_.epoch = "epoch-1";
        options_.keys = {key("k1", true)};
        options_.next_version = [this]() -> Result<std::uint64_t> {
            if (store_is_down_) return failure(Code::io, "the disk is gone");
            return ++last_version_;
        };
        options_.on_failure = [this](const contract::InstanceFailure& event) {
            const std::scoped_lock lock(mutex_);
            failures_.push_back(event.adapter + "/" + event.reason);
        };
        options_.on_drained = [this](const contract::InstanceDrained& event) {
            const std::scoped_lock lock(mutex_);
            drained_.push_back(event.adapter);
        };
    }
    Publisher& publisher() {
        if (publisher_ == nullptr) {
            auto opened = Publisher::open(options_);
            EXPECT_TRUE(opened.has_value()) << (opened ? "" : opened.error().detail);
            publisher_ = std::move(*opened);
            publisher_->start();
        }
        return *publisher_;
    }
    // The instance is on its way out, or is back.
    void put_draining(const std::string& name, bool draining) {
        const model::Adapter adapter = adapter_named(name);
        deploy::InstanceStatus instance = instance_of(name, !draining);
        instance.draining = draining;
        publisher().change(name, &adapter, {instance});
    }
    static std::string drained_event(const std::string& name, std::uint64_t version) {
        return contract::encode(contract::InstanceDrained{
            name, contract::instance_identity(name, name + "-0", "uid"), version});
    }
    std::vector<std::string> drained() {
        const std::scoped_lock lock(mutex_);
        return drained_;
    }
    void put(const std::string& name, bool ready = true) {
        const model::Adapter adapter = adapter_named(name);
        publisher().change(name, &adapter, {instance_of(name, ready)});
    }
    void take_away(const std::string& name) { publisher().change(name, nullptr, {}); }
    std::vector<std::string> failures() {
        const std::scoped_lock lock(mutex_);
        return failures_;
    }
    // A data plane that has what is published now.
    DataPlane follower() {
        publisher().open_gate();
        DataPlane plane(options_.socket_path);
        plane.hello();
        EXPECT_EQ(plane.snapshot().epoch, "epoch-1");
        return plane;
    }

    TemporaryDirectory directory_;
    PublisherOptions options_;
    std::atomic<std::uint64_t> last_version_ = kFirstVersion - 1;
    std::atomic<bool> store_is_down_ = false;
    std::mutex mutex_;
    std::vector<std::string> failures_;
    std::vector<std::string> drained_;
    std::unique_ptr<Publisher> publisher_;
};

// --- What is sent -------------------------------------------------------------------------------

TEST_F(PublisherTest, a_hello_is_answered_with_everything) {
    put("a");
    put("b", false);
    publisher().open_gate();
    DataPlane plane(options_.socket_path);
    plane.hello();
    const contract::Snapshot snapshot = plane.snapshot();
    EXPECT_EQ(snapshot.epoch, "epoch-1");
    EXPECT_EQ(snapshot.version, kFirstVersion);
    EXPECT_EQ(snapshot.keys, options_.keys);
    ASSERT_EQ(snapshot.adapters.size(), 2U);
    EXPECT_EQ(snapshot.adapters[0].name, "a");
    EXPECT_EQ(snapshot.adapters[0].created_by, "someone");
    ASSERT_EQ(snapshot.adapters[0].instances.size(), 1U);
    EXPECT_EQ(snapshot.adapters[0].instances[0].state, contract::InstanceState::ready);
    EXPECT_EQ(snapshot.adapters[0].instances[0].id, contract::instance_identity("a", "a-0", "uid"));
    EXPECT_EQ(snapshot.adapters[1].instances[0].state, contract::InstanceState::not_ready);
    EXPECT_TRUE(eventually([this] { return publisher().followers() == 1; }));
}

TEST_F(PublisherTest, an_empty_gateway_publishes_too) {
    publisher().open_gate();
    DataPlane plane(options_.socket_path);
    plane.hello();
    EXPECT_TRUE(plane.snapshot().adapters.empty());
}

TEST_F(PublisherTest, nothing_is_sent_before_the_gate_opens) {
    put("a");
    DataPlane plane(options_.socket_path);
    plane.hello(5, "epoch-1");
    EXPECT_TRUE(plane.quiet());
    put("b");
    EXPECT_TRUE(plane.quiet());
    EXPECT_EQ(publisher().version(), 0U);
    publisher().open_gate();
    EXPECT_EQ(plane.snapshot().adapters.size(), 2U);
}

TEST_F(PublisherTest, changes_go_out_as_deltas) {
    DataPlane plane = follower();
    const Nanos begin = monotonic_now();
    put("a");
    contract::Delta delta = plane.delta();
    // About 1.5 ms on an idle machine.
    RecordProperty("change_to_socket_us", std::to_string((monotonic_now() - begin) / kMicrosecond));
    EXPECT_EQ(delta.from, kFirstVersion);
    EXPECT_EQ(delta.to, kFirstVersion + 1);
    ASSERT_EQ(delta.upserts.size(), 1U);
    EXPECT_EQ(delta.upserts[0].name, "a");
    EXPECT_TRUE(delta.keys.empty());
    put("a", false);
    delta = plane.delta();
    EXPECT_EQ(delta.upserts.at(0).instances.at(0).state, contract::InstanceState::not_ready);
    take_away("a");
    delta = plane.delta();
    EXPECT_EQ(delta.from, kFirstVersion + 2);
    EXPECT_TRUE(delta.upserts.empty());
    EXPECT_EQ(delta.removals, std::vector<std::string>{"a"});
}

TEST_F(PublisherTest, what_did_not_change_is_not_sent) {
    put("a");
    DataPlane plane = follower();
    put("a");
    take_away("unheard-of");
    publisher().change_keys(options_.keys);
    EXPECT_TRUE(plane.quiet());
    EXPECT_EQ(publisher().version(), kFirstVersion);
}

TEST_F(PublisherTest, tools_are_not_published_and_an_adapter_that_becomes_one_is_gone) {
    const auto put_tool = [this](const std::string& name) {
        model::Adapter tool = adapter_named(name);
        tool.tool_definition.emplace();
        publisher().change(name, &tool, {instance_of(name, true)});
    };
    put("a");
    put_tool("t");
    DataPlane plane = follower();
    put_tool("t");
    EXPECT_TRUE(plane.quiet());
    put_tool("a");
    const contract::Delta delta = plane.delta();
    EXPECT_TRUE(delta.upserts.empty());
    EXPECT_EQ(delta.removals, std::vector<std::string>{"a"});
}

TEST_F(PublisherTest, changed_keys_go_along) {
    DataPlane plane = follower();
    const Keys keys = {key("k1", true), key("k2", false)};
    publisher().change_keys(keys);
    EXPECT_EQ(plane.delta().keys, keys);
    DataPlane later = follower();
    put("a");
    EXPECT_TRUE(plane.delta().keys.empty());
}

// --- A key that is to seal ----------------------------------------------------------------------

TEST_F(PublisherTest, a_new_key_opens_before_it_seals) {
    DataPlane plane = follower();
    publisher().change_keys({key("k1", false), key("k2", true)});
    EXPECT_EQ(plane.delta().keys, (Keys{key("k1", true), key("k2", false)}));
    EXPECT_EQ(plane.delta().keys, (Keys{key("k1", false), key("k2", true)}));
    EXPECT_TRUE(plane.quiet());
}

TEST_F(PublisherTest, a_key_does_not_seal_before_every_data_plane_has_it) {
    DataPlane first = follower();
    DataPlane second = follower();
    DataPlane silent(options_.socket_path);  // connected, and says nothing yet
    publisher().change_keys({key("k1", false), key("k2", true)});
    EXPECT_FALSE(first.delta().keys.back().current);
    EXPECT_EQ(contract::type_of(second.receive()), "delta");  // and not acknowledged yet
    EXPECT_TRUE(first.quiet());
    // What changes meanwhile goes on.
    put("a");
    EXPECT_EQ(first.delta().upserts.size(), 1U);
    second.ack(kFirstVersion + 1);
    EXPECT_EQ(second.delta().upserts.size(), 1U);
    EXPECT_TRUE(first.quiet());
    // One that comes while it is waited gets the state of now, and is waited for.
    silent.hello();
    EXPECT_EQ(silent.snapshot().keys, (Keys{key("k1", true), key("k2", false)}));
    const Keys sealing = {key("k1", false), key("k2", true)};
    EXPECT_EQ(first.delta().keys, sealing);
    EXPECT_EQ(second.delta().keys, sealing);
    EXPECT_EQ(silent.delta().keys, sealing);
}

TEST_F(PublisherTest, one_that_leaves_is_not_waited_for) {
    DataPlane first = follower();
    {
        DataPlane second = follower();
        publisher().change_keys({key("k1", false), key("k2", true)});
        EXPECT_FALSE(first.delta().keys.back().current);
        EXPECT_TRUE(first.quiet());
    }
    EXPECT_TRUE(first.delta().keys.back().current);
}

TEST_F(PublisherTest, one_that_refuses_the_key_keeps_the_old_one_sealing) {
    DataPlane first = follower();
    DataPlane second = follower();
    publisher().change_keys({key("k1", false), key("k2", true)});
    EXPECT_FALSE(first.delta().keys.back().current);
    EXPECT_EQ(contract::type_of(second.receive()), "delta");
    second.send(contract::encode(contract::Refuse{kFirstVersion + 1, "no"}));
    EXPECT_TRUE(first.quiet());
    put("a");
    EXPECT_EQ(first.delta().upserts.size(), 1U);
    EXPECT_FALSE(second.snapshot().keys.back().current);
    EXPECT_TRUE(first.delta().keys.back().current);
}

TEST_F(PublisherTest, a_key_that_everybody_has_long_since_seals_at_once) {
    options_.keys = {key("k1", true), key("k2", false)};
    DataPlane plane = follower();
    const Keys keys = {key("k1", false), key("k2", true)};
    publisher().change_keys(keys);
    EXPECT_EQ(plane.delta().keys, keys);
    EXPECT_TRUE(plane.quiet());
}

TEST_F(PublisherTest, the_last_word_counts_while_a_key_is_waited_for) {
    DataPlane plane = follower();
    publisher().change_keys({key("k1", false), key("k2", true)});
    EXPECT_EQ(contract::type_of(plane.receive()), "delta");
    publisher().change_keys(options_.keys);
    plane.ack(kFirstVersion + 1);
    EXPECT_EQ(plane.delta().keys, options_.keys);
    EXPECT_TRUE(plane.quiet());
}

TEST_F(PublisherTest, keys_that_have_nothing_in_common_are_replaced_at_once) {
    DataPlane plane = follower();
    const Keys keys = {key("k7", false), key("k8", true)};
    publisher().change_keys(keys);
    EXPECT_EQ(plane.delta().keys, keys);
    // The same id with another key is another key.
    const Keys again = {{"k8", std::string(32, 'z'), false}, key("k9", true)};
    publisher().change_keys(again);
    EXPECT_EQ(plane.delta().keys, again);
}

TEST_F(PublisherTest, without_data_planes_a_key_waits_for_nobody) {
    publisher().open_gate();
    ASSERT_TRUE(eventually([this] { return publisher().version() == kFirstVersion; }));
    const Keys keys = {key("k1", false), key("k2", true)};
    publisher().change_keys(keys);
    ASSERT_TRUE(eventually([this] { return publisher().version() == kFirstVersion + 1; }));
    DataPlane plane(options_.socket_path);
    plane.hello();
    EXPECT_EQ(plane.snapshot().keys, keys);
    EXPECT_TRUE(plane.quiet());
}

TEST_F(PublisherTest, one_from_elsewhere_with_a_high_version_does_not_have_the_key) {
    DataPlane plane = follower();
    DataPlane stranger(options_.socket_path);
    stranger.hello(kFirstVersion + 1'000, "epoch-1");
    EXPECT_EQ(contract::type_of(stranger.receive()), "snapshot");  // and not acknowledged
    publisher().change_keys({key("k1", false), key("k2", true)});
    EXPECT_FALSE(plane.delta().keys.back().current);
    EXPECT_TRUE(plane.quiet());
}

// --- Several at a time --------------------------------------------------------------------------

TEST_F(PublisherTest, what_changes_while_an_update_is_on_its_way_goes_with_the_next) {
    DataPlane plane = follower();
    put("a");
    const std::string first = plane.receive();  // and not acknowledged yet
    put("b");
    ASSERT_TRUE(eventually([this] { return publisher().version() == kFirstVersion + 2; }));
    put("c");
    take_away("a");
    ASSERT_TRUE(eventually([this] { return publisher().version() >= kFirstVersion + 3; }));
    EXPECT_TRUE(plane.quiet());
    plane.ack(kFirstVersion + 1);
    const contract::Delta delta = plane.delta();
    EXPECT_EQ(delta.from, kFirstVersion + 1);
    EXPECT_EQ(delta.to, publisher().version());
    ASSERT_EQ(delta.upserts.size(), 2U);
    EXPECT_EQ(delta.upserts[0].name, "b");
    EXPECT_EQ(delta.upserts[1].name, "c");
    EXPECT_EQ(delta.removals, std::vector<std::string>{"a"});
    EXPECT_TRUE(plane.quiet());
}

TEST_F(PublisherTest, one_that_comes_back_gets_what_changed_since) {
    put("a");
    {
        DataPlane first = follower();
    }
    put("b");
    ASSERT_TRUE(eventually([this] { return publisher().version() == kFirstVersion + 1; }));
    DataPlane plane(options_.socket_path);
    plane.hello(kFirstVersion, "epoch-1");
    const contract::Delta delta = plane.delta();
    EXPECT_EQ(delta.from, kFirstVersion);
    ASSERT_EQ(delta.upserts.size(), 1U);
    EXPECT_EQ(delta.upserts[0].name, "b");
    // One that has it all gets nothing, until something changes.
    DataPlane other(options_.socket_path);
    other.hello(kFirstVersion + 1, "epoch-1");
    EXPECT_TRUE(other.quiet());
    put("c");
    EXPECT_EQ(other.delta().from, kFirstVersion + 1);
}

TEST_F(PublisherTest, one_from_elsewhere_gets_everything) {
    put("a");
    DataPlane known = follower();
    for (const auto& [version, epoch] :
         {std::pair(kFirstVersion, "epoch-2"), std::pair(kFirstVersion - 1, "epoch-1"),
          std::pair(kFirstVersion + 50, "epoch-1"), std::pair(std::uint64_t{0}, "")}) {
        DataPlane plane(options_.socket_path);
        plane.hello(version, epoch);
        EXPECT_EQ(plane.snapshot().adapters.size(), 1U) << version << epoch;
    }
}

TEST_F(PublisherTest, several_data_planes_are_served) {
    DataPlane first = follower();
    DataPlane second = follower();
    EXPECT_TRUE(eventually([this] { return publisher().followers() == 2; }));
    put("a");
    EXPECT_EQ(first.delta().to, kFirstVersion + 1);
    EXPECT_EQ(second.delta().to, kFirstVersion + 1);
}

TEST_F(PublisherTest, a_refused_version_is_not_sent_again_the_next_one_is_whole) {
    put("a");
    DataPlane plane = follower();
    put("b");
    EXPECT_EQ(contract::type_of(plane.receive()), "delta");
    plane.send(contract::encode(contract::Refuse{kFirstVersion + 1, "no"}));
    EXPECT_TRUE(plane.quiet());
    put("c");
    EXPECT_EQ(plane.snapshot().adapters.size(), 3U);
    put("d");
    EXPECT_EQ(plane.delta().upserts.size(), 1U);
}

TEST_F(PublisherTest, a_store_that_cannot_count_delays_but_loses_nothing) {
    DataPlane plane = follower();
    store_is_down_ = true;
    put("a");
    EXPECT_TRUE(plane.quiet());
    put("b");
    store_is_down_ = false;
    EXPECT_EQ(plane.delta().upserts.size(), 2U);
}

TEST_F(PublisherTest, failures_seen_by_traffic_are_passed_on) {
    DataPlane plane = follower();
    plane.send(contract::encode(contract::InstanceFailure{"a", 1, "reset"}));
    EXPECT_TRUE(eventually([this] { return !failures().empty(); }));
    EXPECT_EQ(failures(), std::vector<std::string>{"a/reset"});
    // News of a kind that is not known yet hurts nobody.
    plane.send(R"({"type":"weather","temperature":21})");
    put("a");
    EXPECT_EQ(plane.delta().to, kFirstVersion + 1);
}

TEST_F(PublisherTest, an_instance_is_drained_when_every_data_plane_has_said_so) {
    put_draining("a", true);
    put_draining("b", true);
    DataPlane first = follower();
    {
        DataPlane second = follower();
        first.send(drained_event("a", kFirstVersion));
        second.send(drained_event("b", kFirstVersion));
        second.send(drained_event("a", kFirstVersion));
        EXPECT_TRUE(eventually([this] { return !drained().empty(); }));
        EXPECT_EQ(drained(), std::vector<std::string>{"a"});
    }
    // Whoever has left is not waited for.
    EXPECT_TRUE(eventually([&] {
        first.send(drained_event("b", kFirstVersion));
        return drained().back() == "b";
    }));
}

TEST_F(PublisherTest, one_that_has_not_said_hello_yet_may_have_sessions) {
    put_draining("a", true);
    DataPlane first = follower();
    DataPlane stranger(options_.socket_path);
    first.send(drained_event("a", kFirstVersion));
    EXPECT_TRUE(first.quiet());
    EXPECT_TRUE(drained().empty());
}

TEST_F(PublisherTest, what_was_said_of_an_earlier_drain_does_not_count) {
    put_draining("a", true);
    DataPlane plane = follower();
    put_draining("a", false);
    plane.delta();
    put_draining("a", true);
    const std::uint64_t version = plane.delta().to;
    plane.send(drained_event("a", kFirstVersion));
    plane.send(drained_event("a", version + 1));  // one that it does not have
    EXPECT_TRUE(plane.quiet());
    EXPECT_TRUE(drained().empty());
    plane.send(drained_event("a", version));
    EXPECT_TRUE(eventually([this] { return !drained().empty(); }));
}

// --- Peers that misbehave -----------------------------------------------------------------------

TEST_F(PublisherTest, garbage_ends_a_connection_and_only_that) {
    DataPlane good = follower();
    const std::string hello = contract::encode_frame(
        contract::encode(contract::Hello{.program_version = "test", .snapshot_epoch = ""}));
    contract::Hello newer;
    newer.contract_version = contract::kContractVersion + 1;
    for (const std::string& bytes :
         {std::string(4, '\0'), std::string("\xff\xff\xff\xff"),
          std::string("GET / HTTP/1.1\r\n\r\n"), contract::encode_frame("{"),
          contract::encode_frame("[]"), contract::encode_frame("{}"),
          contract::encode_frame(R"({"type":7})"), contract::encode_frame(R"({"type":"hello"})"),
          contract::encode_frame(R"({"type":"ack","version":100})"),
          contract::encode_frame(contract::encode(newer))}) {
        DataPlane bad(options_.socket_path);
        bad.send_bytes(bytes);
        EXPECT_TRUE(bad.closed()) << bytes;
    }
    for (const std::string& bytes :
         {hello, contract::encode_frame(R"({"type":"ack","version":99})"),
          contract::encode_frame(R"({"type":"ack"})"),
          contract::encode_frame(R"({"type":"refuse","version":100,"reason":"late"})"),
          contract::encode_frame(R"({"type":"instance_failure","adapter":7})"),
          contract::encode_frame(R"({"type":"instance_drained","adapter":"a"})")}) {
        DataPlane bad = follower();
        bad.send_bytes(bytes);
        EXPECT_TRUE(bad.closed()) << bytes;
    }
    put("a");
    EXPECT_EQ(good.delta().upserts.size(), 1U);
}

TEST_F(PublisherTest, one_that_says_nothing_is_let_go) {
    options_.patience_ms = 50;
    publisher();
    DataPlane silent(options_.socket_path);
    EXPECT_TRUE(silent.closed());
}

TEST_F(PublisherTest, one_that_does_not_answer_is_let_go_one_that_has_nothing_to_say_stays) {
    options_.patience_ms = 500;
    DataPlane faithful = follower();
    DataPlane plane(options_.socket_path);
    plane.hello();
    EXPECT_EQ(contract::type_of(plane.receive()), "snapshot");
    EXPECT_TRUE(plane.closed());
    EXPECT_TRUE(faithful.quiet());
    put("a");
    EXPECT_EQ(faithful.delta().upserts.size(), 1U);
}

TEST_F(PublisherTest, one_that_does_not_read_is_let_go_and_delays_nobody) {
    options_.patience_ms = 1'500;
    for (int i = 0; i < 1500; ++i)
        put("adapter-" + std::to_string(i));  // more than a socket takes
    DataPlane fast = follower();
    DataPlane slow(options_.socket_path);
    slow.hello();
    put("a");
    EXPECT_EQ(fast.delta().upserts.size(), 1U);
    put("b");
    EXPECT_EQ(fast.delta().upserts.size(), 1U);
    ASSERT_TRUE(eventually([&] { return slow.hung_up(); }));
    put("c");
    EXPECT_EQ(fast.delta().upserts.size(), 1U);
}

// --- The socket ---------------------------------------------------------------------------------

TEST_F(PublisherTest, the_socket_is_for_the_owner_alone) {
    publisher();
    struct stat info{};
    ASSERT_EQ(stat(options_.socket_path.c_str(), &info), 0);
    EXPECT_TRUE(S_ISSOCK(info.st_mode));
    EXPECT_EQ(info.st_mode & 0777, 0600U);
}

TEST_F(PublisherTest, a_path_in_use_is_refused_and_a_stale_one_is_taken_over) {
    publisher();
    const auto second = Publisher::open(options_);
    ASSERT_FALSE(second.has_value());
    EXPECT_EQ(second.error().code, Code::address_in_use);
    DataPlane still_served = follower();
    publisher_.reset();
    EXPECT_FALSE(std::filesystem::exists(options_.socket_path));

    // What a killed control plane leaves: a name without a listener.
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, options_.socket_path.c_str(), sizeof address.sun_path - 1);
    {
        const deploy::Descriptor fd(socket(AF_UNIX, SOCK_STREAM, 0));
        ASSERT_EQ(bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    }
    DataPlane plane = follower();
    EXPECT_TRUE(plane.quiet());
}

TEST_F(PublisherTest, a_path_that_is_too_long_or_nowhere_is_an_error) {
    options_.socket_path = directory_.path() + "/" + std::string(108, 'x');
    EXPECT_EQ(Publisher::open(options_).error().code, Code::invalid_argument);
    options_.socket_path = directory_.path() + "/no/such/directory/s";
    EXPECT_EQ(Publisher::open(options_).error().code, Code::not_found);
}

}  // namespace
}  // namespace mcpgw::publish
