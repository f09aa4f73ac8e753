// The properties of events: they survive their round trip, and broken ones are refused.
#include "common/contract/events.h"

#include <gtest/gtest.h>

namespace mcpgw::contract {
namespace {

TEST(Events, an_instance_failure_survives_its_round_trip) {
    const Result<InstanceFailure> again = decode_instance_failure(
        encode(InstanceFailure{"weather", 0x8000000000000001, "timed_out"}));
    ASSERT_TRUE(again.has_value()) << again.error().detail;
    EXPECT_EQ(again->adapter, "weather");
    EXPECT_EQ(again->instance, 0x8000000000000001U);
    EXPECT_EQ(again->reason, "timed_out");
}

TEST(Events, that_an_instance_is_drained_survives_its_round_trip) {
    const Result<InstanceDrained> again =
        decode_instance_drained(encode(InstanceDrained{"weather", 0x8000000000000001, UINT64_MAX}));
    ASSERT_TRUE(again.has_value()) << again.error().detail;
    EXPECT_EQ(again->adapter, "weather");
    EXPECT_EQ(again->instance, 0x8000000000000001U);
    EXPECT_EQ(again->version, UINT64_MAX);
}

TEST(Events, an_unknown_key_survives_its_round_trip_and_needs_its_issuer) {
    const auto again = decode_unknown_key(encode(UnknownKey{"https://idp.example/"}));
    ASSERT_TRUE(again.has_value()) << again.error().detail;
    EXPECT_EQ(again->issuer, "https://idp.example/");
    EXPECT_FALSE(decode_unknown_key(encode(UnknownKey{})));
}

TEST(Events, a_broken_drained_event_is_refused_with_the_place) {
    const auto detail = [](const InstanceDrained& event) {
        const auto result = decode_instance_drained(encode(event));
        return result.has_value() ? std::string("accepted") : result.error().detail;
    };
    EXPECT_EQ(detail({"Weather", 1, 1}), "adapter: is not a resource name");
    EXPECT_EQ(detail({"weather", 0, 1}), "instance: is not 16 hexadecimal digits other than 0");
    EXPECT_EQ(detail({"weather", 1, 0}).substr(0, 9), "version: ");
    EXPECT_FALSE(decode_instance_drained(encode(InstanceFailure{"weather", 1, "reset"})));
}

TEST(Events, broken_events_are_refused_with_the_place) {
    const auto detail = [](const InstanceFailure& event) {
        const auto result = decode_instance_failure(encode(event));
        return result.has_value() ? std::string("accepted") : result.error().detail;
    };
    EXPECT_EQ(detail({"Weather", 1, "reset"}), "adapter: is not a resource name");
    EXPECT_EQ(detail({"", 1, "reset"}), "adapter: is empty");
    EXPECT_EQ(detail({"weather", 0, "reset"}),
              "instance: is not 16 hexadecimal digits other than 0");
    EXPECT_EQ(detail({"weather", 1, ""}), "reason: is empty");
    EXPECT_EQ(detail({"weather", 1, "a\nb"}), "reason: has a control character");
    EXPECT_FALSE(decode_instance_failure(R"({"type":"ack"})").has_value());
}

}  // namespace
}  // namespace mcpgw::contract
