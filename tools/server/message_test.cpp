// What is read off JSON-RPC messages, and that bad ones are refused.
#include "tools/server/message.h"

#include <gtest/gtest.h>

#include "common/limits.h"

namespace mcpgw::server {
namespace {

Message one(std::string_view text) {
    auto messages = parse_messages(text, 100);
    EXPECT_TRUE(messages) << text;
    if (!messages || messages->list.size() != 1) return {};
    EXPECT_FALSE(messages->batch);
    return messages->list[0];
}

Code refusal(std::string_view text) {
    const auto messages = parse_messages(text, 3);
    EXPECT_FALSE(messages) << text;
    return messages ? Code::internal : messages.error().code;
}

TEST(Message, kinds_are_told_apart) {
    EXPECT_EQ(one(R"({"jsonrpc":"2.0","id":0,"method":"m"})").kind, MessageKind::request);
    EXPECT_EQ(one(R"({"jsonrpc":"2.0","method":"m"})").kind, MessageKind::notification);
    EXPECT_EQ(one(R"({"result":{},"id":"a","jsonrpc":"2.0"})").kind, MessageKind::response);
    EXPECT_EQ(one(R"({"error":{},"id":null,"jsonrpc":"2.0"})").kind, MessageKind::response);
}

TEST(Message, ids_keep_their_kind_and_their_text) {
    const Message number = one(R"({"jsonrpc":"2.0","id":7,"method":"m"})");
    const Message text = one(R"({"jsonrpc":"2.0","id":"7","method":"m"})");
    EXPECT_NE(number.id_key, text.id_key);
    EXPECT_EQ(number.id_json, "7");
    EXPECT_EQ(text.id_json, "\"7\"");
}

TEST(Message, equal_ids_have_equal_keys_however_written) {
    const auto key = [](const std::string& id) {
        return one(R"({"jsonrpc":"2.0","method":"m","id":)" + id + "}").id_key;
    };
    EXPECT_EQ(key("1"), key("1.0"));
    EXPECT_EQ(key("100"), key("1e2"));
    EXPECT_EQ(key("\"a\""), key("\"\\u0061\""));
    EXPECT_NE(key("1"), key("2"));
    EXPECT_NE(key("18446744073709551615"), key("18446744073709551614"));
}

TEST(Message, the_last_of_repeated_members_counts) {
    const Message m = one(R"({"jsonrpc":"2.0","id":1,"method":"a","id":2,"method":"b"})");
    EXPECT_EQ(m.id_json, "2");
    EXPECT_EQ(m.method, "b");
}

TEST(Message, progress_tokens_and_cancelled_ids_are_found) {
    const Message request =
        one(R"({"jsonrpc":"2.0","id":1,"method":"m","params":{"_meta":{"progressToken":"t"}}})");
    const Message progress = one(R"({"jsonrpc":"2.0","method":"notifications/progress",)"
                                 R"("params":{"progressToken":"t","progress":1}})");
    EXPECT_EQ(request.progress_token, progress.progress_token);
    EXPECT_FALSE(request.progress_token.empty());
    const Message cancelled = one(R"({"jsonrpc":"2.0","method":"notifications/cancelled",)"
                                  R"("params":{"requestId":1}})");
    EXPECT_EQ(cancelled.cancelled_id, request.id_key);
    EXPECT_EQ(one(R"({"jsonrpc":"2.0","id":1,"method":"m","params":[1]})").progress_token, "");
    EXPECT_EQ(one(R"({"jsonrpc":"2.0","id":1,"method":"m","params":{"_meta":3}})").progress_token,
              "");
}

TEST(Message, text_is_kept_and_fits_on_one_line) {
    const Message m = one("{\n  \"jsonrpc\": \"2.0\",\r\n  \"method\":\"m\", \"x\": 1.50e+00}\n");
    EXPECT_EQ(m.text, "{   \"jsonrpc\": \"2.0\",    \"method\":\"m\", \"x\": 1.50e+00} ");
}

TEST(Message, batches_are_cut_into_their_messages) {
    const auto messages = parse_messages(
        "[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a\",\"params\":{\"x\":[1,{}]}},\n"
        " {\"jsonrpc\":\"2.0\" , \"method\":\"b\\\"]\"}]",
        2);
    ASSERT_TRUE(messages);
    EXPECT_TRUE(messages->batch);
    ASSERT_EQ(messages->list.size(), 2U);
    EXPECT_EQ(messages->list[0].text,
              R"({"jsonrpc":"2.0","id":1,"method":"a","params":{"x":[1,{}]}})");
    EXPECT_EQ(messages->list[1].text, R"({"jsonrpc":"2.0" , "method":"b\"]"})");
    EXPECT_EQ(messages->list[1].method, "b\"]");
}

TEST(Message, what_is_no_json_is_refused) {
    for (const char* text : {"", " ", "{", "nul", "{\"jsonrpc\":\"2.0\",\"method\":\"m\"}x",
                             "{\"jsonrpc\":\"2.0\",\"method\":\"\n\"}", "{\"a\":\"\xff\"}", "[1,]"})
        EXPECT_EQ(refusal(text), Code::invalid_argument) << text;
    EXPECT_EQ(refusal(std::string(100'000, '[')), Code::invalid_argument);
}

TEST(Message, what_is_no_message_is_refused) {
    for (const char* text :
         {"1", "null", "\"x\"", "[]", "{}", "[[]]", R"({"jsonrpc":"1.0","method":"m"})",
          R"({"jsonrpc":"2.0"})", R"({"jsonrpc":"2.0","id":1})", R"({"method":"m"})",
          R"({"jsonrpc":"2.0","method":1})", R"({"jsonrpc":"2.0","id":1.5,"method":"m"})",
          R"({"jsonrpc":"2.0","id":null,"method":"m"})",
          R"({"jsonrpc":"2.0","id":{},"method":"m"})", R"({"jsonrpc":"2.0","id":true,"result":1})"})
        EXPECT_EQ(refusal(text), Code::protocol) << text;
    const std::string long_id(limits::jsonrpc_id_bytes_max + 1, 'i');
    EXPECT_EQ(refusal(R"({"jsonrpc":"2.0","method":"m","id":")" + long_id + "\"}"), Code::protocol);
}

TEST(Message, a_batch_that_is_too_long_is_refused) {
    const std::string m = R"({"jsonrpc":"2.0","method":"m"})";
    EXPECT_TRUE(parse_messages("[" + m + "," + m + "," + m + "]", 3));
    EXPECT_EQ(refusal("[" + m + "," + m + "," + m + "," + m + "]"), Code::limit_exceeded);
}

TEST(Message, errors_are_valid_json) {
    EXPECT_EQ(error_text("", -32000, "a \"b\""),
              R"({"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"a \"b\""}})");
    EXPECT_EQ(result_text("\"x\"", "{}"), R"({"jsonrpc":"2.0","id":"x","result":{}})");
}

}  // namespace
}  // namespace mcpgw::server
