// The properties of snapshots and deltas: nothing is lost on the way, and whatever breaks a rule is
// refused with its place.
#include "common/contract/snapshot.h"

#include <chrono>
#include <functional>

#include <gtest/gtest.h>

#include "common/limits.h"

namespace mcpgw::contract {
namespace {

Instance sample_instance(const std::string& name, std::uint64_t id) {
    return {.name = name,
            .id = id,
            .host = "127.0.0.1",
            .port = 8000,
            .authority = "127.0.0.1:8000",
            .path = "/mcp",
            .state = InstanceState::ready};
}

Adapter sample_adapter(const std::string& name) {
    Adapter adapter;
    adapter.name = name;
    adapter.created_by = "dev\xC3\xA9loper";
    adapter.required_roles = {"mcp.engineer", "ops"};
    adapter.tenant = "blue";
    adapter.request_headers = {{"Authorization", "Bearer \"secret\""}, {"X-Empty", ""}};
    adapter.instances = {sample_instance(name + "-0", 1), sample_instance(name + "-1", UINT64_MAX)};
    return adapter;
}

Snapshot sample() {
    Snapshot snapshot;
    snapshot.epoch = "epoch-1";
    snapshot.version = 12;
    std::string bytes;
    for (int i = 0; i < 32; ++i)
        bytes.push_back(static_cast<char>(i * 8));
    snapshot.keys = {{"k2", bytes, true}, {"K1", std::string(32, '\0'), false}};
    snapshot.adapters = {sample_adapter("weather"), sample_adapter("files")};
    Adapter& other = snapshot.adapters[1];
    other.transport = Transport::sse;
    other.affinity = Affinity::none;
    other.timeouts = {1, 2, 3, 4};
    other.instances[0].state = InstanceState::draining;
    other.instances[0].host = "::1";
    other.instances[1].state = InstanceState::not_ready;
    other.instances[1].host = "/run/x.sock";
    other.instances[1].port = 0;
    return snapshot;
}

std::string detail_after(const std::function<void(Snapshot&)>& change) {
    Snapshot snapshot = sample();
    change(snapshot);
    const Result<Snapshot> result = decode_snapshot(encode(snapshot));
    return result.has_value() ? "accepted" : result.error().detail;
}

std::string detail_after_adapter(const std::function<void(Adapter&)>& change) {
    return detail_after([&change](Snapshot& snapshot) { change(snapshot.adapters[1]); });
}

std::string detail_after_instance(const std::function<void(Instance&)>& change) {
    return detail_after([&change](Snapshot& s) { change(s.adapters[1].instances[0]); });
}

TEST(Snapshot, everything_survives_the_round_trip) {
    const Snapshot before = sample();
    const Result<Snapshot> after = decode_snapshot(encode(before));
    ASSERT_TRUE(after.has_value()) << after.error().detail;
    EXPECT_EQ(encode(*after), encode(before));
    EXPECT_EQ(after->epoch, "epoch-1");
    EXPECT_EQ(after->version, 12U);
    ASSERT_EQ(after->keys.size(), 2U);
    EXPECT_EQ(after->keys[0].key, before.keys[0].key);
    EXPECT_TRUE(after->keys[0].current);
    EXPECT_EQ(after->keys[1].id, "K1");
    ASSERT_EQ(after->adapters.size(), 2U);
    const Adapter& adapter = after->adapters[1];
    EXPECT_EQ(adapter.transport, Transport::sse);
    EXPECT_EQ(adapter.affinity, Affinity::none);
    EXPECT_EQ(adapter.created_by, "dev\xC3\xA9loper");
    EXPECT_EQ(adapter.required_roles, (std::vector<std::string>{"mcp.engineer", "ops"}));
    EXPECT_EQ(adapter.tenant, "blue");
    EXPECT_EQ(adapter.timeouts.connect_ms, 1U);
    EXPECT_EQ(adapter.timeouts.first_byte_ms, 2U);
    EXPECT_EQ(adapter.timeouts.idle_ms, 3U);
    EXPECT_EQ(adapter.timeouts.session_idle_seconds, 4U);
    EXPECT_EQ(adapter.request_headers, before.adapters[1].request_headers);
    ASSERT_EQ(adapter.instances.size(), 2U);
    EXPECT_EQ(adapter.instances[0].host, "::1");
    EXPECT_EQ(adapter.instances[0].state, InstanceState::draining);
    EXPECT_EQ(adapter.instances[1].name, "files-1");
    EXPECT_EQ(adapter.instances[1].id, UINT64_MAX);
    EXPECT_EQ(adapter.instances[1].port, 0U);
    EXPECT_EQ(adapter.instances[1].state, InstanceState::not_ready);
    EXPECT_EQ(after->adapters[0].instances[0].authority, "127.0.0.1:8000");
    EXPECT_EQ(after->adapters[0].instances[0].path, "/mcp");
}

TEST(Snapshot, an_empty_one_is_legal) {
    const Result<Snapshot> after = decode_snapshot(
        R"({"type":"snapshot","epoch":"e","version":1,"keys":[],"adapters":[],"more":{}})");
    ASSERT_TRUE(after.has_value()) << after.error().detail;
    EXPECT_TRUE(after->adapters.empty());
}

TEST(Snapshot, epoch_and_version_are_checked) {
    EXPECT_EQ(detail_after([](Snapshot& s) { s.epoch = ""; }), "epoch: is empty");
    EXPECT_EQ(detail_after([](Snapshot& s) { s.version = 0; }),
              "version: is not within 1...18446744073709551615");
}

TEST(Snapshot, keys_are_checked) {
    EXPECT_EQ(detail_after([](Snapshot& s) { s.keys.clear(); }), "accepted");
    EXPECT_EQ(detail_after([](Snapshot& s) { s.keys[0].current = false; }),
              "keys: not exactly one is current");
    EXPECT_EQ(detail_after([](Snapshot& s) { s.keys[1].current = true; }),
              "keys: not exactly one is current");
    EXPECT_EQ(detail_after([](Snapshot& s) { s.keys[1].id = "k2"; }), "keys[1].id: is there twice");
    EXPECT_EQ(detail_after([](Snapshot& s) { s.keys[1].id = "k.2"; }),
              "keys[1].id: has characters other than letters and digits");
    EXPECT_EQ(detail_after([](Snapshot& s) { s.keys[1].id = ""; }), "keys[1].id: is empty");
    EXPECT_EQ(detail_after([](Snapshot& s) { s.keys[1].id = std::string(17, 'k'); }),
              "keys[1].id: is longer than 16 bytes");
    for (const std::size_t size : {1U, 31U, 33U, 64U})
        EXPECT_EQ(detail_after([size](Snapshot& s) { s.keys[0].key.resize(size); }),
                  "keys[0].key: is not 32 bytes in base64url");
}

TEST(Snapshot, adapters_are_checked) {
    EXPECT_EQ(detail_after_adapter([](Adapter& a) { a.name = "A"; }),
              "adapters[1].name: is not a resource name");
    EXPECT_EQ(detail_after_adapter([](Adapter& a) { a.name = "weather"; }),
              "adapters: two have the name weather");
    EXPECT_EQ(detail_after_adapter([](Adapter& a) { a.tenant = "a\r\nb"; }),
              "adapters[1].tenant: has a control character");
    EXPECT_EQ(detail_after_adapter([](Adapter& a) { a.created_by = std::string(257, 'x'); }),
              "adapters[1].created_by: is longer than 256 bytes");
    EXPECT_EQ(detail_after_adapter([](Adapter& a) { a.required_roles[1] = ""; }),
              "adapters[1].required_roles[1]: is empty");
    EXPECT_EQ(detail_after_adapter([](Adapter& a) { a.required_roles[1].resize(2048, 'x'); }),
              "adapters[1].required_roles: are too long");
    EXPECT_EQ(detail_after_adapter([](Adapter& a) { a.timeouts.idle_ms = UINT32_MAX; }),
              "adapters[1].timeouts.idle_ms: is not within 0..." +
                  std::to_string(limits::timeout_ms_max));
    EXPECT_EQ(detail_after_adapter([](Adapter& a) { a.instances.clear(); }), "accepted");
}

TEST(Snapshot, request_headers_cannot_bend_a_request) {
    const auto detail = [](const std::string& name, const std::string& value) {
        return detail_after_adapter(
            [&](Adapter& a) { a.request_headers.emplace_back(name, value); });
    };
    const std::string place = "adapters[1].request_headers[2].";
    EXPECT_EQ(detail("X-Key", "a b\xC3\xA4"), "accepted");
    EXPECT_EQ(detail("X Key", "v"), place + "name: is not a token");
    EXPECT_EQ(detail("X-Key:", "v"), place + "name: is not a token");
    EXPECT_EQ(detail("", "v"), place + "name: is empty");
    EXPECT_EQ(detail("X-Key", "a\r\nHost: b"), place + "value: has a control character");
    EXPECT_EQ(detail("X-Key", std::string("a\0b", 3)), place + "value: has a control character");
    EXPECT_EQ(detail("X-Key", "a\x7f"), place + "value: has a control character");
    EXPECT_EQ(detail("content-length", "5"), place + "name: belongs to the gateway");
    EXPECT_EQ(detail("HOST", "x"), place + "name: belongs to the gateway");
    EXPECT_EQ(detail("mcp-session-id", "x"), place + "name: belongs to the gateway");
    EXPECT_EQ(detail("authorization", "x"), place + "name: is there twice");
    EXPECT_EQ(detail("X-Key", std::string(limits::request_headers_bytes_max - 5, 'x')),
              "adapters[1].request_headers: are longer than 8192 bytes");
    EXPECT_EQ(detail_after_adapter([](Adapter& a) {
                  for (int i = 0; i < 31; ++i)
                      a.request_headers.emplace_back("X-" + std::to_string(i), "v");
              }),
              "adapters[1].request_headers: has more than 32 elements");
}

TEST(Snapshot, instances_are_checked) {
    const std::string place = "adapters[1].instances[0].";
    EXPECT_EQ(detail_after_instance([](Instance& i) { i.name = ""; }), place + "name: is empty");
    EXPECT_EQ(detail_after_instance([](Instance& i) { i.name = "a b"; }),
              place + "name: is not visible ASCII");
    EXPECT_EQ(detail_after_instance([](Instance& i) { i.id = 0; }),
              place + "id: is not 16 hexadecimal digits other than 0");
    EXPECT_EQ(detail_after_instance([](Instance& i) { i.authority = "a b"; }),
              place + "authority: is not visible ASCII");
    EXPECT_EQ(detail_after_instance([](Instance& i) { i.path = "mcp"; }),
              place + "path: does not begin with /");
    EXPECT_EQ(detail_after_instance([](Instance& i) { i.path = "/a b"; }),
              place + "path: is not visible ASCII");
    EXPECT_EQ(detail_after_instance([](Instance& i) { i.path = "/a\r\nb"; }),
              place + "path: has a control character");
    EXPECT_EQ(detail_after_instance([](Instance& i) { i.id = UINT64_MAX; }),
              "adapters[1].instances: two have the same id");
    // While one is replaced, its successor has the same name.
    EXPECT_EQ(detail_after_instance([](Instance& i) { i.name = "files-1"; }), "accepted");
}

TEST(Snapshot, hosts_are_numeric_or_socket_paths) {
    const auto detail = [](const std::string& host, std::uint16_t port) {
        return detail_after_instance([&](Instance& i) {
            i.host = host;
            i.port = port;
        });
    };
    const std::string place = "adapters[1].instances[0].";
    for (const char* host : {"10.0.0.1", "::1", "fe80::1", "2001:db8::1:2", "0.0.0.0"})
        EXPECT_EQ(detail(host, 1), "accepted") << host;
    for (const char* host : {"localhost", "example.com", "1.2.3", "1.2.3.4.5", "256.1.1.1", "[::1]",
                             "::1%lo", "1.2.3.4:80", "run/x", " 1.2.3.4", "01.2.3.4"})
        EXPECT_EQ(detail(host, 1), place + "host: is neither an IP address nor an absolute path")
            << host;
    EXPECT_EQ(detail(std::string("1.2.3.4\0x", 9), 1), place + "host: has a control character");
    EXPECT_EQ(detail("::1", 0), place + "port: is 0, which only a Unix socket has");
    EXPECT_EQ(detail("/run/x", 80), place + "port: is not 0, as for a Unix socket");
    EXPECT_EQ(detail("/" + std::string(106, 'x'), 0), "accepted");
    EXPECT_EQ(detail("/" + std::string(107, 'x'), 0), place + "host: is longer than 107 bytes");
}

TEST(Snapshot, wrong_shapes_are_refused_with_the_place) {
    const std::string good = encode(sample());
    const auto detail = [&good](std::string_view from, std::string_view to) {
        std::string text = good;
        const std::size_t at = text.find(from);
        EXPECT_NE(at, std::string::npos) << from;
        text.replace(at, from.size(), to);
        const Result<Snapshot> result = decode_snapshot(text);
        return result.has_value() ? std::string("accepted") : result.error().detail;
    };
    const std::string instance = "adapters[0].instances[0].";
    EXPECT_EQ(detail("\"port\":8000", "\"port\":65536"),
              instance + "port: is not within 0...65535");
    EXPECT_EQ(detail("\"port\":8000", "\"port\":\"8000\""),
              instance + "port: is not a whole number of at most 64 bits");
    EXPECT_EQ(detail("\"port\":8000,", ""), instance + "port: is missing");
    EXPECT_EQ(detail("\"state\":\"ready\"", "\"state\":\"Ready\""),
              instance + "state: is none of the known words");
    EXPECT_EQ(detail("\"id\":\"0000000000000001\"", "\"id\":\"1\""),
              instance + "id: is not 16 hexadecimal digits other than 0");
    EXPECT_EQ(detail("\"id\":\"0000000000000001\"", "\"id\":1"), instance + "id: is not a string");
    EXPECT_EQ(detail("\"transport\":\"streamable-http\"", "\"transport\":\"stdio\""),
              "adapters[0].transport: is none of the known words");
    EXPECT_EQ(detail("\"timeouts\":{", "\"timeouts\":5,\"x\":{"),
              "adapters[0].timeouts: is not an object");
    EXPECT_EQ(detail("\"timeouts\":{", "\"x\":{"), "adapters[0].timeouts: is missing");
    EXPECT_EQ(detail("\"connect_ms\":5000,", ""), "accepted") << "the default";
    EXPECT_EQ(detail("\"adapters\":[", "\"adapters\":[7,"), "adapters[0]: is not an object");
    EXPECT_EQ(detail("\"adapters\":[", "\"adapters\":{},\"x\":["), "adapters: is not an array");
    EXPECT_EQ(detail("\"keys\":[", "\"x\":["), "keys: is missing");
    EXPECT_EQ(detail("\"current\":true", "\"current\":1"),
              "keys[0].current: is neither true nor false");
    EXPECT_EQ(detail("snapshot", "delta"), "type: is not \"snapshot\"");
}

TEST(Snapshot, no_prefix_of_one_is_accepted) {
    const std::string text = encode(sample());
    for (std::size_t size = 0; size < text.size(); ++size)
        ASSERT_FALSE(decode_snapshot(std::string_view(text).substr(0, size)).has_value()) << size;
}

TEST(Snapshot, details_never_quote_secrets) {
    const std::string detail = detail_after_adapter(
        [](Adapter& a) { a.request_headers = {{"Authorization", "Bearer hush\n"}}; });
    EXPECT_EQ(detail.find("hush"), std::string::npos) << detail;
    EXPECT_NE(detail, "accepted");
}

TEST(Snapshot, as_many_adapters_as_are_allowed_and_no_more) {
    Snapshot snapshot = sample();
    snapshot.adapters.clear();
    for (std::size_t i = 0; i < limits::adapters_max; ++i) {
        Adapter& adapter = snapshot.adapters.emplace_back();
        adapter.name = "a" + std::to_string(i);
    }
    EXPECT_TRUE(decode_snapshot(encode(snapshot)).has_value());
    snapshot.adapters.emplace_back().name = "more";
    const auto result = decode_snapshot(encode(snapshot));
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().detail, "adapters: has more than 16384 elements");
}

TEST(Snapshot, ten_thousand_adapters_decode_quickly) {
    Snapshot snapshot = sample();
    snapshot.adapters.clear();
    for (int i = 0; i < 10'000; ++i) {
        Adapter& adapter =
            snapshot.adapters.emplace_back(sample_adapter("adapter-" + std::to_string(i)));
        for (std::uint64_t n = 2; n < 4; ++n)
            adapter.instances.push_back(sample_instance("x-" + std::to_string(n), n));
    }
    const std::string text = encode(snapshot);
    ASSERT_LT(text.size(), limits::frame_bytes_max);
    const auto begin = std::chrono::steady_clock::now();
    const Result<Snapshot> result = decode_snapshot(text);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    ASSERT_TRUE(result.has_value()) << result.error().detail;
    EXPECT_EQ(result->adapters.size(), 10'000U);
    RecordProperty("bytes", std::to_string(text.size()));
    RecordProperty("milliseconds", std::to_string(took.count() * 1000));
    // Far above what it takes (tens of milliseconds), for sanitizers and busy machines.
    EXPECT_LT(took.count(), 10.0);
}

TEST(Delta, everything_survives_the_round_trip) {
    Delta before;
    before.epoch = "epoch-1";
    before.from = 12;
    before.to = 15;
    before.upserts = {sample_adapter("weather")};
    before.removals = {"files", "old"};
    const Result<Delta> after = decode_delta(encode(before));
    ASSERT_TRUE(after.has_value()) << after.error().detail;
    EXPECT_EQ(encode(*after), encode(before));
    EXPECT_EQ(after->from, 12U);
    EXPECT_EQ(after->to, 15U);
    EXPECT_TRUE(after->keys.empty());
    EXPECT_EQ(after->upserts[0].name, "weather");
    EXPECT_EQ(after->removals, (std::vector<std::string>{"files", "old"}));
    before.keys = sample().keys;
    EXPECT_EQ(decode_delta(encode(before))->keys.size(), 2U);
}

TEST(Delta, a_delta_that_contradicts_itself_is_refused) {
    const auto detail = [](const std::function<void(Delta&)>& change) {
        Delta delta{.epoch = "e",
                    .from = 1,
                    .to = 2,
                    .keys = {},
                    .upserts = {sample_adapter("weather")},
                    .removals = {"files"}};
        change(delta);
        const Result<Delta> result = decode_delta(encode(delta));
        return result.has_value() ? std::string("accepted") : result.error().detail;
    };
    EXPECT_EQ(detail([](Delta& d) { d.to = 1; }), "to: is not after from");
    EXPECT_EQ(detail([](Delta& d) { d.from = 0; }), "from: is not within 1...18446744073709551615");
    EXPECT_EQ(detail([](Delta& d) { d.removals.push_back("files"); }),
              "removals: one is there twice or in upserts");
    EXPECT_EQ(detail([](Delta& d) { d.removals.push_back("weather"); }),
              "removals: one is there twice or in upserts");
    EXPECT_EQ(detail([](Delta& d) { d.removals.push_back("A"); }),
              "removals: one is not a resource name");
    EXPECT_EQ(detail([](Delta& d) { d.upserts.push_back(d.upserts[0]); }),
              "upserts: two have the name weather");
    EXPECT_EQ(detail([](Delta& d) { d.upserts[0].instances[1].path = "x"; }),
              "upserts[0].instances[1].path: does not begin with /");
}

// The values are fixed for ever: gateways of different versions share keys. Computed with Python's
// hashlib over b"weather\0weather-0\0uid-1\0" and b"\0\0\0".
TEST(InstanceIdentity, is_the_head_of_a_sha256) {
    EXPECT_EQ(instance_identity("weather", "weather-0", "uid-1"), 0x71fc32e81cc66186ULL);
    EXPECT_EQ(instance_identity("", "", ""), 0x709e80c88487a241ULL);
}

TEST(InstanceIdentity, parts_do_not_run_into_each_other) {
    EXPECT_NE(instance_identity("ab", "c", "d"), instance_identity("a", "bc", "d"));
    EXPECT_NE(instance_identity("a", "bc", "d"), instance_identity("a", "b", "cd"));
    EXPECT_NE(instance_identity("a", "b", "1"), instance_identity("a", "b", "2"));
}

}  // namespace
}  // namespace mcpgw::contract
