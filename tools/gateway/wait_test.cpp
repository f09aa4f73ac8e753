// When a deployment is ready, and what is said until then.
#include "tools/gateway/wait.h"

#include <gtest/gtest.h>

namespace mcpgw::cli {
namespace {

Progress progress(const std::string& text) {
    const auto status = parse_json_tree(text);
    EXPECT_TRUE(status) << text;
    return progress_of("x", status ? *status : JsonValue{});
}

// {ready, updated, desired}
std::string counts(const std::string& ready, const std::string& updated,
                   const std::string& desired) {
    return R"("readyReplicas":)" + ready + R"(,"updatedReplicas":)" + updated +
           R"(,"desiredReplicas":)" + desired;
}
std::string status_of(const std::string& numbers, bool is_healthy, const std::string& more = "") {
    return "{" + numbers + R"(,"replicaStatus":")" +
           (is_healthy ? "Healthy" : "Degraded: not ready") + "\"" + more + "}";
}

constexpr const char* kTrouble =
    R"(,"instances":[{"name":"x-0","ready":true,"reason":"ready"},)"
    R"({"name":"x-1","ready":false,"reason":""},)"
    R"({"name":"x-2","ready":false,"reason":"pulling\u001b[31m the image"}])";

TEST(WaitProgress, all_that_are_wanted_and_no_others_are_ready) {
    EXPECT_TRUE(progress(status_of(counts("3", "3", "3"), true)).is_ready);
    EXPECT_TRUE(progress(status_of(counts("0", "0", "0"), true)).is_ready);
    EXPECT_FALSE(progress(status_of(counts("2", "3", "3"), false)).is_ready);
    EXPECT_FALSE(progress(status_of(counts("3", "2", "3"), true)).is_ready);
    EXPECT_FALSE(progress(status_of(counts("3", "3", "1"), true)).is_ready);
}

TEST(WaitProgress, what_was_not_looked_at_since_the_change_is_not_believed) {
    const std::string good = counts("1", "1", "1");
    const std::string old = status_of(good + R"(,"version":8,"observedVersion":7)", true);
    EXPECT_FALSE(progress(old).is_ready);
    EXPECT_EQ(progress(old).line, "x: waiting for the gateway to begin");
    EXPECT_TRUE(progress(status_of(good + R"(,"version":8,"observedVersion":8)", true)).is_ready);
}

TEST(WaitProgress, the_line_says_how_far_it_is_and_what_is_in_the_way) {
    EXPECT_EQ(progress(status_of(counts("1", "3", "3"), false, kTrouble)).line,
              "x: 1/3 ready, x-2: pulling?[31m the image");
    EXPECT_EQ(progress(status_of(counts("3", "1", "3"), true)).line, "x: 3/3 ready, 1/3 updated");
    EXPECT_EQ(progress(status_of(counts("3", "3", "1"), true)).line,
              "x: 3/1 ready, 2 more to be stopped");
}

TEST(WaitProgress, an_old_one_that_is_ready_does_not_stand_for_its_successor) {
    const std::string numbers = counts("1", "1", "1");
    const auto with = [&numbers](const char* successor, const char* old) {
        return progress(status_of(numbers, true,
                                  std::string(R"(,"instances":[{"name":"x-0","updated":true,)") +
                                      successor + R"(},{"name":"x-0","updated":false,)" + old +
                                      "}]"));
    };
    const char* ready = R"("ready":true,"reason":"ready")";
    EXPECT_FALSE(with(R"("ready":false,"reason":"exited")", ready).is_ready);
    EXPECT_EQ(with(R"("ready":false,"reason":"exited")", ready).line, "x: 1/1 ready, x-0: exited");
    // Nobody has to wait for the end of a drain.
    EXPECT_TRUE(with(ready, R"("ready":false,"reason":"draining: 3 s left")").is_ready);
}

TEST(WaitProgress, what_is_no_status_is_not_ready) {
    for (const char* text : {"{}", "[]", "null", R"({"readyReplicas":-1})",
                             R"({"readyReplicas":"1","replicaStatus":"Degraded"})"})
        EXPECT_FALSE(progress(text).is_ready) << text;
}

}  // namespace
}  // namespace mcpgw::cli
