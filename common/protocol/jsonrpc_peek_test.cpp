// The properties of Peek: what it collects, what it refuses, and that pieces do not matter.
#include "common/protocol/jsonrpc_peek.h"

#include <string>

#include <gtest/gtest.h>

namespace mcpgw::jsonrpc {
namespace {

using State = Peek::State;

Peek peek(std::string_view text) {
    Peek result;
    result.feed(as_bytes(text));
    return result;
}

std::string nested(std::size_t depth, std::string_view inside = "") {
    std::string text(depth, '[');
    text += inside;
    text.append(depth, ']');
    return text;
}

constexpr std::string_view kModernCall =
    R"({"method":"tools/call","params":{"name":"weather__forecast",)"
    R"("arguments":{"region":"eu-west","name":"inner","n":-1.5e+3,"on":[true,false,null,{}]},)"
    R"("_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",)"
    R"("io.modelcontextprotocol/clientCapabilities":{}}},"jsonrpc":"2.0","id":7})";

TEST(Peek, a_request_shows_id_method_name_and_versions) {
    const Peek p = peek(kModernCall);
    EXPECT_EQ(p.state(), State::complete);
    EXPECT_EQ(p.kind(), Kind::request);
    EXPECT_EQ(p.id(), "7");
    EXPECT_EQ(p.method(), "tools/call");
    EXPECT_EQ(p.name(), "weather__forecast");
    EXPECT_EQ(p.meta_version(), "2026-07-28");
    EXPECT_EQ(p.initialize_version(), "");
}

TEST(Peek, input_may_be_split_anywhere) {
    for (std::size_t cut = 0; cut <= kModernCall.size(); ++cut) {
        Peek p;
        p.feed(as_bytes(kModernCall.substr(0, cut)));
        EXPECT_EQ(p.state(), cut == kModernCall.size() ? State::complete : State::reading) << cut;
        p.feed(as_bytes(kModernCall.substr(cut)));
        EXPECT_EQ(p.state(), State::complete) << cut;
        EXPECT_EQ(p.id(), "7") << cut;
        EXPECT_EQ(p.method(), "tools/call") << cut;
        EXPECT_EQ(p.name(), "weather__forecast") << cut;
        EXPECT_EQ(p.meta_version(), "2026-07-28") << cut;
    }
}

TEST(Peek, input_may_come_byte_by_byte) {
    Peek p;
    for (const char c : kModernCall)
        p.feed(as_bytes({&c, 1}));
    EXPECT_EQ(p.state(), State::complete);
    EXPECT_EQ(p.name(), "weather__forecast");
    EXPECT_EQ(p.id(), "7");
}

TEST(Peek, an_initialize_shows_its_version) {
    const Peek p = peek(
        R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25",)"
        R"("capabilities":{},"clientInfo":{"name":"c","version":"1"}}})");
    EXPECT_EQ(p.kind(), Kind::request);
    EXPECT_EQ(p.id(), "0");
    EXPECT_EQ(p.initialize_version(), "2025-11-25");
    EXPECT_EQ(p.name(), "") << "clientInfo.name is not params.name";
}

TEST(Peek, kinds_follow_from_the_members_that_are_there) {
    EXPECT_EQ(peek(R"({"method":"ping","id":1})").kind(), Kind::request);
    EXPECT_EQ(peek(R"({"method":"notifications/initialized"})").kind(), Kind::notification);
    EXPECT_EQ(peek(R"({"result":{},"id":1})").kind(), Kind::response);
    EXPECT_EQ(peek(R"({"error":null,"id":"a"})").kind(), Kind::response);
    EXPECT_EQ(peek(R"({"error":{},"id":null})").kind(), Kind::unknown);
    EXPECT_EQ(peek(R"({"id":1})").kind(), Kind::unknown);
    EXPECT_EQ(peek(R"({"method":5,"id":1})").kind(), Kind::unknown);
    EXPECT_EQ(peek("{}").kind(), Kind::unknown);
    EXPECT_EQ(peek("").kind(), Kind::unknown);
}

TEST(Peek, a_batch_is_scanned_to_its_end_and_not_looked_into) {
    const Peek p = peek(R"( [{"id":1,"method":"ping"},{"id":2,"method":"ping"}] )");
    EXPECT_EQ(p.state(), State::complete);
    EXPECT_EQ(p.kind(), Kind::batch);
    EXPECT_FALSE(p.has_id());
    EXPECT_FALSE(p.has_method());
    EXPECT_EQ(peek(R"([{"id":1])").state(), State::malformed);
}

TEST(Peek, ids_are_raw_text) {
    EXPECT_EQ(peek(R"({"id":"a\"\\\u00e4\n b"})").id(), R"("a\"\\\u00e4\n b")");
    EXPECT_EQ(peek(R"({"id":""})").id(), R"("")");
    EXPECT_EQ(peek(R"({"id" : -0.50E-7 })").id(), "-0.50E-7");
    EXPECT_EQ(peek(R"({"id":12345678901234567890123})").id(), "12345678901234567890123");
}

TEST(Peek, what_is_no_legal_id_counts_as_absent) {
    for (const char* text : {R"({"id":null})", R"({"id":true})", R"({"id":{"a":1}})",
                             R"({"id":[1]})", R"({"params":{"id":1}})", R"({"ID":1})"}) {
        const Peek p = peek(text);
        EXPECT_EQ(p.state(), State::complete) << text;
        EXPECT_FALSE(p.has_id()) << text;
        EXPECT_EQ(p.id(), "") << text;
    }
}

TEST(Peek, of_repeated_members_the_last_counts) {
    EXPECT_EQ(peek(R"({"id":1,"id":"b"})").id(), R"("b")");
    EXPECT_FALSE(peek(R"({"id":1,"id":null})").has_id());
    EXPECT_EQ(peek(R"({"method":"a","method":"b"})").method(), "b");
    EXPECT_EQ(peek(R"({"method":"a","method":{}})").method(), "");
    EXPECT_EQ(peek(R"({"params":{"name":"a"},"params":{"uri":"u"}})").name(), "u");
    EXPECT_EQ(peek(R"({"params":{"name":"a"},"params":[{"name":"b"}]})").name(), "");
    EXPECT_EQ(peek(R"({"params":{"uri":"u","name":"a","name":5}})").name(), "u");
    const Peek p =
        peek(R"({"params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"},)"
             R"("_meta":{}}})");
    EXPECT_EQ(p.meta_version(), "");
}

TEST(Peek, members_count_only_in_their_place) {
    const Peek p =
        peek(R"({"result":{"id":1,"method":"m","params":{"name":"x"},"_meta":{)"
             R"("io.modelcontextprotocol/protocolVersion":"9"}},"name":"y","protocolVersion":"z",)"
             R"("io.modelcontextprotocol/protocolVersion":"8","params":[{"name":"w"}]})");
    EXPECT_EQ(p.state(), State::complete);
    EXPECT_FALSE(p.has_id());
    EXPECT_FALSE(p.has_method());
    EXPECT_EQ(p.name(), "");
    EXPECT_EQ(p.meta_version(), "");
    EXPECT_EQ(p.initialize_version(), "");
}

TEST(Peek, the_name_is_the_member_that_the_method_is_about) {
    const std::string params = R"(,"params":{"name":"n","uri":"u","taskId":"t"}})";
    EXPECT_EQ(peek(R"({"method":"tools/call")" + params).name(), "n");
    EXPECT_EQ(peek(R"({"method":"prompts/get")" + params).name(), "n");
    EXPECT_EQ(peek(R"({"method":"resources/read")" + params).name(), "u");
    EXPECT_EQ(peek(R"({"method":"tasks/cancel")" + params).name(), "t");
    EXPECT_EQ(peek(R"({"method":"else")" + params).name(), "n");
    EXPECT_EQ(peek(R"({"params":{"taskId":"t","uri":"u"}})").name(), "u");
    EXPECT_EQ(peek(R"({"params":{"taskId":"t"}})").name(), "t");
    EXPECT_EQ(peek(R"({"method":"tools/call","params":{"uri":"u"}})").name(), "");
}

TEST(Peek, a_result_shows_the_task_that_it_begins) {
    EXPECT_EQ(peek(R"({"id":1,"result":{"resultType":"task","taskId":"t-1"}})").result_task_id(),
              "t-1");
    EXPECT_EQ(peek(R"({"result":{"_meta":{"taskId":"x"},"taskId":"t"},"id":1})").result_task_id(),
              "t");
    for (const char* text :
         {R"({"id":1,"result":{"task":{"taskId":"t"}}})", R"({"id":1,"error":{"taskId":"t"}})",
          R"({"id":1,"method":"tasks/get","params":{"taskId":"t"}})",
          R"({"id":1,"result":{"taskId":7}})", R"({"id":1,"result":{"taskId":"t"},"result":{}})"})
        EXPECT_EQ(peek(text).result_task_id(), "") << text;
}

TEST(Peek, a_result_is_not_taken_for_parameters) {
    const Peek both =
        peek(R"({"method":"tools/call","id":1,"params":{"name":"a","taskId":"p"},)"
             R"("result":{"name":"b","uri":"b","taskId":"r","protocolVersion":"b","_meta":)"
             R"({"io.modelcontextprotocol/protocolVersion":"b"}}})");
    EXPECT_EQ(both.name(), "a");
    EXPECT_EQ(both.initialize_version(), "");
    EXPECT_EQ(both.meta_version(), "");
}

TEST(Peek, strings_and_keys_are_unescaped) {
    EXPECT_EQ(peek(R"({"method":"\"\\\/\b\f\n\r\t\u0041\u00e4\u20AC"})").method(),
              "\"\\/\b\f\n\r\tA\xC3\xA4\xE2\x82\xAC");
    EXPECT_EQ(peek(R"({"\u006dethod":"x","i\u0064":3})").method(), "x");
    EXPECT_EQ(peek(R"({"i\u0064":3})").id(), "3");
    EXPECT_EQ(peek(R"({"method\u0000":"x"})").method(), "");
}

TEST(Peek, surrogate_pairs_become_one_character_and_halves_a_replacement) {
    EXPECT_EQ(peek(R"({"method":"\ud83d\ude00"})").method(), "\xF0\x9F\x98\x80");
    const std::string half = "\xEF\xBF\xBD";
    EXPECT_EQ(peek(R"({"method":"\ud83d"})").method(), half);
    EXPECT_EQ(peek(R"({"method":"\ud83dx"})").method(), half + "x");
    EXPECT_EQ(peek(R"({"method":"\ud83d\n"})").method(), half + "\n");
    EXPECT_EQ(peek(R"({"method":"\ude00"})").method(), half);
    EXPECT_EQ(peek(R"({"method":"\ud83d\ud83d\ude00"})").method(), half + "\xF0\x9F\x98\x80");
    EXPECT_EQ(peek(R"({"method":"\ud83dA"})").method(), half + "A");
    EXPECT_EQ(peek(R"({"\ud83dmethod":"x"})").method(), "");
}

TEST(Peek, what_is_longer_than_its_limit_is_absent_but_keeps_the_kind) {
    const std::string fits(limits::mcp_name_bytes_max, 'x');
    EXPECT_EQ(peek(R"({"method":")" + fits + R"("})").method(), fits);
    const Peek p = peek(R"({"method":")" + fits + R"(x","id":")" + fits + R"("})");
    EXPECT_EQ(p.state(), State::complete);
    EXPECT_FALSE(p.has_method());
    EXPECT_EQ(p.method(), "");
    EXPECT_FALSE(p.has_id()) << "the quotes count";
    EXPECT_EQ(p.kind(), Kind::request);
    const std::string digits(limits::jsonrpc_id_bytes_max, '1');
    EXPECT_EQ(peek(R"({"id":)" + digits + "}").id(), digits);
    EXPECT_FALSE(peek(R"({"id":)" + digits + "1}").has_id());
    EXPECT_EQ(peek(R"({"method":"a","x)" + fits + R"(":1,"method":"b"})").method(), "b");
}

TEST(Peek, after_the_message_only_white_space_may_follow) {
    EXPECT_EQ(peek("{} \r\n\t").state(), State::complete);
    EXPECT_EQ(peek("{} {}").state(), State::malformed);
    EXPECT_EQ(peek("[]]").state(), State::malformed);
    Peek p = peek(R"({"id":1})");
    p.feed(as_bytes("x"));
    EXPECT_EQ(p.state(), State::malformed);
    p.feed(as_bytes(R"({"id":1})"));
    EXPECT_EQ(p.state(), State::malformed) << "malformed is final";
}

TEST(Peek, broken_grammar_is_malformed) {
    for (const char* text : {"}",
                             "]",
                             "x",
                             "1",
                             "\"a\"",
                             "true",
                             "{]",
                             "[}",
                             "{,",
                             "{1",
                             "{\"a\"}",
                             "{\"a\",",
                             "[,",
                             "[1,]",
                             "[1 2",
                             "{\"a\":}",
                             "{\"a\":1,}",
                             "{\"a\":1 \"b\"",
                             "{\"a\"::",
                             "[tru3",
                             "[nul]",
                             "[True",
                             "[+",
                             "[01",
                             "[-]",
                             "[-a",
                             "[1.]",
                             "[1.e",
                             "[.5",
                             "[1e]",
                             "[1e+]",
                             "[1ee",
                             "[0x",
                             "[--1",
                             "[\"\\x",
                             "[\"\\u12g",
                             "[\"a\nb",
                             "[\"\x01",
                             "[\"\x1f",
                             "['a'",
                             "\xEF\xBB\xBF{}",
                             "[\f1",
                             "[//"})
        EXPECT_EQ(peek(text).state(), State::malformed) << text;
    EXPECT_EQ(peek(std::string_view("[\0]", 3)).state(), State::malformed);
}

TEST(Peek, unfinished_messages_are_still_being_read) {
    for (const char* text :
         {"", " ", "{", "[", "{\"", "{\"a", "{\"a\\", "{\"a\\u00", "{\"a\"", "{\"a\":", "[-", "[1",
          "[1.", "[1e", "[1e-", "[t", "[nul", "[1,", "[[]"})
        EXPECT_EQ(peek(text).state(), State::reading) << text;
}

TEST(Peek, nesting_is_allowed_up_to_the_limit) {
    EXPECT_EQ(peek(nested(Peek::depth_max)).state(), State::complete);
    EXPECT_EQ(peek(nested(Peek::depth_max + 1)).state(), State::malformed);
    EXPECT_EQ(peek(std::string(1'000'000, '[')).state(), State::malformed);
    EXPECT_EQ(peek(nested(70, R"({"a":[1,{"b":2}],"c":3})")).state(), State::complete);
    EXPECT_EQ(peek(nested(70, R"({"a":[1,{"b":2}],3})")).state(), State::malformed);
}

TEST(Peek, long_strings_are_passed_without_being_collected) {
    const std::string text(100'000, 'y');
    const Peek p = peek(R"({"result":{"text":")" + text + R"(\n"},"id":4})");
    EXPECT_EQ(p.state(), State::complete);
    EXPECT_EQ(p.id(), "4");
    EXPECT_EQ(peek("[\"" + text + "\x1f").state(), State::malformed);
    EXPECT_EQ(peek("[\"" + text + "\xff\x80\"]").state(), State::complete);
}

TEST(Peek, reset_starts_afresh_from_any_state) {
    for (const std::string_view before :
         {kModernCall, std::string_view("x"), std::string_view(R"({"params":{"name":"\ud83d)"),
          std::string_view("[[["), std::string_view(R"({"id":12)"), std::string_view("")}) {
        Peek p = peek(before);
        p.reset();
        EXPECT_EQ(p.state(), State::reading);
        EXPECT_EQ(p.kind(), Kind::unknown);
        p.feed(as_bytes(R"({"method":"m","params":{}})"));
        EXPECT_EQ(p.state(), State::complete) << before;
        EXPECT_EQ(p.kind(), Kind::notification) << before;
        EXPECT_EQ(p.method(), "m") << before;
        EXPECT_EQ(p.name(), "") << before;
        EXPECT_EQ(p.meta_version(), "") << before;
        EXPECT_FALSE(p.has_id()) << before;
    }
}

TEST(Peek, what_another_reader_may_understand_otherwise_is_doubtful) {
    for (const std::string_view text :
         {R"({"method":"ping","method":"tools/call"})", R"({"method":"ping","m\u0065thod":"x"})",
          R"({"method":"ping","Method":"tools/call"})", R"({"METHOD":"tools/call"})",
          R"({"method":"a","params":{},"params":{}})", R"({"method":"a","Params":{}})",
          "{\"method\":\"a\",\"param\xC5\xBF\":{}}", R"({"method":"a","param\u017f":{}})",
          R"({"params":{"name":"a","name":"b"}})", R"({"params":{"name":"a","NAME":"b"}})",
          R"({"params":{"n\u0041me":"b"}})", R"({"method":"a","method\u0000x":"b"})",
          R"({"params":{"name\u0000":"b"}})", R"({"params":{"name":"rm\u0000x"}})",
          R"({"params":{"name":"rm\n"}})", R"({"method":"a\u001f"})",
          R"({"params":{"name":"rm\ud800"}})", R"({"params":{"name":"rm\udc00"}})",
          R"({"params":{"name":"rm\ud800x"}})"})
        for (std::size_t cut = 0; cut <= text.size(); ++cut) {
            Peek p;
            p.feed(as_bytes(text.substr(0, cut)));
            p.feed(as_bytes(text.substr(cut)));
            EXPECT_EQ(p.state(), State::complete) << text;
            EXPECT_TRUE(p.is_doubtful()) << text << " cut at " << cut;
        }
}

TEST(Peek, what_every_reader_understands_is_not_doubtful) {
    for (const std::string_view text :
         {kModernCall,
          std::string_view(R"({"id":1,"id":2,"method":"a","params":{"x":{"name":1,"Name":2}}})"),
          std::string_view(R"({"method":"a","params":{"Method":"b","uri":"c","uri":"d"}})"),
          std::string_view(R"({"methods":1,"metho":2,"method":"a","x":{"method":"b"}})"),
          std::string_view(R"({"id":1,"result":{"name":"a","name":"b","Name":"c\n"}})"),
          std::string_view(R"({"method":"a","params":{"name":"\u00e9\ud83d\ude00\/"}})")}) {
        const Peek p = peek(text);
        EXPECT_EQ(p.state(), State::complete) << text;
        EXPECT_FALSE(p.is_doubtful()) << text;
    }
}

}  // namespace
}  // namespace mcpgw::jsonrpc
