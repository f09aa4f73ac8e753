// The link against a control plane that is sometimes late, gone, wrong, slow or hostile.
#include "dataplane/link/control_link.h"

#include <atomic>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <thread>
#include <tuple>

#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/bytes.h"
#include "common/contract/events.h"
#include "common/contract/sessions.h"
#include "dataplane/link/fake_control_plane.h"
#include "dataplane/link/temporary_directory.h"
#include "dataplane/route/snapshot_fixture.h"

namespace mcpgw {
namespace {

using fixture::FakeConnection;
using fixture::FakeControlPlane;
using fixture::make_adapter;
using fixture::make_delta;
using fixture::make_snapshot;

bool comes_true(const std::function<bool()>& condition) {
    const Nanos end = monotonic_now() + fixture::kPatienceMs * kMillisecond;
    while (!condition()) {
        if (monotonic_now() > end) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return true;
}

class ControlLinkTest : public testing::Test {
  protected:
    std::string socket_path() { return directory_.file("control.sock"); }
    std::string snapshot_path() { return directory_.file("snapshot.json"); }

    void start_link() {
        ControlLinkOptions options;
        options.socket_path = socket_path();
        options.data_dir = directory_.path();
        options.program_version = "9.9";
        options.workers = 2;
        options.wake_workers = [](void* context) {
            static_cast<std::atomic<int>*>(context)->fetch_add(1);
        };
        options.wake_context = &wakes_;
        options.sessions = sessions_;
        link_ = std::make_unique<ControlLink>(options, publication_);
        const auto started = link_->start();
        ASSERT_TRUE(started) << started.error().detail;
    }
    std::uint64_t published_version() {
        const RouteTable* table = publication_.refresh(0);
        const std::uint64_t version = table == nullptr ? 0 : table->version();
        publication_.leave(0);
        return version;
    }
    bool publishes(const std::string& adapter) {
        const RouteTable* table = publication_.refresh(0);
        const bool found = table != nullptr && table->find(adapter) != nullptr;
        publication_.leave(0);
        return found;
    }
    std::uint64_t saved_version() {
        const auto saved = contract::decode_snapshot(fixture::read_file(snapshot_path()));
        return saved ? saved->version : 0;
    }
    // A link that has taken make_snapshot(2, 1), and its connection.
    FakeConnection settled(FakeControlPlane& control) {
        start_link();
        FakeConnection connection = control.accept();
        connection.hello();
        connection.send(contract::encode(make_snapshot(2, 1)));
        EXPECT_EQ(connection.acked(), 10U);
        return connection;
    }

    fixture::TemporaryDirectory directory_;
    std::atomic<int> wakes_{0};
    SessionDirectory* sessions_ = nullptr;
    Publication publication_{2};
    std::unique_ptr<ControlLink> link_;
};

TEST_F(ControlLinkTest, says_hello_takes_a_snapshot_and_acknowledges_it) {
    FakeControlPlane control(socket_path());
    start_link();
    EXPECT_FALSE(link_->has_snapshot());
    FakeConnection connection = control.accept();
    const contract::Hello hello = connection.hello();
    EXPECT_EQ(hello.contract_version, contract::kContractVersion);
    EXPECT_EQ(hello.program_version, "9.9");
    EXPECT_EQ(hello.snapshot_version, 0U);
    EXPECT_EQ(hello.snapshot_epoch, "");
    EXPECT_EQ(hello.pid, static_cast<std::uint64_t>(::getpid()));
    connection.send(contract::encode(make_snapshot(2, 1)));
    EXPECT_EQ(connection.acked(), 10U);
    EXPECT_EQ(published_version(), 10U) << "in force before it is acknowledged";
    EXPECT_GE(wakes_.load(), 1);
    EXPECT_TRUE(link_->connected());
    EXPECT_TRUE(link_->has_snapshot());
    EXPECT_EQ(link_->snapshot_version(), 10U);
    EXPECT_LT(link_->snapshot_age_seconds(), 20);
}

TEST_F(ControlLinkTest, takes_deltas_one_after_the_other) {
    FakeControlPlane control(socket_path());
    FakeConnection connection = settled(control);
    connection.send(contract::encode(make_delta(10, {make_adapter("new", 1)})));
    connection.send(contract::encode(make_delta(11, {}, {"adapter-0"})));
    EXPECT_EQ(connection.acked(), 11U);
    EXPECT_EQ(connection.acked(), 12U);
    EXPECT_TRUE(publishes("new"));
    EXPECT_FALSE(publishes("adapter-0"));
}

TEST_F(ControlLinkTest, refuses_a_delta_with_a_foreign_base_and_keeps_what_it_has) {
    FakeControlPlane control(socket_path());
    FakeConnection connection = settled(control);
    connection.send(contract::encode(make_delta(11, {make_adapter("new", 1)})));
    const contract::Refuse refuse = connection.refused();
    EXPECT_EQ(refuse.version, 12U);
    EXPECT_FALSE(refuse.reason.empty());
    EXPECT_EQ(published_version(), 10U);
    auto full = make_snapshot(3, 1);
    full.version = 12;
    connection.send(contract::encode(full));
    EXPECT_EQ(connection.acked(), 12U);
}

TEST_F(ControlLinkTest, refuses_a_broken_snapshot_as_a_whole) {
    FakeControlPlane control(socket_path());
    FakeConnection connection = settled(control);
    auto broken = make_snapshot(2, 1);
    broken.version = 11;
    broken.adapters[1].instances[0].host = "a-name";
    connection.send(contract::encode(broken));
    EXPECT_NE(connection.refused().reason.find("host"), std::string::npos);
    connection.send(R"({"type":"delta"})");
    EXPECT_FALSE(connection.refused().reason.empty());
    EXPECT_EQ(published_version(), 10U);
    EXPECT_TRUE(link_->connected());
}

TEST_F(ControlLinkTest, refuses_an_older_version_of_its_epoch_but_takes_another_epoch) {
    FakeControlPlane control(socket_path());
    FakeConnection connection = settled(control);
    auto snapshot = make_snapshot(1, 1);
    snapshot.version = 9;
    connection.send(contract::encode(snapshot));
    EXPECT_EQ(connection.refused().version, 9U);
    EXPECT_EQ(published_version(), 10U);
    auto delta = make_delta(10, {});
    delta.epoch = "epoch-2";
    connection.send(contract::encode(delta));
    EXPECT_EQ(connection.refused().version, 11U);
    snapshot.epoch = "epoch-2";
    snapshot.version = 1;
    connection.send(contract::encode(snapshot));
    EXPECT_EQ(connection.acked(), 1U);
    EXPECT_EQ(published_version(), 1U);
}

TEST_F(ControlLinkTest, garbage_ends_the_connection_and_the_next_one_knows_what_is_in_force) {
    FakeControlPlane control(socket_path());
    std::optional<FakeConnection> connection = settled(control);
    const std::string too_long("\xff\xff\xff\xff", 4);
    const std::string empty("\0\0\0\0", 4);
    for (const std::string& garbage :
         {too_long, empty, std::string("GET / HTTP/1.1\r\n\r\n"), contract::encode_frame("no json"),
          contract::encode_frame("[]"), contract::encode_frame("{\"kind\":1}"),
          contract::encode_frame(std::string(1000, '\0'))}) {
        connection->send_raw(garbage);
        EXPECT_TRUE(connection->is_closed_by_peer());
        connection.emplace(control.accept());
        const contract::Hello hello = connection->hello();
        EXPECT_EQ(hello.snapshot_version, 10U);
        EXPECT_EQ(hello.snapshot_epoch, "epoch-1");
        EXPECT_EQ(published_version(), 10U);
        connection->send(R"({"type":"understood"})");  // the next try is early again
    }
}

TEST_F(ControlLinkTest, tries_grow_rarer_while_no_frame_is_understood) {
    FakeControlPlane control(socket_path());
    start_link();
    std::optional<FakeConnection> connection = control.accept();
    for (std::uint32_t least_ms = limits::link_retry_ms_min; least_ms <= limits::link_retry_ms_max;
         least_ms *= 2) {
        const Nanos before = monotonic_now();
        connection.reset();
        connection.emplace(control.accept());
        EXPECT_GE(monotonic_now() - before, least_ms * kMillisecond);
    }
}

TEST_F(ControlLinkTest, a_frame_that_comes_in_pieces_is_one_frame) {
    FakeControlPlane control(socket_path());
    FakeConnection connection = settled(control);
    const std::string frame = contract::encode_frame(contract::encode(make_delta(10, {})));
    for (const char c : frame)
        connection.send_raw({&c, 1});
    EXPECT_EQ(connection.acked(), 11U);
}

TEST_F(ControlLinkTest, frames_of_a_later_control_plane_are_ignored) {
    FakeControlPlane control(socket_path());
    FakeConnection connection = settled(control);
    connection.send(R"({"type":"something_new","value":1})");
    connection.send(contract::encode(make_delta(10, {})));
    EXPECT_EQ(connection.acked(), 11U);
}

TEST_F(ControlLinkTest, what_came_before_the_end_is_taken) {
    FakeControlPlane control(socket_path());
    {
        FakeConnection connection = settled(control);
        connection.send(contract::encode(make_delta(10, {})));
    }
    EXPECT_TRUE(comes_true([this] { return published_version() == 11; }));
}

TEST_F(ControlLinkTest, waits_for_a_control_plane_and_survives_its_death) {
    start_link();
    EXPECT_FALSE(link_->connected());
    {
        FakeControlPlane control(socket_path());
        FakeConnection connection = control.accept();
        connection.hello();
        connection.send(contract::encode(make_snapshot(2, 1)));
        EXPECT_EQ(connection.acked(), 10U);
    }
    EXPECT_TRUE(comes_true([this] { return !link_->connected(); }));
    EXPECT_TRUE(publishes("adapter-1"));
    FakeControlPlane successor(socket_path());
    FakeConnection connection = successor.accept();
    EXPECT_EQ(connection.hello().snapshot_version, 10U);
    connection.send(contract::encode(make_delta(10, {})));
    EXPECT_EQ(connection.acked(), 11U);
    EXPECT_TRUE(link_->connected());
}

TEST_F(ControlLinkTest, serves_from_disk_without_a_control_plane) {
    {
        FakeControlPlane control(socket_path());
        FakeConnection connection = settled(control);
        connection.send(contract::encode(make_delta(10, {make_adapter("new", 1)})));
        EXPECT_EQ(connection.acked(), 11U);
        link_->stop();
        EXPECT_EQ(saved_version(), 11U) << "saved at stop";
    }
    link_.reset();
    Publication fresh(1);
    ControlLinkOptions options;
    options.socket_path = socket_path();
    options.data_dir = directory_.path();
    ControlLink link(options, fresh);
    ASSERT_TRUE(link.start());
    EXPECT_TRUE(link.has_snapshot());
    EXPECT_EQ(link.snapshot_version(), 11U);
    EXPECT_GE(link.snapshot_age_seconds(), 0);
    const RouteTable* table = fresh.refresh(0);
    ASSERT_NE(table, nullptr);
    EXPECT_NE(table->find("new"), nullptr);
    EXPECT_EQ(table->keys().size(), 1U);
    fresh.leave(0);
    FakeControlPlane control(socket_path());
    FakeConnection connection = control.accept();
    const contract::Hello hello = connection.hello();
    EXPECT_EQ(hello.snapshot_version, 11U);
    EXPECT_EQ(hello.snapshot_epoch, "epoch-1");
    connection.send(contract::encode(make_delta(11, {})));
    EXPECT_EQ(connection.acked(), 12U);
}

TEST_F(ControlLinkTest, the_age_of_a_snapshot_counts_its_time_on_disk) {
    fixture::write_file(snapshot_path(), contract::encode(make_snapshot(1, 1)));
    const auto an_hour_ago = std::filesystem::file_time_type::clock::now() - std::chrono::hours(1);
    std::filesystem::last_write_time(snapshot_path(), an_hour_ago);
    start_link();
    EXPECT_NEAR(link_->snapshot_age_seconds(), 3600, 60);
}

TEST_F(ControlLinkTest, a_broken_snapshot_on_disk_is_moved_aside_and_replaced) {
    fixture::write_file(snapshot_path(), "{\"type\":\"snapshot\",");
    FakeControlPlane control(socket_path());
    start_link();
    EXPECT_FALSE(link_->has_snapshot());
    EXPECT_TRUE(std::filesystem::exists(snapshot_path() + ".corrupt"));
    FakeConnection connection = control.accept();
    EXPECT_EQ(connection.hello().snapshot_version, 0U);
    connection.send(contract::encode(make_snapshot(2, 1)));
    EXPECT_EQ(connection.acked(), 10U);
    EXPECT_TRUE(comes_true([this] { return saved_version() == 10; }));
}

TEST_F(ControlLinkTest, the_last_of_many_changes_reaches_the_disk_without_a_stop) {
    FakeControlPlane control(socket_path());
    FakeConnection connection = settled(control);
    for (std::uint64_t version = 10; version < 60; ++version) {
        connection.send(contract::encode(make_delta(version, {})));
        EXPECT_EQ(connection.acked(), version + 1);
    }
    EXPECT_TRUE(comes_true([this] { return saved_version() == 60; }));
}

TEST_F(ControlLinkTest, a_refused_snapshot_is_not_saved) {
    FakeControlPlane control(socket_path());
    FakeConnection connection = settled(control);
    connection.send(R"({"type":"snapshot","version":99})");
    connection.refused();
    link_->stop();
    EXPECT_EQ(saved_version(), 10U);
}

TEST_F(ControlLinkTest, events_of_all_workers_are_sent) {
    FakeControlPlane control(socket_path());
    FakeConnection connection = settled(control);
    link_->events(0).push(InstanceEvent::failure("adapter-0", 7, Code::unavailable));
    const auto first = contract::decode_instance_failure(connection.next());
    ASSERT_TRUE(first);
    EXPECT_EQ(first->adapter, "adapter-0");
    EXPECT_EQ(first->instance, 7U);
    EXPECT_EQ(first->reason, "unavailable");
    link_->events(1).push(InstanceEvent::failure("adapter-1", 8, Code::reset));
    const auto second = contract::decode_instance_failure(connection.next());
    ASSERT_TRUE(second);
    EXPECT_EQ(second->adapter, "adapter-1");
}

TEST_F(ControlLinkTest, events_of_the_janitor_are_sent_as_often_as_it_says) {
    FakeControlPlane control(socket_path());
    FakeConnection connection = settled(control);
    for (int i = 0; i < 2; ++i) {
        link_->janitor_events().push(InstanceEvent::drained("adapter-0", 7, 10));
        const auto event = contract::decode_instance_drained(connection.next());
        ASSERT_TRUE(event);
        EXPECT_EQ(event->adapter, "adapter-0");
        EXPECT_EQ(event->instance, 7U);
        EXPECT_EQ(event->version, 10U);
    }
}

TEST_F(ControlLinkTest, a_key_that_nobody_knows_is_said_with_the_name_of_its_issuer) {
    FakeControlPlane control(socket_path());
    FakeConnection connection = settled(control);
    contract::Delta delta = make_delta(10, {});
    delta.access.emplace().issuers = {{"https://a.example", {}, ""}, {"https://b.example", {}, ""}};
    connection.send(contract::encode(delta));
    EXPECT_EQ(connection.acked(), 11U);
    link_->events(0).push(InstanceEvent::unknown_key(fnv1a("https://gone.example")));
    link_->events(0).push(InstanceEvent::unknown_key(fnv1a("https://b.example")));
    EXPECT_EQ(contract::decode_unknown_key(connection.next())->issuer, "https://b.example");
}

TEST_F(ControlLinkTest, that_an_instance_was_drained_before_the_connection_is_not_said) {
    start_link();
    link_->janitor_events().push(InstanceEvent::drained("adapter-0", 7, 10));
    FakeControlPlane control(socket_path());
    FakeConnection connection = control.accept();
    connection.hello();
    link_->janitor_events().push(InstanceEvent::drained("adapter-0", 8, 10));
    const auto event = contract::decode_instance_drained(connection.next());
    ASSERT_TRUE(event);
    EXPECT_EQ(event->instance, 8U);
}

TEST_F(ControlLinkTest, a_storm_of_one_failure_is_a_few_events) {
    FakeControlPlane control(socket_path());
    FakeConnection connection = settled(control);
    const Nanos start = monotonic_now();
    constexpr int kStorm = 3000;
    for (int i = 0; i < kStorm; ++i)
        link_->events(0).push(InstanceEvent::failure("adapter-0", 7, Code::reset));
    link_->events(0).push(InstanceEvent::failure("adapter-0", 8, Code::reset));
    int heard = 0;
    while (true) {
        const auto event = contract::decode_instance_failure(connection.next());
        ASSERT_TRUE(event);
        if (event->instance == 8) break;
        ++heard;
    }
    const Nanos windows = (monotonic_now() - start) / (limits::failure_repeat_ms * kMillisecond);
    EXPECT_GE(heard, 1);
    EXPECT_LE(static_cast<Nanos>(heard), windows + 2);
}

TEST_F(ControlLinkTest, events_wait_for_the_control_plane) {
    start_link();
    link_->events(1).push(InstanceEvent::failure("adapter-0", 7, Code::timed_out));
    FakeControlPlane control(socket_path());
    FakeConnection connection = control.accept();
    connection.hello();
    EXPECT_TRUE(contract::decode_instance_failure(connection.next()));
}

TEST_F(ControlLinkTest, a_control_plane_that_does_not_read_delays_nobody) {
    FakeControlPlane control(socket_path());
    FakeConnection connection = settled(control);
    EventQueue& queue = link_->events(0);
    // Distinct failures, until the socket, what waits behind it, and the queue are full.
    std::uint64_t instance = 1;
    EXPECT_TRUE(comes_true([&] {
        while (queue.push(InstanceEvent::failure("adapter-0", instance, Code::reset)))
            ++instance;
        return link_->events_dropped() > 100;
    }));
    connection.send(contract::encode(make_delta(10, {})));
    EXPECT_TRUE(comes_true([this] { return published_version() == 11; }));
    link_->stop();
}

TEST_F(ControlLinkTest, stops_in_every_state) {
    start_link();
    link_->stop();
    link_->stop();
    link_.reset();
    FakeControlPlane control(socket_path());
    FakeConnection connection = settled(control);
    link_.reset();
    EXPECT_TRUE(connection.is_closed_by_peer());
}

TEST_F(ControlLinkTest, an_impossible_socket_path_is_an_error_at_start) {
    for (const std::string& path : {std::string(), "/" + std::string(200, 'x')}) {
        ControlLinkOptions options;
        options.socket_path = path;
        ControlLink link(options, publication_);
        EXPECT_EQ(link.start().error().code, Code::invalid_argument);
    }
}

TEST(ControlSocketTest, only_the_own_user_and_root_are_trusted) {
    EXPECT_TRUE(is_trusted_peer(1000, 1000));
    EXPECT_TRUE(is_trusted_peer(0, 1000));
    EXPECT_TRUE(is_trusted_peer(0, 0));
    EXPECT_FALSE(is_trusted_peer(1001, 1000));
    EXPECT_FALSE(is_trusted_peer(1000, 0));
}

TEST(ControlSocketTest, the_real_user_of_the_listener_decides) {
    fixture::TemporaryDirectory directory;
    const std::string path = directory.file("control.sock");
    const bool is_root = ::geteuid() == 0;
    std::filesystem::permissions(directory.path(), std::filesystem::perms::all);
    // The raw system call changes this thread only; the kernel notes the user at listen().
    if (is_root) {
        ASSERT_EQ(::syscall(SYS_setresuid, -1, 65534, -1), 0);
    }
    FakeControlPlane control(path);
    if (is_root) {
        ASSERT_EQ(::syscall(SYS_setresuid, -1, 0, -1), 0);
    }
    const auto socket = ControlSocket::connect(path);
    if (is_root) {
        ASSERT_FALSE(socket);
        EXPECT_EQ(socket.error().code, Code::permission_denied);
    } else {
        EXPECT_TRUE(socket);
    }
}

// Numbers to read: a full snapshot and one delta from the socket to the published table.
TEST_F(ControlLinkTest, prints_how_long_ten_thousand_adapters_take) {
    FakeControlPlane control(socket_path());
    start_link();
    FakeConnection connection = control.accept();
    connection.hello();
    const std::string frame = contract::encode_frame(contract::encode(make_snapshot(10'000, 4)));
    const Nanos start = monotonic_now();
    connection.send_raw(frame);
    EXPECT_EQ(connection.acked(), 10U);
    const Nanos loaded = monotonic_now() - start;
    Nanos slowest = 0;
    Nanos sum = 0;
    constexpr std::uint64_t kDeltas = 200;
    for (std::uint64_t i = 0; i < kDeltas; ++i) {
        const auto delta = make_delta(10 + i, {make_adapter("adapter-" + std::to_string(i), 5)});
        const Nanos before = monotonic_now();
        connection.send(contract::encode(delta));
        EXPECT_EQ(connection.acked(), 11 + i);
        slowest = std::max(slowest, monotonic_now() - before);
        sum += monotonic_now() - before;
    }
    std::printf("%.1f MiB: loaded in %llu ms; delta %llu us, slowest %llu us\n",
                static_cast<double>(frame.size()) / (1024 * 1024),
                static_cast<unsigned long long>(loaded / kMillisecond),
                static_cast<unsigned long long>(sum / kDeltas / kMicrosecond),
                static_cast<unsigned long long>(slowest / kMicrosecond));
    EXPECT_LT(loaded, 20 * kSecond);
}

// --- Questions about sessions -------------------------------------------------------------------

// Sessions "s1", "s2", ... of alice and bob in turns; one call looks at three of them.
class FakeDirectory final : public SessionDirectory {
  public:
    void list(const contract::SessionsQuery& query, contract::SessionsPage& page) override {
        for (std::uint64_t i = query.after; i < kSessions; ++i) {
            page.next = i;
            if (i - query.after == 3 || page.items.size() == query.limit) return;
            const std::string user = i % 2 == 0 ? "alice" : "bob";
            if (!query.user.empty() && query.user != user) continue;
            page.items.push_back({"s" + std::to_string(i), "a", "a-0", user, "", 1, 2, 0, 1});
        }
        page.next = 0;
    }
    bool end(const contract::SessionEnd& wish, contract::SessionEnded& ended) override {
        if (wish.id != "s0" || (!wish.user.empty() && wish.user != "alice")) return false;
        ended.adapter = "a";
        ended.instance = "a-0";
        ended.user = "alice";
        return true;
    }

  private:
    static constexpr std::uint64_t kSessions = 5;
};

TEST_F(ControlLinkTest, each_process_has_a_name_of_its_own_that_stays) {
    FakeControlPlane control(socket_path());
    start_link();
    std::string name;
    {
        FakeConnection connection = control.accept();
        name = connection.hello().process;
        EXPECT_EQ(name.size(), 8U);
    }
    EXPECT_EQ(control.accept().hello().process, name);
    link_->stop();
    start_link();
    EXPECT_NE(control.accept().hello().process, name);
}

TEST_F(ControlLinkTest, questions_about_sessions_are_answered) {
    FakeDirectory directory;
    sessions_ = &directory;
    FakeControlPlane control(socket_path());
    FakeConnection connection = settled(control);
    const auto ask = [&connection](const contract::SessionsQuery& query) {
        connection.send(contract::encode(query));
        const auto page = contract::decode_sessions_page(connection.next());
        EXPECT_TRUE(page);
        return page ? *page : contract::SessionsPage{};
    };
    const auto first = ask({.request = 71, .limit = 1000, .user = "alice"});
    EXPECT_EQ(first.request, 71U);
    EXPECT_EQ(first.items.size(), 2U);
    EXPECT_EQ(first.next, 3U);
    const auto last = ask({.request = 72, .after = first.next, .limit = 1000, .user = "alice"});
    EXPECT_EQ(last.request, 72U);
    ASSERT_EQ(last.items.size(), 1U);
    EXPECT_EQ(last.items[0].id, "s4");
    EXPECT_EQ(last.next, 0U);

    for (const auto& [id, user, found] :
         {std::tuple("s0", "", true), std::tuple("s0", "alice", true),
          std::tuple("s0", "bob", false), std::tuple("s9", "", false)}) {
        connection.send(contract::encode(contract::SessionEnd{8, id, user}));
        EXPECT_EQ(contract::decode_session_ended(connection.next()).value(),
                  (found ? contract::SessionEnded{8, true, "a", "a-0", "alice"}
                         : contract::SessionEnded{8, false}));
    }
}

TEST_F(ControlLinkTest, without_sessions_there_are_none) {
    FakeControlPlane control(socket_path());
    FakeConnection connection = settled(control);
    connection.send(contract::encode(contract::SessionsQuery{.request = 1, .limit = 5}));
    EXPECT_EQ(contract::decode_sessions_page(connection.next()).value(),
              (contract::SessionsPage{1, {}, 0}));
    connection.send(contract::encode(contract::SessionEnd{2, "s0"}));
    EXPECT_FALSE(contract::decode_session_ended(connection.next())->found);
}

TEST_F(ControlLinkTest, a_question_that_cannot_be_understood_ends_the_connection) {
    FakeDirectory directory;
    sessions_ = &directory;
    FakeControlPlane control(socket_path());
    for (const char* question : {R"({"type":"sessions_query","request":1})",
                                 R"({"type":"sessions_query","request":1,"after":0,"limit":0})",
                                 R"({"type":"session_end","request":1,"id":"../x"})"}) {
        if (link_ != nullptr) link_->stop();
        FakeConnection connection = settled(control);
        connection.send(question);
        EXPECT_TRUE(connection.is_closed_by_peer()) << question;
    }
}

}  // namespace
}  // namespace mcpgw
