// Batches are taken apart into their messages, however the input is cut.
#include "common/protocol/jsonrpc_messages.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace mcpgw::jsonrpc {
namespace {

class Ids final : public MessageSink {
  public:
    void on_message(const Peek& message) override {
        seen.push_back(message.has_id() ? std::string(message.id()) : "-");
    }
    std::vector<std::string> seen;
};

using List = std::vector<std::string>;

List ids_of(std::string_view text, std::size_t step) {
    MessageReader reader;
    Ids ids;
    for (std::size_t at = 0; at < text.size(); at += step)
        reader.feed(as_bytes(text.substr(at, step)), ids);
    return ids.seen;
}

List ids_of(std::string_view text) {
    const List whole = ids_of(text, text.size() + 1);
    for (std::size_t step = 1; step < 9; ++step)
        EXPECT_EQ(ids_of(text, step), whole) << text;
    return whole;
}

TEST(JsonrpcMessages, a_single_message_is_told_once) {
    EXPECT_EQ(ids_of(R"( {"jsonrpc":"2.0","id":7,"method":"ping"} )"), List{"7"});
    EXPECT_EQ(ids_of(R"({"method":"x"})"), List{"-"});
}

TEST(JsonrpcMessages, each_of_a_batch_is_told_in_its_order) {
    EXPECT_EQ(
        ids_of(R"([{"id":1,"method":"a"},{"method":"n"} , {"id":"}]{","result":{"x":[{}]}}])"),
        (List{"1", "-", R"("}]{")"}));
    EXPECT_EQ(ids_of("[]"), List{});
    EXPECT_EQ(ids_of(R"([{"id":1,"method":"a","params":{"s":"\"}"}}])"), List{"1"});
}

TEST(JsonrpcMessages, what_is_broken_ends_the_reading) {
    EXPECT_EQ(ids_of(R"([{"id":1,"method":"a"},7,{"id":2,"method":"a"}])"), List{"1"});
    EXPECT_EQ(ids_of(R"([{"id":1,"method":"a"},{"id":,}])"), List{"1"});
    EXPECT_EQ(ids_of("nonsense"), List{});
    EXPECT_EQ(ids_of(R"([{"id":1,"method":"a")"), List{});
    EXPECT_EQ(ids_of(R"({"id":1,"method":"a"}{"id":2,"method":"a"})"), List{"1"});
}

TEST(JsonrpcMessages, a_batch_of_which_something_could_not_be_told_is_broken) {
    const auto is_broken = [](std::string_view text) {
        MessageReader reader;
        Ids ids;
        reader.feed(as_bytes(text), ids);
        return reader.is_broken();
    };
    for (const char* whole : {"[]", R"([{"id":1}, {"id":2}])", R"({"id":1})"})
        EXPECT_FALSE(is_broken(whole)) << whole;
    for (const char* broken : {R"([[{"id":1}]])", R"([{"id":1},7,{"id":2}])", R"(["x"])",
                               R"([{"id":}])", R"([{"id":1},null])"})
        EXPECT_TRUE(is_broken(broken)) << broken;
}

TEST(JsonrpcMessages, a_reader_serves_again_after_reset) {
    MessageReader reader;
    Ids ids;
    reader.feed(as_bytes(R"([{"id":1,"met)"), ids);
    reader.reset();
    reader.feed(as_bytes(R"({"id":2,"method":"a"})"), ids);
    EXPECT_EQ(ids.seen, List{"2"});
}

}  // namespace
}  // namespace mcpgw::jsonrpc
