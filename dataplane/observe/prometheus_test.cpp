// The text of /metrics: well-formed, complete by CONTRACT section 6, and adding up.
#include "dataplane/observe/prometheus.h"

#include <array>
#include <cmath>
#include <cstdlib>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "common/protocol/mcp.h"
#include "dataplane/route/snapshot_fixture.h"

namespace mcpgw {
namespace {

struct Text {
    std::map<std::string, std::string> types;  // family -> type
    std::map<std::string, double> samples;     // name with labels -> value
    std::vector<std::string> order;
};

bool is_name(std::string_view text) {
    return !text.empty() && text.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == text.npos;
}

// The size of a label section at the start of `text`, 0 if it is none: {name="value",...}
std::size_t labels_size(std::string_view text) {
    std::size_t at = 0;
    do {
        const std::size_t equals = text.find("=\"", ++at);
        if (equals == text.npos || !is_name(text.substr(at, equals - at))) return 0;
        for (at = equals + 2; at < text.size() && text[at] != '"'; ++at) {
            const bool escapes = text[at] == '\\' && at + 1 < text.size();
            if (escapes && std::string_view("\\\"n").find(text[++at]) == text.npos) return 0;
        }
        ++at;
    } while (at < text.size() && text[at] == ',');
    return at < text.size() && text[at] == '}' ? at + 1 : 0;
}

void read_comment(const std::string& line, Text& out, std::string& family) {
    std::istringstream words(line);
    std::string hash;
    std::string kind;
    std::string rest;
    words >> hash >> kind >> family;
    std::getline(words >> std::ws, rest);
    EXPECT_TRUE(hash == "#" && (kind == "HELP" || kind == "TYPE")) << line;
    EXPECT_TRUE(is_name(family) && family.starts_with("mcp_gateway_") && !rest.empty()) << line;
    if (kind == "TYPE") {
        EXPECT_TRUE(out.types.emplace(family, rest).second) << "twice: " << line;
    }
}

void read_sample(const std::string& line, Text& out, const std::string& family) {
    const std::size_t name_end = line.find_first_of("{ ");
    ASSERT_NE(name_end, line.npos) << line;
    EXPECT_TRUE(is_name(line.substr(0, name_end)) && line.starts_with(family)) << line;
    std::size_t end = name_end;
    if (line[end] == '{') {
        const std::size_t size = labels_size(std::string_view(line).substr(end));
        ASSERT_GT(size, 0U) << line;
        end += size;
    }
    ASSERT_EQ(line[end], ' ') << line;
    char* number_end = nullptr;
    const double value = std::strtod(line.c_str() + end + 1, &number_end);
    EXPECT_TRUE(number_end != line.c_str() + end + 1 && *number_end == '\0') << line;
    EXPECT_TRUE(out.samples.emplace(line.substr(0, end), value).second) << "twice: " << line;
    out.order.push_back(line.substr(0, end));
}

// Reads the exposition format and fails the test for anything that is not of it.
Text parsed(const std::string& text) {
    Text out;
    EXPECT_TRUE(text.ends_with('\n'));
    std::istringstream lines(text);
    std::string family;
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with('#'))
            read_comment(line, out, family);
        else
            read_sample(line, out, family);
    }
    return out;
}

class PrometheusTest : public testing::Test {
  protected:
    PrometheusTest() {
        for (auto& worker : workers_) {
            worker = std::make_unique<WorkerMetrics>();
            pointers_.push_back(worker.get());
        }
        auto table = builder_.build(fixture::make_snapshot(2, 2));
        EXPECT_TRUE(table);
        table_ = std::move(*table);
    }
    std::string text(const RouteTable* table) {
        ProcessFacts facts;
        facts.program_version = "1.2.3";
        facts.snapshot_age_seconds = 1.5;
        facts.control_plane_connected = true;
        facts.events_dropped = 4;
        return render_prometheus(pointers_, table, facts);
    }
    Text render() { return parsed(text(table_.get())); }

    std::array<std::unique_ptr<WorkerMetrics>, 2> workers_;
    std::vector<const WorkerMetrics*> pointers_;
    RouteBuilder builder_;
    std::unique_ptr<const RouteTable> table_;
};

TEST_F(PrometheusTest, every_family_of_the_contract_is_there) {
    const Text text = render();
    const std::map<std::string, std::string> wanted{{"requests_total", "counter"},
                                                    {"request_duration_seconds", "histogram"},
                                                    {"gateway_overhead_seconds", "histogram"},
                                                    {"sessions_active", "gauge"},
                                                    {"sessions_opened_total", "counter"},
                                                    {"sessions_lost_total", "counter"},
                                                    {"streams_active", "gauge"},
                                                    {"connections_active", "gauge"},
                                                    {"backend_connects_total", "counter"},
                                                    {"backend_errors_total", "counter"},
                                                    {"bytes_total", "counter"},
                                                    {"payload_copied_bytes_total", "counter"},
                                                    {"buffers_in_use", "gauge"},
                                                    {"snapshot_version", "gauge"},
                                                    {"snapshot_age_seconds", "gauge"},
                                                    {"rejected_total", "counter"},
                                                    {"build_info", "gauge"}};
    for (const auto& [name, type] : wanted) {
        const auto at = text.types.find("mcp_gateway_" + name);
        ASSERT_NE(at, text.types.end()) << name;
        EXPECT_EQ(at->second, type) << name;
    }
}

TEST_F(PrometheusTest, workers_are_added_up) {
    const std::uint16_t slot = table_->find("adapter-1")->metrics_slot;
    const std::uint8_t method = mcp::method_index("tools/call");
    for (auto& worker : workers_) {
        worker->record_request(slot, method, 200);
        worker->connections_active[ConnectionSide::backend].add(3);
        worker->bytes[Direction::client_out].add(100);
        worker->rejected[RejectReason::rate_limited].add();
        worker->sessions_forgotten.add();
        worker->record_backend_error(slot, Code::timed_out);
        worker->payload_copied_bytes.add(7);
    }
    workers_[0]->record_request(slot, method, 200);
    auto samples = render().samples;
    EXPECT_EQ(samples.at("mcp_gateway_requests_total{adapter=\"adapter-1\",method=\"tools/call\","
                         "status=\"200\"}"),
              3);
    EXPECT_EQ(samples.at("mcp_gateway_connections_active{side=\"backend\"}"), 6);
    EXPECT_EQ(samples.at("mcp_gateway_connections_active{side=\"client\"}"), 0);
    EXPECT_EQ(samples.at("mcp_gateway_bytes_total{direction=\"client_out\"}"), 200);
    EXPECT_EQ(samples.at("mcp_gateway_rejected_total{reason=\"rate_limited\"}"), 2);
    EXPECT_EQ(samples.at("mcp_gateway_sessions_lost_total{reason=\"server_forgot\"}"), 2);
    EXPECT_EQ(samples.at("mcp_gateway_backend_errors_total{adapter=\"adapter-1\","
                         "reason=\"timed_out\"}"),
              2);
    EXPECT_EQ(samples.at("mcp_gateway_payload_copied_bytes_total"), 14);
}

TEST_F(PrometheusTest, facts_about_process_and_snapshot_are_told) {
    const auto samples = render().samples;
    EXPECT_EQ(samples.at("mcp_gateway_snapshot_version"), 10);
    EXPECT_EQ(samples.at("mcp_gateway_snapshot_age_seconds"), 1.5);
    EXPECT_EQ(samples.at("mcp_gateway_control_plane_connected"), 1);
    EXPECT_EQ(samples.at("mcp_gateway_events_dropped_total"), 4);
    EXPECT_EQ(samples.at("mcp_gateway_adapters"), 2);
    EXPECT_EQ(samples.at("mcp_gateway_build_info{version=\"1.2.3\"}"), 1);
}

TEST_F(PrometheusTest, sessions_are_those_of_all_instances) {
    const Adapter* adapter = table_->find("adapter-0");
    adapter->instances[0].load->sessions = 2;
    adapter->instances[1].load->sessions = 5;
    const auto samples = render().samples;
    EXPECT_EQ(samples.at("mcp_gateway_sessions_active{adapter=\"adapter-0\"}"), 7);
    EXPECT_EQ(samples.at("mcp_gateway_sessions_active{adapter=\"adapter-1\"}"), 0);
}

TEST_F(PrometheusTest, histograms_are_cumulative_and_end_at_infinity) {
    workers_[0]->record_first_byte(70'000);
    workers_[0]->record_first_byte(70'000);
    workers_[1]->record_first_byte(kSecond);
    workers_[1]->record_first_byte(10'000 * kSecond);
    workers_[1]->record_overhead(5'000);
    const Text text = render();
    const std::string start =
        "mcp_gateway_request_duration_seconds_bucket{phase=\"first_byte\",le=\"";
    double last_value = -1;
    double last_bound = 0;
    std::size_t buckets = 0;
    for (const std::string& name : text.order) {
        if (!name.starts_with(start)) continue;
        const double bound = std::strtod(name.c_str() + start.size(), nullptr);
        EXPECT_GT(bound, last_bound);
        EXPECT_GE(text.samples.at(name), last_value);
        last_bound = bound;
        last_value = text.samples.at(name);
        ++buckets;
    }
    EXPECT_TRUE(std::isinf(last_bound));
    EXPECT_EQ(last_value, 4);
    EXPECT_EQ(buckets, DurationHistogram::kBounds + 1);
    EXPECT_EQ(text.samples.at(start + "6.5536e-05\"}"), 0);
    EXPECT_EQ(text.samples.at(start + "0.000131072\"}"), 2);
    EXPECT_EQ(text.samples.at("mcp_gateway_request_duration_seconds_count{phase=\"first_byte\"}"),
              4);
    EXPECT_NEAR(text.samples.at("mcp_gateway_request_duration_seconds_sum{phase=\"first_byte\"}"),
                10'001.00014, 0.00001);
    EXPECT_EQ(text.samples.at("mcp_gateway_gateway_overhead_seconds_count"), 1);
    EXPECT_NEAR(text.samples.at("mcp_gateway_gateway_overhead_seconds_sum"), 5e-6, 1e-9);
}

TEST_F(PrometheusTest, label_values_are_escaped) {
    ProcessFacts facts;
    facts.program_version = "a\"b\\c\nd";
    facts.engine = "io_uring";
    const std::string text = render_prometheus(pointers_, nullptr, facts);
    EXPECT_NE(text.find("build_info{version=\"a\\\"b\\\\c\\nd\",engine=\"io_uring\"} 1\n"),
              std::string::npos);
    parsed(text);
}

TEST_F(PrometheusTest, works_before_the_first_snapshot_and_without_workers) {
    workers_[0]->record_request(metrics_slot::none, mcp::kMethodNone, 503);
    workers_[0]->record_request(metrics_slot::router, mcp::kMethodOther, 0);
    workers_[0]->record_request(metrics_slot::first_adapter, 2, 200);
    const auto samples = parsed(text(nullptr)).samples;
    EXPECT_EQ(samples.at("mcp_gateway_snapshot_version"), 0);
    EXPECT_EQ(samples.at("mcp_gateway_requests_total{adapter=\"\",method=\"none\",status=\"503\"}"),
              1);
    EXPECT_EQ(
        samples.at("mcp_gateway_requests_total{adapter=\"mcp\",method=\"other\",status=\"none\"}"),
        1);
    std::size_t series = 0;
    for (const auto& [name, value] : samples)
        series += name.starts_with("mcp_gateway_requests_total") ? 1 : 0;
    EXPECT_EQ(series, 2U) << "an adapter without a name is left out";
    EXPECT_EQ(parsed(render_prometheus({}, nullptr, {})).samples.at("mcp_gateway_streams_active"),
              0);
}

TEST_F(PrometheusTest, series_without_room_are_not_lost_from_the_sum) {
    for (std::uint32_t i = 0; i < 40'000; ++i)
        workers_[0]->record_request(metrics_slot::router, static_cast<std::uint8_t>(i % 20),
                                    static_cast<std::uint16_t>(i / 20 % 1000));
    for (std::uint16_t slot = 0; slot < 2000; ++slot)
        for (std::uint8_t code = 0; code < 15; ++code)
            workers_[0]->record_backend_error(slot, static_cast<Code>(code));
    for (std::uint16_t slot = 0; slot < 10'000; ++slot)
        for (std::uint16_t status = 200; status < 204; ++status)
            workers_[0]->record_request(slot, 3, status);
    const auto samples = render().samples;
    EXPECT_EQ(samples.at("mcp_gateway_requests_total{adapter=\"_other\",method=\"other\","
                         "status=\"other\"}"),
              workers_[0]->requests.overflow());
    EXPECT_GT(workers_[0]->requests.overflow(), 0U);
    EXPECT_EQ(samples.at("mcp_gateway_backend_errors_total{adapter=\"_other\",reason=\"other\"}"),
              workers_[0]->backend_errors.overflow());
    EXPECT_GT(workers_[0]->backend_errors.overflow(), 0U);
}

}  // namespace
}  // namespace mcpgw
