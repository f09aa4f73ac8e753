// Tables say what the snapshot said, deltas touch what they name, loads and slots outlive tables.
#include "dataplane/route/route_table.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <set>
#include <tuple>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/un.h>

#include "common/limits.h"
#include "common/time.h"
#include "dataplane/route/snapshot_fixture.h"
#include "dataplane/session/seal.h"

namespace mcpgw {
namespace {

using contract::InstanceState;
using fixture::make_adapter;
using fixture::make_delta;
using fixture::make_instance;
using fixture::make_key;
using fixture::make_snapshot;
using Table = std::unique_ptr<const RouteTable>;

Table built(RouteBuilder& builder, const contract::Snapshot& snapshot) {
    auto table = builder.build(snapshot);
    EXPECT_TRUE(table) << table.error().detail;
    return table ? std::move(*table) : nullptr;
}
Table applied(RouteBuilder& builder, const contract::Delta& delta) {
    auto table = builder.apply(delta);
    EXPECT_TRUE(table) << table.error().detail;
    return table ? std::move(*table) : nullptr;
}
contract::Snapshot snapshot_with(contract::Adapter adapter) {
    auto snapshot = make_snapshot(0, 0);
    snapshot.adapters.push_back(std::move(adapter));
    return snapshot;
}

TEST(RouteTableTest, an_adapter_is_found_by_its_name_only) {
    RouteBuilder builder;
    const Table table = built(builder, make_snapshot(100, 2));
    EXPECT_EQ(table->adapter_count(), 100U);
    EXPECT_EQ(table->version(), 10U);
    EXPECT_EQ(table->epoch(), "epoch-1");
    for (std::size_t i = 0; i < 100; ++i) {
        const std::string name = "adapter-" + std::to_string(i);
        const Adapter* adapter = table->find(name);
        ASSERT_NE(adapter, nullptr) << name;
        EXPECT_EQ(adapter->name, name);
        EXPECT_EQ(adapter->id, adapter_identity(name));
    }
    for (const auto* name : {"", "adapter-", "adapter-100", "ADAPTER-1", "adapter-1 "})
        EXPECT_EQ(table->find(name), nullptr) << name;
}

TEST(RouteTableTest, an_adapter_is_found_again_by_the_numbers_of_its_name) {
    RouteBuilder builder;
    const Table table = built(builder, make_snapshot(100, 1));
    for (std::size_t i = 0; i < 100; ++i) {
        const Adapter* adapter = table->find("adapter-" + std::to_string(i));
        ASSERT_NE(adapter, nullptr);
        EXPECT_EQ(table->find(adapter->name_hash, adapter->id), adapter);
        EXPECT_EQ(table->find(adapter->name_hash, adapter->id + 1), nullptr);
        EXPECT_EQ(table->find(adapter->name_hash + 1, adapter->id), nullptr);
    }
}

TEST(RouteTableTest, an_empty_table_finds_nothing) {
    RouteBuilder builder;
    EXPECT_EQ(built(builder, make_snapshot(0, 0))->find("x"), nullptr);
}

TEST(RouteTableTest, says_everything_the_snapshot_said) {
    auto described = make_adapter("x", 1);
    described.transport = contract::Transport::sse;
    described.affinity = contract::Affinity::none;
    described.required_roles = {"r1", "r2"};
    described.tenant = "t";
    described.timeouts = {1, 2, 3, 4};
    described.request_headers = {{"Authorization", "Bearer s"}};
    RouteBuilder builder;
    const Table table = built(builder, snapshot_with(described));
    const Adapter* adapter = table->find("x");
    EXPECT_EQ(adapter->transport, contract::Transport::sse);
    EXPECT_EQ(adapter->affinity, contract::Affinity::none);
    EXPECT_EQ(adapter->created_by, "alice");
    EXPECT_EQ(adapter->required_roles, described.required_roles);
    EXPECT_EQ(adapter->tenant, "t");
    EXPECT_EQ(adapter->timeouts.connect_ms, 1U);
    EXPECT_EQ(adapter->timeouts.session_idle_seconds, 4U);
    EXPECT_EQ(adapter->request_headers, described.request_headers);
    ASSERT_EQ(adapter->instances.size(), 1U);
    EXPECT_EQ(adapter->instances[0].authority, "127.0.0.1:20000");
    EXPECT_EQ(adapter->instances[0].path, "/mcp");
    ASSERT_EQ(table->keys().size(), 1U);
    EXPECT_EQ(table->keys()[0].id, "k1");
}

TEST(RouteTableTest, addresses_are_ready_for_connect) {
    auto adapter = make_adapter("x", 3);
    adapter.instances[1].host = "fd00::7";
    adapter.instances[2].host = "/run/mcp/x.sock";
    adapter.instances[2].port = 0;
    RouteBuilder builder;
    const Table table = built(builder, snapshot_with(adapter));
    const Adapter* found = table->find("x");
    const Instance* v4 = found->find(adapter.instances[0].id);
    const Instance* v6 = found->find(adapter.instances[1].id);
    const Instance* local = found->find(adapter.instances[2].id);
    ASSERT_TRUE(v4 != nullptr && v6 != nullptr && local != nullptr);
    sockaddr_in in4{};
    std::memcpy(&in4, &v4->address, v4->address_bytes);
    EXPECT_EQ(v4->address_bytes, sizeof(in4));
    EXPECT_EQ(in4.sin_family, AF_INET);
    EXPECT_EQ(in4.sin_port, htons(20000));
    EXPECT_EQ(in4.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
    sockaddr_in6 in6{};
    std::memcpy(&in6, &v6->address, v6->address_bytes);
    EXPECT_EQ(in6.sin6_family, AF_INET6);
    EXPECT_EQ(in6.sin6_port, htons(20001));
    EXPECT_EQ(in6.sin6_addr.s6_addr[0], 0xfd);
    sockaddr_un un{};
    std::memcpy(&un, &local->address, local->address_bytes);
    EXPECT_EQ(un.sun_family, AF_UNIX);
    EXPECT_STREQ(un.sun_path, "/run/mcp/x.sock");
}

TEST(RouteTableTest, instances_are_found_by_id_and_listed_when_ready) {
    auto adapter = make_adapter("x", 40);
    for (std::size_t i = 0; i < 40; ++i) {
        if (i % 3 == 1) adapter.instances[i].state = InstanceState::not_ready;
        if (i % 3 == 2) adapter.instances[i].state = InstanceState::draining;
    }
    RouteBuilder builder;
    const Table table = built(builder, snapshot_with(adapter));
    const Adapter* found = table->find("x");
    for (const auto& instance : adapter.instances) {
        const Instance* at = found->find(instance.id);
        ASSERT_NE(at, nullptr);
        EXPECT_EQ(at->name, instance.name);
        EXPECT_EQ(at->state, instance.state);
        EXPECT_NE(at->load, nullptr);
    }
    EXPECT_EQ(found->find(1), nullptr);
    EXPECT_EQ(found->find(UINT64_MAX), nullptr);
    EXPECT_EQ(found->ready.size(), 14U);
    for (const std::uint32_t i : found->ready)
        EXPECT_EQ(found->instances[i].state, InstanceState::ready);
}

TEST(RouteTableTest, an_instance_that_may_be_older_than_the_process_may_have_unknown_sessions) {
    const auto with_states = [](std::uint64_t version, std::size_t instances) {
        auto snapshot = make_snapshot(1, instances);
        snapshot.version = version;
        snapshot.adapters[0].instances[0].state = InstanceState::not_ready;
        if (instances > 1) snapshot.adapters[0].instances[1].state = InstanceState::not_ready;
        return snapshot;
    };
    const auto counts_all = [](const RouteTable& table, std::size_t number) {
        return table.find("adapter-0")
            ->find(make_instance("adapter-0", number).id)
            ->load->counts_all_sessions;
    };
    RouteBuilder builder;
    const auto from_disk = builder.build(with_states(1, 1), RouteBuilder::Source::disk);
    EXPECT_FALSE(counts_all(**from_disk, 0));
    const Table first = built(builder, with_states(2, 3));
    EXPECT_FALSE(counts_all(*first, 0)) << "known from the disk";
    EXPECT_TRUE(counts_all(*first, 1)) << "has never answered";
    EXPECT_FALSE(counts_all(*first, 2)) << "answers already";
    const Table second = built(builder, with_states(3, 4));
    EXPECT_FALSE(counts_all(*second, 2));
    EXPECT_TRUE(counts_all(*second, 3)) << "came later";
}

TEST(RouteTableTest, tables_share_what_is_said_of_access_until_it_changes) {
    auto snapshot = make_snapshot(1, 1);
    snapshot.access.scopes = {"mcp:use"};
    RouteBuilder builder;
    const Table first = built(builder, snapshot);
    EXPECT_EQ(*first->access(), snapshot.access);
    auto delta = make_delta(10, {make_adapter("x", 1)});
    const auto second = builder.apply(delta);
    ASSERT_TRUE(second);
    EXPECT_EQ((*second)->access(), first->access());
    delta = make_delta(11, {});
    delta.access.emplace();
    const auto third = builder.apply(delta);
    ASSERT_TRUE(third);
    EXPECT_EQ(*(*third)->access(), contract::Access{});
    EXPECT_EQ(first->access()->scopes.size(), 1U) << "a table does not change";
}

TEST(RouteTableTest, goes_back_to_the_snapshot_that_builds_it) {
    auto snapshot = make_snapshot(20, 4);
    snapshot.keys.push_back(make_key("k0", 'z', false));
    snapshot.adapters[3].instances[0].host = "fd00::7";
    snapshot.adapters[3].instances[1].host = "/run/mcp/x.sock";
    snapshot.adapters[3].instances[1].port = 0;
    snapshot.adapters[4].request_headers = {{"A", "b"}};
    snapshot.adapters[5].required_scopes = {"mcp:use"};
    snapshot.adapters[5].access_rules = {{contract::AccessRule::Effect::deny, {}, {}, {"x*"}}};
    snapshot.adapters[5].limits.all.sessions_max = 7;
    snapshot.adapters[5].identity_assertion = true;
    snapshot.access.audiences = {"api://gateway"};
    RouteBuilder builder;
    const contract::Snapshot back = built(builder, snapshot)->to_snapshot();
    RouteBuilder again;
    const Table second = built(again, back);
    EXPECT_EQ(contract::encode(second->to_snapshot()), contract::encode(back));
    EXPECT_EQ(back.version, snapshot.version);
    EXPECT_EQ(back.epoch, snapshot.epoch);
    EXPECT_EQ(back.access, snapshot.access);
    ASSERT_EQ(back.keys.size(), 2U);
    EXPECT_EQ(back.keys[1].key, std::string(32, 'z'));
    ASSERT_EQ(back.adapters.size(), snapshot.adapters.size());
    for (std::size_t i = 0; i < back.adapters.size(); ++i) {
        std::set<std::tuple<std::string, std::string, std::uint16_t, std::uint64_t>> want, have;
        for (const auto& at : snapshot.adapters[i].instances)
            want.emplace(at.name, at.host, at.port, at.id);
        for (const auto& at : back.adapters[i].instances)
            have.emplace(at.name, at.host, at.port, at.id);
        EXPECT_EQ(want, have);
    }
}

TEST(RouteBuilderTest, refuses_addresses_nobody_can_connect_to) {
    const auto refuses = [](const std::string& host, std::uint16_t port) {
        auto adapter = make_adapter("x", 1);
        adapter.instances[0].host = host;
        adapter.instances[0].port = port;
        RouteBuilder builder;
        const auto table = builder.build(snapshot_with(adapter));
        return !table && table.error().code == Code::invalid_argument;
    };
    EXPECT_TRUE(refuses("localhost", 80));
    EXPECT_TRUE(refuses("", 80));
    EXPECT_TRUE(refuses("127.0.0.1", 0));
    EXPECT_TRUE(refuses("::1", 0));
    EXPECT_TRUE(refuses("127.0.0.1.5", 80));
    EXPECT_TRUE(refuses(std::string("127.0.0.1\0x", 11), 80));
    EXPECT_TRUE(refuses(std::string("/run/a\0b", 8), 0));
    EXPECT_TRUE(refuses("/" + std::string(200, 'p'), 0));
    EXPECT_FALSE(refuses("/" + std::string(106, 'p'), 0));
}

TEST(RouteBuilderTest, refuses_doubles_and_too_many) {
    RouteBuilder builder;
    auto snapshot = make_snapshot(2, 2);
    snapshot.adapters[1].name = snapshot.adapters[0].name;
    EXPECT_EQ(builder.build(snapshot).error().code, Code::invalid_argument);
    snapshot = make_snapshot(1, 2);
    snapshot.adapters[0].instances[1].id = snapshot.adapters[0].instances[0].id;
    EXPECT_EQ(builder.build(snapshot).error().code, Code::invalid_argument);
    snapshot = make_snapshot(1, limits::instances_per_adapter_max + 1);
    EXPECT_EQ(builder.build(snapshot).error().code, Code::limit_exceeded);
    snapshot = make_snapshot(limits::adapters_max + 1, 0);
    EXPECT_EQ(builder.build(snapshot).error().code, Code::limit_exceeded);
    const Table full = built(builder, make_snapshot(limits::adapters_max, 0));
    EXPECT_EQ(builder.apply(make_delta(10, {make_adapter("x", 0)})).error().code,
              Code::limit_exceeded);
    EXPECT_TRUE(builder.apply(make_delta(10, {make_adapter("x", 0)}, {"adapter-0"})));
}

TEST(RouteBuilderTest, a_delta_changes_what_it_names_and_shares_the_rest) {
    RouteBuilder builder;
    const Table before = built(builder, make_snapshot(10, 2));
    const Table after = applied(
        builder,
        make_delta(10, {make_adapter("new", 1), make_adapter("adapter-3", 5)}, {"adapter-7"}));
    EXPECT_EQ(after->version(), 11U);
    EXPECT_EQ(after->adapter_count(), 10U);
    EXPECT_NE(after->find("new"), nullptr);
    EXPECT_EQ(after->find("adapter-7"), nullptr);
    EXPECT_EQ(after->find("adapter-3")->instances.size(), 5U);
    for (const auto* same : {"adapter-0", "adapter-9"})
        EXPECT_EQ(after->find(same), before->find(same)) << same;
    EXPECT_EQ(before->find("new"), nullptr);
    EXPECT_EQ(before->find("adapter-3")->instances.size(), 2U);
    EXPECT_NE(before->find("adapter-7"), nullptr);
}

TEST(RouteBuilderTest, adapters_stay_findable_through_many_removals) {
    RouteBuilder builder;
    Table table = built(builder, make_snapshot(50, 1));
    for (std::size_t i = 0; i < 50; ++i) {
        table = applied(builder, make_delta(10 + i, {}, {"adapter-" + std::to_string(i)}));
        for (std::size_t j = 0; j < 50; ++j)
            ASSERT_EQ(table->find("adapter-" + std::to_string(j)) != nullptr, j > i);
    }
    EXPECT_EQ(table->adapter_count(), 0U);
}

TEST(RouteBuilderTest, refuses_a_delta_with_another_base) {
    RouteBuilder builder;
    EXPECT_EQ(builder.apply(make_delta(0, {})).error().code, Code::conflict);
    const Table table = built(builder, make_snapshot(2, 1));
    EXPECT_EQ(builder.apply(make_delta(9, {})).error().code, Code::conflict);
    EXPECT_EQ(builder.apply(make_delta(11, {})).error().code, Code::conflict);
    auto foreign = make_delta(10, {});
    foreign.epoch = "epoch-2";
    EXPECT_EQ(builder.apply(foreign).error().code, Code::conflict);
    auto still = make_delta(10, {});
    still.to = 10;
    EXPECT_EQ(builder.apply(still).error().code, Code::invalid_argument);
    EXPECT_EQ(builder.apply(make_delta(10, {}, {"absent"})).error().code, Code::conflict);
    EXPECT_EQ(builder.apply(make_delta(10, {}, {"adapter-0", "adapter-0"})).error().code,
              Code::conflict);
    EXPECT_EQ(
        builder.apply(make_delta(10, {make_adapter("adapter-0", 1)}, {"adapter-0"})).error().code,
        Code::invalid_argument);
}

TEST(RouteBuilderTest, a_refused_delta_leaves_everything_as_it_was) {
    RouteBuilder builder;
    const Table before = built(builder, make_snapshot(3, 1));
    auto broken =
        make_delta(10, {make_adapter("fine", 1), make_adapter("broken", 1)}, {"adapter-0"});
    broken.upserts[1].instances[0].host = "not-an-address";
    EXPECT_FALSE(builder.apply(broken));
    EXPECT_EQ(builder.version(), 10U);
    EXPECT_EQ(builder.load_blocks(), 3U);
    const Table after = applied(builder, make_delta(10, {}));
    EXPECT_EQ(after->adapter_count(), 3U);
    EXPECT_EQ(after->find("adapter-0"), before->find("adapter-0"));
    EXPECT_EQ(after->find("fine"), nullptr);
}

TEST(RouteBuilderTest, versions_of_one_epoch_only_grow) {
    RouteBuilder builder;
    auto snapshot = make_snapshot(1, 1);
    Table table = built(builder, snapshot);
    snapshot.version = 9;
    EXPECT_EQ(builder.build(snapshot).error().code, Code::conflict);
    snapshot.version = 10;
    table = built(builder, snapshot);
    snapshot.epoch = "epoch-2";
    snapshot.version = 1;
    table = built(builder, snapshot);
    EXPECT_EQ(table->version(), 1U);
    EXPECT_EQ(table->epoch(), "epoch-2");
}

TEST(RouteBuilderTest, an_instance_keeps_its_load_across_tables) {
    RouteBuilder builder;
    const Table first = built(builder, make_snapshot(2, 2));
    const std::uint64_t id = first->find("adapter-0")->instances[0].id;
    InstanceLoad* load = first->find("adapter-0")->find(id)->load;
    const Table second = applied(builder, make_delta(10, {make_adapter("adapter-0", 3)}));
    EXPECT_EQ(second->find("adapter-0")->find(id)->load, load);
    auto snapshot = make_snapshot(2, 2);
    snapshot.version = 20;
    EXPECT_EQ(built(builder, snapshot)->find("adapter-0")->find(id)->load, load);
}

TEST(RouteBuilderTest, a_load_block_lives_until_nobody_needs_it) {
    RouteBuilder builder;
    Table old_table = built(builder, make_snapshot(1, 1));
    InstanceLoad* load = old_table->find("adapter-0")->instances[0].load;
    load->sessions = 1;  // sessions of an instance that is gone are lost and hold nothing
    load->outstanding = 1;
    applied(builder, make_delta(10, {}, {"adapter-0"}));
    EXPECT_EQ(builder.load_blocks(), 1U);
    old_table.reset();
    applied(builder, make_delta(11, {}));
    EXPECT_EQ(builder.load_blocks(), 1U) << "a request is still counted";
    EXPECT_EQ(load->sessions, 1U);
    load->outstanding = 0;
    applied(builder, make_delta(12, {}));
    EXPECT_EQ(builder.load_blocks(), 0U) << "the lost session holds nothing";
}

TEST(RouteBuilderTest, a_load_block_lives_while_an_old_table_names_it) {
    RouteBuilder builder;
    Table old_table = built(builder, make_snapshot(1, 1));
    applied(builder, make_delta(10, {}, {"adapter-0"}));
    EXPECT_EQ(builder.load_blocks(), 1U);
    EXPECT_EQ(old_table->find("adapter-0")->instances[0].load->sessions, 0U);
    old_table.reset();
    applied(builder, make_delta(11, {}));
    EXPECT_EQ(builder.load_blocks(), 0U);
}

TEST(RouteBuilderTest, an_instance_that_comes_back_finds_its_load) {
    RouteBuilder builder;
    Table table = built(builder, make_snapshot(1, 1));
    InstanceLoad* load = table->find("adapter-0")->instances[0].load;
    load->sessions = 7;
    table = applied(builder, make_delta(10, {}, {"adapter-0"}));
    table = applied(builder, make_delta(11, {make_adapter("adapter-0", 1)}));
    EXPECT_EQ(table->find("adapter-0")->instances[0].load, load);
    load->sessions = 0;
    table = applied(builder, make_delta(12, {}));
    EXPECT_EQ(builder.load_blocks(), 1U) << "it is in the table again";
    EXPECT_EQ(table->find("adapter-0")->instances[0].load, load);
}

TEST(RouteBuilderTest, restarting_instances_do_not_pile_up_loads) {
    RouteBuilder builder;
    Table table = built(builder, make_snapshot(1, 1));
    for (std::uint64_t i = 0; i < 1000; ++i) {
        auto adapter = make_adapter("adapter-0", 0);
        adapter.instances.push_back(make_instance("adapter-0", 0, std::to_string(i)));
        table = applied(builder, make_delta(10 + i, {adapter}));
    }
    EXPECT_LE(builder.load_blocks(), 3U);
}

TEST(RouteBuilderTest, a_name_keeps_its_metrics_slot) {
    RouteBuilder builder;
    Table table = built(builder, make_snapshot(3, 1));
    std::set<std::uint16_t> slots;
    table->for_each([&](const Adapter& adapter) {
        EXPECT_GE(adapter.metrics_slot, metrics_slot::first_adapter);
        slots.insert(adapter.metrics_slot);
    });
    EXPECT_EQ(slots.size(), 3U);
    const std::uint16_t slot = table->find("adapter-1")->metrics_slot;
    table = applied(builder, make_delta(10, {make_adapter("new", 1)}, {"adapter-1"}));
    EXPECT_FALSE(slots.contains(table->find("new")->metrics_slot));
    table = applied(builder, make_delta(11, {make_adapter("adapter-1", 2)}));
    EXPECT_EQ(table->find("adapter-1")->metrics_slot, slot);
}

TEST(RouteBuilderTest, names_beyond_the_slots_share_one) {
    RouteBuilder builder;
    Table table = built(builder, make_snapshot(limits::adapters_max, 0));
    table = applied(builder, make_delta(10, {make_adapter("x", 0)}, {"adapter-0"}));
    EXPECT_EQ(table->find("x")->metrics_slot, metrics_slot::other);
}

TEST(RouteBuilderTest, the_generation_of_keys_changes_with_them_only) {
    RouteBuilder builder;
    auto snapshot = make_snapshot(1, 1);
    const auto first = built(builder, snapshot)->keys_generation();
    EXPECT_EQ(built(builder, snapshot)->keys_generation(), first);
    auto delta = make_delta(10, {});
    EXPECT_EQ(applied(builder, delta)->keys_generation(), first) << "no keys: unchanged";
    delta = make_delta(11, {});
    delta.keys = {make_key("k2", 'b', true), make_key("k1", 'a', false)};
    const Table rotated = applied(builder, delta);
    EXPECT_NE(rotated->keys_generation(), first);
    EXPECT_EQ(rotated->keys().size(), 2U);
}

// Numbers to read, with a bound that only a mistake in the design would reach.
TEST(RouteBuilderTest, ten_thousand_adapters_load_well_under_a_second) {
    const contract::Snapshot snapshot = make_snapshot(10'000, 4);
    RouteBuilder builder;
    const Nanos start = monotonic_now();
    Table table = built(builder, snapshot);
    const Nanos end = monotonic_now();
    Nanos slowest = 0;
    for (std::uint64_t i = 0; i < 100; ++i) {
        auto delta = make_delta(10 + i, {make_adapter("adapter-" + std::to_string(i), 5)});
        const Nanos before = monotonic_now();
        table = applied(builder, delta);
        slowest = std::max(slowest, monotonic_now() - before);
    }
    std::printf("10,000 x 4: build %llu us, slowest delta %llu us\n",
                static_cast<unsigned long long>((end - start) / kMicrosecond),
                static_cast<unsigned long long>(slowest / kMicrosecond));
    EXPECT_LT(end - start, 5 * kSecond);
    EXPECT_LT(slowest, kSecond);
}

}  // namespace
}  // namespace mcpgw
