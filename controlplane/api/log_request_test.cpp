// Parameters of a log request.
#include "controlplane/api/log_request.h"

#include <gtest/gtest.h>

namespace mcpgw::api {
namespace {

constexpr std::uint64_t kNow = 1'700'000'000'000;

deploy::LogQuery read(std::vector<std::pair<std::string, std::string>> query,
                      model::FieldErrors& errors) {
    Call call;
    call.query = std::move(query);
    return read_log_query(call, kNow, errors);
}

TEST(LogRequest, defaults_are_those_of_the_contract) {
    model::FieldErrors errors;
    const auto query = read({}, errors);
    EXPECT_TRUE(errors.empty());
    EXPECT_EQ(query.instance, 0U);
    EXPECT_EQ(query.tail, 1000U);
    EXPECT_EQ(query.since_unix_ms, 0U);
    EXPECT_FALSE(query.follow);
    EXPECT_FALSE(query.previous);
}

TEST(LogRequest, every_parameter_is_read) {
    model::FieldErrors errors;
    const auto query = read(
        {{"instance", "3"}, {"tail", "0"}, {"since", "15m"}, {"follow", "true"}, {"previous", "1"}},
        errors);
    EXPECT_TRUE(errors.empty());
    EXPECT_EQ(query.instance, 3U);
    EXPECT_EQ(query.tail, 0U);
    EXPECT_EQ(query.since_unix_ms, kNow - 15 * 60'000);
    EXPECT_TRUE(query.follow);
    EXPECT_TRUE(query.previous);
}

TEST(LogRequest, since_is_an_age_or_a_time) {
    const std::pair<const char*, std::uint64_t> cases[] = {
        {"", 0},
        {"90", kNow - 90'000},
        {"90s", kNow - 90'000},
        {"2h", kNow - 7'200'000},
        {"1d", kNow - 86'400'000},
        {"40000d", 0},  // before 1970
        {"2023-11-14T22:13:20Z", kNow},
        {"1970-01-01T00:00:00Z", 0},
    };
    for (const auto& [text, expected] : cases) {
        model::FieldErrors errors;
        EXPECT_EQ(read({{"since", text}}, errors).since_unix_ms, expected) << text;
        EXPECT_TRUE(errors.empty()) << text;
    }
}

TEST(LogRequest, all_wrong_parameters_are_named) {
    model::FieldErrors errors;
    static_cast<void>(read({{"instance", "-1"},
                            {"tail", "all"},
                            {"since", "yesterday"},
                            {"follow", "yes"},
                            {"previous", ""}},
                           errors));
    EXPECT_EQ(errors.size(), 5U);
    for (const char* tail : {"100001", "1.5", "", "0x1", "99999999999999999999"}) {
        errors.clear();
        static_cast<void>(read({{"tail", tail}}, errors));
        EXPECT_TRUE(errors.contains("tail")) << tail;
    }
    for (const char* instance : {"4294967296", "one", ""}) {
        errors.clear();
        static_cast<void>(read({{"instance", instance}}, errors));
        EXPECT_TRUE(errors.contains("instance")) << instance;
    }
}

TEST(Rfc3339, times_with_fractions_and_offsets_are_understood) {
    EXPECT_EQ(unix_ms_of_rfc3339("1970-01-01T00:00:01.5Z"), 1500U);
    EXPECT_EQ(unix_ms_of_rfc3339("1970-01-01t00:00:00.123456z"), 123U);
    EXPECT_EQ(unix_ms_of_rfc3339("1970-01-01T01:00:00+01:00"), 0U);
    EXPECT_EQ(unix_ms_of_rfc3339("1969-12-31T23:30:00-00:30"), 0U);
    EXPECT_EQ(unix_ms_of_rfc3339("2024-02-29T00:00:00Z"), 1'709'164'800'000U);
    EXPECT_EQ(unix_ms_of_rfc3339("2016-12-31T23:59:60Z"), 1'483'228'800'000U);
}

TEST(Rfc3339, what_is_no_time_is_refused) {
    for (const char* text :
         {"", "2024", "2024-01-01", "2024-01-01T00:00:00", "2024-13-01T00:00:00Z",
          "2023-02-29T00:00:00Z", "2024-01-00T00:00:00Z", "2024-01-01T24:00:00Z",
          "2024-01-01T00:60:00Z", "2024-01-01T00:00:61Z", "2024-01-01T00:00:00.Z",
          "2024-01-01T00:00:00+1:00", "2024-01-01T00:00:00+24:00", "2024-01-01 00:00:00Z",
          "1969-12-31T23:59:59Z", "2024-01-01T00:00:00Zx", "-024-01-01T00:00:00Z"})
        EXPECT_FALSE(unix_ms_of_rfc3339(text)) << text;
}

}  // namespace
}  // namespace mcpgw::api
