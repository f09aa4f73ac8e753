// Reconciler, process deployer, store and publisher together, against real servers: what happens to
// a server reaches a data plane.
#include <memory>
#include <optional>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/un.h>

#include "common/limits.h"
#include "controlplane/deploy/process_deployer.h"
#include "controlplane/deploy/testing.h"
#include "controlplane/publish/publisher.h"
#include "controlplane/reconcile/reconciler.h"
#include "controlplane/store/sqlite_store.h"

namespace mcpgw {
namespace {

using deploy::testing::ask_pid;
using deploy::testing::eventually;

// A data plane that follows: keeps what it was told last about the adapter "x".
class Follower {
  public:
    explicit Follower(const std::string& path)
        : fd_(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path.copy(address.sun_path, sizeof address.sun_path - 1);
        EXPECT_EQ(connect(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
        send(contract::encode(contract::Hello{}));
    }
    // Reads on until the adapter is as wanted.
    template <class Predicate>
    [[nodiscard]] bool until(Predicate wanted) {
        return eventually([&] {
            read_on();
            return x && wanted(*x);
        });
    }
    // Says that the instance has nothing to do, as of the version taken last.
    void say_drained(const contract::Instance& instance) const {
        send(contract::encode(contract::InstanceDrained{"x", instance.id, version_}));
    }
    std::optional<contract::Adapter> x;
    std::size_t snapshots = 0;

  private:
    void send(const std::string& json) const {
        const std::string frame = contract::encode_frame(json);
        EXPECT_EQ(::send(fd_.get(), frame.data(), frame.size(), MSG_NOSIGNAL),
                  static_cast<ssize_t>(frame.size()));
    }
    void read_on() {
        std::array<char, 65536> block;
        const ssize_t got = recv(fd_.get(), block.data(), block.size(), MSG_DONTWAIT);
        if (got > 0) decoder_.feed({block.data(), static_cast<std::size_t>(got)});
        const auto frame = decoder_.next();
        if (!frame || !*frame) return;
        std::vector<contract::Adapter> news;
        if (const auto snapshot = contract::decode_snapshot(**frame)) {
            ++snapshots;
            news = snapshot->adapters;
            version_ = snapshot->version;
            send(contract::encode(contract::Ack{snapshot->version}));
        } else if (const auto delta = contract::decode_delta(**frame)) {
            news = delta->upserts;
            version_ = delta->to;
            send(contract::encode(contract::Ack{delta->to}));
        } else {
            ADD_FAILURE() << **frame;
        }
        for (contract::Adapter& adapter : news)
            if (adapter.name == "x") x = std::move(adapter);
    }

    deploy::Descriptor fd_;
    contract::FrameDecoder decoder_;
    std::uint64_t version_ = 0;
};

// The control plane without its HTTP.
struct ControlPlane {
    ControlPlane(const std::string& data_dir, int lifeline_fd) {
        store = std::move(*store::SqliteStore::open(data_dir + "/store.db"));
        deploy::LocalOptions process;
        process.data_dir = data_dir;
        process.bin_dir = MCPGW_BIN_DIR;
        process.lifeline_fd = lifeline_fd;
        deployer = std::move(*deploy::ProcessDeployer::open(process));
        publish::PublisherOptions publishing;
        publishing.socket_path = data_dir + "/contract.sock";
        publishing.epoch = *store->epoch();
        publishing.keys = keys::keys_at(*store->sealing_keys(), unix_millis_now(), false);
        publishing.next_version = [this] { return store->next_snapshot_version(); };
        publishing.on_failure = [this](const contract::InstanceFailure& event) {
            reconciler->probe(event.adapter);
        };
        publishing.on_drained = [this](const contract::InstanceDrained& event) {
            reconciler->drained(event.adapter, event.instance);
        };
        publisher = std::move(*publish::Publisher::open(std::move(publishing)));
        reconcile::ReconcilerOptions reconciling;
        reconciling.store = store.get();
        reconciling.observations = &observations;
        reconciling.deployers = {{model::Source::command, deployer.get()}};
        reconciling.on_change = [this](std::string_view name, const model::Adapter* desired,
                                       const std::vector<deploy::InstanceStatus>& instances) {
            publisher->change(name, desired, instances);
        };
        reconciling.on_settled = [this] { publisher->open_gate(); };
        reconciler = std::move(*reconcile::Reconciler::open(std::move(reconciling)));
        publisher->start();
        reconciler->start();
    }
    ControlPlane(const ControlPlane&) = delete;
    ControlPlane& operator=(const ControlPlane&) = delete;
    ~ControlPlane() {
        publisher->stop();
        reconciler->stop();
    }

    reconcile::Observations observations;
    std::unique_ptr<store::SqliteStore> store;
    std::unique_ptr<deploy::ProcessDeployer> deployer;
    std::unique_ptr<publish::Publisher> publisher;
    std::unique_ptr<reconcile::Reconciler> reconciler;
};

auto ready_instances(std::size_t count) {
    return [count](const contract::Adapter& x) {
        return x.instances.size() == count &&
               std::ranges::all_of(x.instances, [](const contract::Instance& one) {
                   return one.state == contract::InstanceState::ready;
               });
    };
}

TEST(Whole, what_happens_to_a_server_reaches_the_data_plane) {
    deploy::testing::adopt_orphans();
    const deploy::testing::TemporaryDirectory directory;
    int fds[2];
    ASSERT_EQ(pipe2(fds, O_CLOEXEC), 0);
    const deploy::Descriptor lifeline_read(fds[0]);
    deploy::Descriptor lifeline_write(fds[1]);
    std::vector<contract::Instance> before;
    {
        ControlPlane control(directory.path(), lifeline_read.get());
        model::Adapter adapter;
        adapter.name = "x";
        adapter.command = {MCPGW_TEST_SERVER};
        adapter.replica_count = 2;
        ASSERT_TRUE(control.store->create(adapter, {}).has_value());
        control.reconciler->wake("x");
        Follower follower(directory.path() + "/contract.sock");
        ASSERT_TRUE(follower.until(ready_instances(2)));
        const contract::Instance first = follower.x->instances[0];

        // A dead instance leaves at once: its sessions must be told.
        ASSERT_EQ(kill(ask_pid(first.port), SIGKILL), 0);
        const Nanos begin = monotonic_now();
        ASSERT_TRUE(follower.until(
            [&](const contract::Adapter& x) { return x.instances.at(0).id != first.id; }));
        RecordProperty("death_to_socket_us",
                       std::to_string((monotonic_now() - begin) / kMicrosecond));
        // Were its end not noticed by itself, it would take as many probes as a silent one gets.
        EXPECT_LT(monotonic_now() - begin,
                  limits::probe_failures_max * limits::probe_interval_ms * kMillisecond);
        ASSERT_TRUE(follower.until(ready_instances(2)));
        EXPECT_NE(follower.x->instances[0].id, first.id);
        EXPECT_EQ(control.observations.of("x")->at(0).restarts, 1U);

        // One that is not wanted any more goes once nobody uses it.
        adapter.replica_count = 1;
        ASSERT_TRUE(control.store->replace(adapter, 1, {}).has_value());
        control.reconciler->wake("x");
        ASSERT_TRUE(follower.until([](const contract::Adapter& x) {
            return x.instances.at(1).state == contract::InstanceState::draining;
        }));
        EXPECT_EQ(follower.x->instances[0].state, contract::InstanceState::ready);
        follower.say_drained(follower.x->instances[1]);
        ASSERT_TRUE(follower.until(ready_instances(1)));
        before = follower.x->instances;
    }
    // Another control plane: the same servers, in the first word that it says.
    {
        ControlPlane control(directory.path(), lifeline_read.get());
        Follower follower(directory.path() + "/contract.sock");
        ASSERT_TRUE(follower.until([](const contract::Adapter&) { return true; }));
        EXPECT_EQ(follower.snapshots, 1U);
        EXPECT_EQ(follower.x->instances, before);
    }
    lifeline_write.reset();
    EXPECT_TRUE(eventually(deploy::testing::no_child_left));
}

}  // namespace
}  // namespace mcpgw
