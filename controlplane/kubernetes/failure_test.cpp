// What each failure that a real API server has answered with means, and what of it people see.
#include "controlplane/kubernetes/failure.h"

#include <fstream>
#include <iterator>
#include <map>
#include <string>

#include <gtest/gtest.h>

#include "common/limits.h"
#include "controlplane/kubernetes/tree.h"
#include "controlplane/model/json.h"

namespace mcpgw::kubernetes {
namespace {

// recorded_failures.json: every answer from 400 on that a Kubernetes 1.36 server gave in a run of
// two hundred requests, byte for byte; the names say number, status and case.
const picojson::value& recordings() {
    static const picojson::value all = [] {
        std::ifstream file(MCPGW_RECORDED_FAILURES);
        const std::string text((std::istreambuf_iterator<char>(file)), {});
        auto tree = model::parse_json(text);
        return tree ? *tree : picojson::value();
    }();
    return all;
}

Failure recorded(const std::string& number) {
    const picojson::value& all = recordings();
    for (const picojson::value& item : array_at(all, {})) {
        if (!text_at(item, {"name"}).starts_with(number)) continue;
        return failure_of({.status = static_cast<int>(number_at(item, {"status"})),
                           .body = text_at(item, {"body"})});
    }
    ADD_FAILURE() << "no recording " << number;
    return {};
}

Answer status_object(int status, const std::string& reason, const std::string& message) {
    return {
        .status = status,
        .body = R"({"kind":"Status","reason":")" + reason + R"(","message":")" + message + R"("})"};
}

TEST(Failures, every_recorded_one_has_the_kind_of_its_status_and_reason) {
    const std::map<std::int64_t, FailureKind> by_status{
        {400, FailureKind::refused},     {401, FailureKind::unauthorized},
        {403, FailureKind::forbidden},   {404, FailureKind::not_found},
        {405, FailureKind::refused},     {406, FailureKind::refused},
        {410, FailureKind::expired},     {413, FailureKind::refused},
        {415, FailureKind::refused},     {422, FailureKind::invalid},
        {429, FailureKind::retry_later}, {500, FailureKind::retry_later},
        {504, FailureKind::retry_later}};
    const picojson::value& all = recordings();
    ASSERT_GT(array_at(all, {}).size(), 80U);
    for (const picojson::value& item : array_at(all, {})) {
        const std::string& name = text_at(item, {"name"});
        const std::int64_t status = number_at(item, {"status"});
        const Failure failure =
            failure_of({.status = static_cast<int>(status), .body = text_at(item, {"body"})});
        EXPECT_EQ(failure.status, status) << name;
        EXPECT_FALSE(failure.message.empty()) << name;
        EXPECT_LE(failure.message.size(), limits::kubernetes_message_bytes_max) << name;
        EXPECT_LE(failure.causes.size(), limits::kubernetes_causes_max) << name;
        if (status != 409) {
            ASSERT_TRUE(by_status.contains(status)) << name;
            EXPECT_EQ(failure.kind, by_status.at(status)) << name;
        }
    }
}

TEST(Failures, the_two_meanings_of_409_are_told_apart_by_reason) {
    for (const char* number : {"032", "097", "108", "116"})
        EXPECT_EQ(recorded(number).kind, FailureKind::already_exists) << number;
    for (const char* number :
         {"064", "070", "075", "078", "082", "086", "087", "099", "114", "132", "136"})
        EXPECT_EQ(recorded(number).kind, FailureKind::conflict) << number;
    EXPECT_TRUE(recorded("078").has_cause("FieldManagerConflict"));
    EXPECT_FALSE(recorded("099").has_cause("FieldManagerConflict"));
    EXPECT_EQ(recorded("136").causes.at(0).field, ".spec.replicas");
}

TEST(Failures, a_404_says_what_is_missing) {
    for (const char* number : {"034", "067", "089", "145", "157", "165"})
        EXPECT_EQ(recorded(number).missing, Missing::object) << number;
    for (const char* number : {"037", "213"})
        EXPECT_EQ(recorded(number).missing, Missing::name_space) << number;
    for (const char* number : {"048", "049"})
        EXPECT_EQ(recorded(number).missing, Missing::type) << number;
}

TEST(Failures, a_403_of_a_namespace_that_goes_is_told_from_one_of_rbac) {
    EXPECT_TRUE(recorded("198").has_cause("NamespaceTerminating"));
    EXPECT_FALSE(recorded("017").has_cause("NamespaceTerminating"));
}

TEST(Failures, a_422_names_field_and_complaint) {
    const Failure failure = recorded("130");
    ASSERT_EQ(failure.causes.size(), 1U);
    EXPECT_EQ(failure.causes[0].field, "spec.replicas");
    EXPECT_EQ(failure.message, "spec.replicas: " + failure.causes[0].message);
}

TEST(Failures, a_patch_that_does_not_fit_does_not_show_the_object) {
    for (const char* number : {"103", "131"}) {
        const Failure failure = recorded(number);
        EXPECT_EQ(failure.message, "patch: the patch does not fit the object") << number;
        EXPECT_EQ(failure.message.find("apiVersion"), std::string::npos);
        EXPECT_EQ(failure.causes.at(0).message.find("apiVersion"), std::string::npos);
        EXPECT_TRUE(failure.log_detail.empty()) << number;
    }
}

TEST(Failures, addresses_inside_the_cluster_are_for_the_log_only) {
    const Failure failure = recorded("201");
    EXPECT_EQ(failure.message.find("127.0.0.1"), std::string::npos);
    EXPECT_EQ(failure.message, "the API server cannot do it at the moment (500)");
    EXPECT_NE(failure.log_detail.find("127.0.0.1:20250"), std::string::npos);
}

TEST(Failures, waiting_times_come_from_the_field_or_the_body) {
    EXPECT_EQ(recorded("192").retry_after_ms, 1000U);  // details.retryAfterSeconds
    EXPECT_EQ(recorded("176").retry_after_ms, 0U);
    Answer answer = status_object(429, "TooManyRequests", "slow down");
    answer.retry_after_ms = 7000;
    EXPECT_EQ(failure_of(answer).retry_after_ms, 7000U);
    answer.retry_after_ms = 0;
    answer.body = R"({"kind":"Status","details":{"retryAfterSeconds":99999999}})";
    EXPECT_EQ(failure_of(answer).retry_after_ms, limits::kubernetes_retry_after_ms_max);
    answer.body = R"({"kind":"Status","details":{"retryAfterSeconds":-5}})";
    EXPECT_EQ(failure_of(answer).retry_after_ms, 0U);
}

TEST(Failures, the_message_never_decides) {
    const Failure failure =
        failure_of(status_object(409, "Conflict", "widgets \\\"x\\\" already exists"));
    EXPECT_EQ(failure.kind, FailureKind::conflict);
    EXPECT_EQ(failure_of(status_object(403, "AlreadyExists", "x")).kind, FailureKind::forbidden);
}

TEST(Failures, bodies_of_any_kind_are_survived) {
    for (const char* body : {"", "{", "null", "[]", "404 page not found\n", "{\"kind\":\"Status\"}",
                             "{\"kind\":\"Status\",\"details\":7,\"reason\":{},\"message\":[]}",
                             "{\"kind\":\"Status\",\"details\":{\"causes\":[1,null,{}]}}"}) {
        const Failure failure = failure_of({.status = 503, .body = body});
        EXPECT_EQ(failure.kind, FailureKind::retry_later) << body;
        EXPECT_FALSE(failure.message.empty()) << body;
    }
}

TEST(Failures, texts_are_bounded_between_characters_and_carry_no_control_characters) {
    EXPECT_EQ(bounded_text("a\nb\x1b[0m", 100), "a b [0m");
    EXPECT_EQ(bounded_text("abcdef", 6), "abcdef");
    EXPECT_EQ(bounded_text("abcdefg", 6), "abc...");
    // Four letters of two bytes: the cut at 3 is in the middle of the second.
    EXPECT_EQ(bounded_text("\u00e4\u00e4\u00e4\u00e4", 6), "\u00e4...");
    const Failure failure = failure_of(status_object(403, "Forbidden", std::string(5000, 'x')));
    EXPECT_EQ(failure.message.size(), limits::kubernetes_message_bytes_max);
}

TEST(Failures, only_passing_ones_are_worth_the_same_request_again) {
    EXPECT_TRUE(recorded("176").is_passing());
    EXPECT_TRUE(recorded("194").is_passing());
    EXPECT_TRUE(transport_failure("broken").is_passing());
    for (const char* number : {"012", "013", "034", "032", "064", "188", "130", "047"})
        EXPECT_FALSE(recorded(number).is_passing()) << number;
    EXPECT_EQ(error_of(recorded("034")).code, Code::not_found);
    EXPECT_EQ(error_of(recorded("201")).code, Code::unavailable);
    EXPECT_EQ(error_of(recorded("201")).retry, Retry::always);
}

}  // namespace
}  // namespace mcpgw::kubernetes
