// The text of /metrics: well-formed, complete by CONTRACT section 6, and adding up.
#include "dataplane/observe/prometheus.h"

#include <cmath>
#include <map>
#include <memory>
#include <regex>
#include <sstream>
#include <string>
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

// Reads the exposition format and fails the test for anything that is not of it.
Text parsed(const std::string& text) {
    static const std::regex comment(R"(# (HELP|TYPE) (mcp_gateway_[a-z_]+) (.+))");
    static const std::regex sample(
        R"re((mcp_gateway_[a-z_]+)(\{(?:[a-z_]+="(?:[^"\\]|\\["\\n])*",?)*\})? (\S+))re");
    Text out;
    EXPECT_TRUE(text.ends_with('\n'));
    std::istringstream lines(text);
    std::string family;
    for (std::string line; std::getline(lines, line);) {
        std::smatch match;
        if (std::regex_match(line, match, comment)) {
            family = match[2];
            if (match[1] == "TYPE") {
                EXPECT_TRUE(out.types.emplace(family, match[3]).second) << line;
            }
            continue;
        }
        const bool matches = std::regex_match(line, match, sample);
        EXPECT_TRUE(matches) << line;
        if (!matches) continue;
        EXPECT_TRUE(match[1].str().starts_with(family)) << line;
        char* end = nullptr;
        const std::string number = match[3];
        const double value = std::strtod(number.c_str(), &end);
        EXPECT_EQ(*end, '\0') << line;
        const std::string name = match[1].str() + match[2].str();
        EXPECT_TRUE(out.samples.emplace(name, value).second) << "twice: " << line;
        out.order.push_back(name);
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
        worker->sessions_lost[LostReason::server_forgot].add();
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
