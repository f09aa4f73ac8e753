// Messages have the wished size and are what they claim to be.
#include "bench/load/message.h"

#include <gtest/gtest.h>
#include <simdjson.h>

namespace mcpgw::bench {
namespace {

TEST(Message, has_exactly_the_wished_number_of_bytes) {
    EXPECT_EQ(call_of(call_bytes_usual).size(), call_bytes_usual);
    EXPECT_EQ(answer_of(answer_bytes_usual).size(), answer_bytes_usual);
    EXPECT_EQ(call_of(1024 * 1024).size(), 1024U * 1024);
    EXPECT_EQ(answer_of(1024 * 1024).size(), 1024U * 1024);
}

TEST(Message, is_valid_json) {
    simdjson::dom::parser parser;
    std::string_view method;
    EXPECT_EQ(parser.parse(call_of(5000))["method"].get(method), simdjson::SUCCESS);
    EXPECT_EQ(method, "tools/call");
    simdjson::dom::element result;
    EXPECT_EQ(parser.parse(answer_of(5000))["result"].get(result), simdjson::SUCCESS);
    EXPECT_EQ(parser.parse(std::string(kInitialize))["method"].get(method), simdjson::SUCCESS);
    EXPECT_EQ(method, "initialize");
}

TEST(Message, of_the_same_size_is_the_same_object) {
    EXPECT_EQ(&answer_of(4096), &answer_of(4096));
}

TEST(Message, a_displaced_range_is_noticed) {
    const std::string& call = call_of(1024 * 1024);
    EXPECT_NE(call.compare(2000, 64, call, 2000 + 65536, 64), 0);
    EXPECT_NE(call.compare(2000, 64, call, 2001, 64), 0);
}

TEST(Message, an_event_names_its_stream_and_number) {
    const std::string event = event_of(17, 4);
    EXPECT_EQ(event, event_of(17, 4));
    EXPECT_NE(event, event_of(18, 4));
    EXPECT_NE(event, event_of(17, 5));
    EXPECT_TRUE(event.ends_with("\n\n"));
    EXPECT_EQ(event.find("\n\n"), event.size() - 2);
    EXPECT_EQ(event.size(), event_of(1999, 123456).size());
}

}  // namespace
}  // namespace mcpgw::bench
