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

}  // namespace
}  // namespace mcpgw::api
