// Counters count, histograms put durations where they belong, and tables overflow without growing.
#include "dataplane/observe/metrics.h"

#include <atomic>
#include <map>
#include <memory>
#include <set>
#include <thread>

#include <gtest/gtest.h>

#include "common/limits.h"
#include "common/protocol/mcp.h"
#include "dataplane/route/route_table.h"

namespace mcpgw {
namespace {

TEST(HistogramTest, bounds_are_inclusive_and_nothing_is_lost) {
    using Kind = OverheadHistogram;
    EXPECT_EQ(Kind::bucket_of(0), 0U);
    EXPECT_EQ(Kind::bucket_of(1), 0U);
    for (std::size_t bucket = 0; bucket < Kind::kBounds; ++bucket) {
        EXPECT_EQ(Kind::bucket_of(Kind::bound(bucket)), bucket);
        EXPECT_EQ(Kind::bucket_of(Kind::bound(bucket) + 1), bucket + 1);
    }
    EXPECT_EQ(Kind::bucket_of(kNever), Kind::kBounds);
    auto histogram = std::make_unique<Kind>();
    histogram->record(1000);
    histogram->record(1024);
    histogram->record(1025);
    histogram->record(10 * kSecond);
    EXPECT_EQ(histogram->count(0), 2U);
    EXPECT_EQ(histogram->count(1), 1U);
    EXPECT_EQ(histogram->count(Kind::kBounds), 1U);
    EXPECT_EQ(histogram->sum_nanos(), 1000 + 1024 + 1025 + 10 * kSecond);
}

TEST(MetricsTest, keys_say_what_went_into_them) {
    for (const std::uint16_t slot :
         {std::uint16_t{0}, metrics_slot::router,
          static_cast<std::uint16_t>(limits::adapters_max + metrics_slot::first_adapter - 1)}) {
        for (const int said : {0, 200, 404, 999}) {
            const auto status = static_cast<std::uint16_t>(said);
            const auto key = WorkerMetrics::request_key(slot, 127, status);
            EXPECT_EQ(WorkerMetrics::slot_of_request(key), slot);
            EXPECT_EQ(WorkerMetrics::method_of_request(key), 127);
            EXPECT_EQ(WorkerMetrics::status_of_request(key), status);
        }
        const auto key = WorkerMetrics::backend_error_key(slot, Code::internal);
        EXPECT_EQ(WorkerMetrics::slot_of_backend_error(key), slot);
        EXPECT_EQ(WorkerMetrics::reason_of_backend_error(key), Code::internal);
    }
    EXPECT_LE(mcp::method_count(), 128U) << "seven bits hold every method";
}

TEST(MetricsTest, each_combination_is_its_own_series) {
    const auto metrics = std::make_unique<WorkerMetrics>();
    for (int i = 0; i < 3; ++i)
        metrics->record_request(3, 5, 200);
    metrics->record_request(3, 5, 404);
    metrics->record_request(4, 5, 200);
    metrics->record_request(0, 0, 0);
    std::map<std::uint32_t, std::uint64_t> series;
    metrics->requests.for_each([&](std::uint32_t key, std::uint64_t n) { series[key] = n; });
    EXPECT_EQ(series.size(), 4U);
    EXPECT_EQ(series[WorkerMetrics::request_key(3, 5, 200)], 3U);
    EXPECT_EQ(series[WorkerMetrics::request_key(3, 5, 404)], 1U);
    EXPECT_EQ(series[WorkerMetrics::request_key(0, 0, 0)], 1U);
}

TEST(SeriesTableTest, a_full_table_counts_new_series_as_overflow_and_keeps_the_old) {
    SeriesTable<16> table;
    for (std::uint32_t key = 0; key < 40; ++key)
        table.add(key);
    for (std::uint32_t key = 0; key < 40; ++key)
        table.add(key, 2);
    std::uint64_t counted = 0;
    std::size_t series = 0;
    table.for_each([&](std::uint32_t key, std::uint64_t n) {
        EXPECT_LT(key, 12U);
        counted += n;
        ++series;
    });
    EXPECT_EQ(series, 12U) << "three quarters";
    EXPECT_EQ(counted, 36U);
    EXPECT_EQ(table.overflow(), 28U * 3);
}

template <class Enum>
void expect_distinct_labels() {
    std::set<std::string_view> labels;
    for (std::size_t i = 0; i <= static_cast<std::size_t>(Enum::last); ++i) {
        EXPECT_FALSE(label_of(static_cast<Enum>(i)).empty());
        labels.insert(label_of(static_cast<Enum>(i)));
    }
    EXPECT_EQ(labels.size(), static_cast<std::size_t>(Enum::last) + 1);
}

TEST(MetricsTest, every_enumerator_has_a_label_of_its_own) {
    expect_distinct_labels<ConnectionSide>();
    expect_distinct_labels<Direction>();
    expect_distinct_labels<RejectReason>();
}

// Meant for the thread sanitizer; the sums are right without it.
TEST(MetricsTest, one_writes_while_another_reads) {
    constexpr std::uint64_t kRequests = 200'000;
    const auto metrics = std::make_unique<WorkerMetrics>();
    std::atomic<bool> done{false};
    std::thread writer([&] {
        for (std::uint64_t i = 0; i < kRequests; ++i) {
            metrics->record_request(static_cast<std::uint16_t>(i % 1000), 1, 200);
            metrics->record_first_byte(i);
            metrics->streams_active.add();
            metrics->streams_active.sub();
        }
        done = true;
    });
    std::uint64_t last = 0;
    bool finished = false;
    do {
        finished = done.load();
        std::uint64_t sum = 0;
        metrics->requests.for_each([&](std::uint32_t, std::uint64_t n) { sum += n; });
        EXPECT_GE(sum, last) << "counters only grow";
        last = sum;
    } while (!finished);
    writer.join();
    EXPECT_EQ(last, kRequests);
    EXPECT_EQ(metrics->streams_active.value(), 0);
}

}  // namespace
}  // namespace mcpgw
