// The properties of frames: split anywhere, bounded, and each kind survives its round trip.
#include "common/contract/frames.h"

#include <gtest/gtest.h>

#include "common/limits.h"

namespace mcpgw::contract {
namespace {

using Next = Result<std::optional<std::string>>;

bool is_waiting(const Next& next) {
    return next.has_value() && !next->has_value();
}

TEST(Frames, a_frame_is_its_length_and_its_text) {
    EXPECT_EQ(encode_frame("{}"), std::string("\0\0\0\2{}", 6));
    const std::string long_text(0x010203, 'x');
    EXPECT_EQ(encode_frame(long_text).substr(0, 4), std::string("\0\1\2\3", 4));
}

TEST(Frames, frames_come_out_whole_however_they_arrive) {
    const std::string stream = encode_frame("{\"a\":1}") + encode_frame("x") + encode_frame("{}");
    for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
        FrameDecoder decoder;
        std::string frames;
        for (const std::string& part : {stream.substr(0, cut), stream.substr(cut)}) {
            decoder.feed(part);
            for (Next next = decoder.next(); next.has_value() && next->has_value();
                 next = decoder.next())
                frames += **next + ";";
        }
        EXPECT_EQ(frames, "{\"a\":1};x;{};") << cut;
        EXPECT_TRUE(is_waiting(decoder.next()));
    }
}

TEST(Frames, many_frames_in_one_feed_come_out_in_order) {
    std::string stream;
    for (int i = 0; i < 100'000; ++i)
        stream += encode_frame(std::to_string(i));
    FrameDecoder decoder;
    decoder.feed(stream);
    for (int i = 0; i < 100'000; ++i) {
        const Next next = decoder.next();
        ASSERT_TRUE(next.has_value() && next->has_value()) << i;
        ASSERT_EQ(**next, std::to_string(i));
    }
    EXPECT_TRUE(is_waiting(decoder.next()));
}

TEST(Frames, a_length_of_zero_or_over_the_limit_is_final) {
    for (const std::string& length : {std::string("\0\0\0\0", 4), std::string("\x04\0\0\1", 4),
                                      std::string("\xff\xff\xff\xff")}) {
        FrameDecoder decoder;
        decoder.feed(encode_frame("{}") + length);
        ASSERT_TRUE(decoder.next().has_value());
        const Next next = decoder.next();
        ASSERT_FALSE(next.has_value());
        EXPECT_EQ(next.error().code, Code::protocol);
        decoder.feed(encode_frame("{}"));
        EXPECT_FALSE(decoder.next().has_value());
    }
    static_assert(limits::frame_bytes_max == 0x04000000);
    FrameDecoder decoder;
    decoder.feed(std::string("\x04\0\0\0", 4));
    EXPECT_TRUE(is_waiting(decoder.next()));
}

TEST(Frames, hello_survives_its_round_trip) {
    const Hello hello{.contract_version = 1,
                      .program_version = "0.1.0 \"x\" \xC3\xA4",
                      .snapshot_version = UINT64_MAX,
                      .snapshot_epoch = "e1",
                      .pid = 4242,
                      .process = "1f9c03aa"};
    const Result<Hello> again = decode_hello(encode(hello));
    ASSERT_TRUE(again.has_value()) << again.error().detail;
    EXPECT_EQ(again->contract_version, 1);
    EXPECT_EQ(again->program_version, hello.program_version);
    EXPECT_EQ(again->snapshot_version, UINT64_MAX);
    EXPECT_EQ(again->snapshot_epoch, "e1");
    EXPECT_EQ(again->pid, 4242U);
    EXPECT_EQ(again->process, "1f9c03aa");
    EXPECT_TRUE(decode_hello(encode(Hello{})).has_value());
}

TEST(Frames, ack_and_refuse_survive_their_round_trip) {
    EXPECT_EQ(decode_ack(encode(Ack{7}))->version, 7U);
    const Result<Refuse> again = decode_refuse(encode(Refuse{8, "adapters[0].name: is missing"}));
    ASSERT_TRUE(again.has_value());
    EXPECT_EQ(again->version, 8U);
    EXPECT_EQ(again->reason, "adapters[0].name: is missing");
}

TEST(Frames, a_refusal_can_be_read_whatever_its_reason_is) {
    for (const std::string& reason :
         {std::string(), std::string("two\nlines\x7f"), std::string(100'000, '\xff')}) {
        const Result<Refuse> again = decode_refuse(encode(Refuse{8, reason}));
        ASSERT_TRUE(again.has_value()) << again.error().detail;
        EXPECT_EQ(again->reason.empty(), reason.empty());
    }
    EXPECT_EQ(decode_refuse(encode(Refuse{8, "a\nb"}))->reason, "a b");
}

TEST(Frames, the_type_is_found_wherever_it_stands) {
    EXPECT_EQ(type_of(R"({"type":"hello","a":[{}]})"), "hello");
    EXPECT_EQ(type_of(R"( {"a":{"type":"inner"}, "type" : "x\u0079"} )"), "xy");
    for (const char* text : {"", "{}", "[]", "null", "\"type\"", R"({"type":1})", "{\"type\"",
                             R"({"Type":"x"})", R"({"a":{"type":"x"}})"})
        EXPECT_EQ(type_of(text), "") << text;
}

TEST(Frames, broken_frames_are_refused_with_the_place) {
    const auto detail = [](const auto& result) {
        return result.has_value() ? std::string("accepted") : result.error().detail;
    };
    EXPECT_EQ(detail(decode_ack(R"({"type":"ack"})")), "version: is missing");
    EXPECT_EQ(detail(decode_ack(R"({"type":"ack","version":0})")),
              "version: is not within 1...18446744073709551615");
    EXPECT_EQ(detail(decode_ack(R"({"type":"ack","version":-1})")),
              "version: is not a whole number of at most 64 bits");
    EXPECT_EQ(detail(decode_ack(R"({"type":"ack","version":1.5})")),
              "version: is not a whole number of at most 64 bits");
    EXPECT_EQ(detail(decode_ack(R"({"type":"refuse","version":1})")), "type: is not \"ack\"");
    EXPECT_EQ(detail(decode_ack(R"({"version":1})")), "type: is missing");
    EXPECT_EQ(detail(decode_ack("[]")), "is not an object");
    EXPECT_TRUE(detail(decode_ack("{")).starts_with("is not JSON: "));
    EXPECT_EQ(detail(decode_hello(
                  R"({"type":"hello","contract_version":1,"snapshot_version":3,"pid":1})")),
              "snapshot_epoch: is empty although there is a version");
    Hello strange;
    strange.process = "a-b";
    EXPECT_EQ(detail(decode_hello(encode(strange))), "process: is not small letters and digits");
    EXPECT_EQ(decode_ack("{}").error().code, Code::invalid_argument);
}

}  // namespace
}  // namespace mcpgw::contract
