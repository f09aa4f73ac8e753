// What is left of an answer, however it is cut into pieces.
#include "common/protocol/tools_filter.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace mcpgw::mcp {
namespace {

// Hides every tool whose name begins with "x".
class Sink final : public ToolsSink {
  public:
    explicit Sink(std::size_t room_bytes = 4096) : room_(room_bytes) {}
    void pass(std::string_view piece) override { passed += piece; }
    bool shows(std::string_view tool) override { return !tool.starts_with('x'); }
    std::span<char> room() override {
        EXPECT_FALSE(lent);
        lent = !room_.empty();
        return room_;
    }
    void release_room() override {
        EXPECT_TRUE(lent);
        lent = false;
    }
    std::string passed;
    bool lent = false;

  private:
    std::vector<char> room_;
};

// What passes, or "failed": where that shows, and what had passed by then, depends on the pieces.
std::string filtered(std::string_view text, std::size_t step, std::size_t room_bytes = 4096) {
    ToolsFilter filter;
    Sink sink(room_bytes);
    bool sound = true;
    for (std::size_t at = 0; at < text.size() && sound; at += step) {
        const std::string piece(text.substr(at, step));  // of its own: later ones see no others
        sound = filter.feed(piece, sink);
    }
    sound = filter.end(sink) && sound;
    EXPECT_FALSE(sink.lent);
    return sound ? sink.passed : "failed";
}

std::string filtered(std::string_view text) {
    const std::string whole = filtered(text, text.size() + 1);
    for (std::size_t step = 1; step < 30; ++step)
        EXPECT_EQ(filtered(text, step), whole) << text << " in steps of " << step;
    return whole;
}

std::string result(std::string_view tools) {
    return R"({"jsonrpc":"2.0","id":1,"result":{"tools":[)" + std::string(tools) +
           R"(],"nextCursor":"c"}})";
}

TEST(ToolsFilter, what_may_be_seen_passes_byte_for_byte) {
    for (const char* tools :
         {"", " \n ", R"({"name":"a"})", R"( {"name":"a"} , {"name" : "b"}
                )",
          R"({"title":"}]{[\"","name":"a","inputSchema":{"name":"x","tools":[{"name":"x"}]}})"})
        EXPECT_EQ(filtered(result(tools)), result(tools));
}

TEST(ToolsFilter, hidden_tools_vanish_with_a_comma) {
    const std::string a = R"({"name":"a","d":"1"})";
    const std::string b = R"({"name":"b"})";
    const std::string x = R"({"name":"x1","d":{"name":"a"}})";
    const std::string y = R"({"d":[1,{"name":"a"}],"name":"x2"})";
    EXPECT_EQ(filtered(result(x)), result(""));
    EXPECT_EQ(filtered(result(x + "," + y)), result(""));
    EXPECT_EQ(filtered(result(x + "," + a)), result(a));
    EXPECT_EQ(filtered(result(a + "," + x)), result(a));
    EXPECT_EQ(filtered(result(a + "," + x + "," + y + "," + b)), result(a + "," + b));
    EXPECT_EQ(filtered(result(y + ", " + a + "," + x + ", " + b)), result(" " + a + ", " + b));
}

TEST(ToolsFilter, a_name_may_be_written_with_escapes) {
    EXPECT_EQ(filtered(result(R"({"name":"\u0078"},{"n\u0061me":"xa"},{"\u006eame":"b"})")),
              result(R"({"\u006eame":"b"})"));
    EXPECT_EQ(filtered(R"({"re\u0073ult":{"t\u006fols":[{"name":"x"}]}})"),
              R"({"re\u0073ult":{"t\u006fols":[]}})");
}

TEST(ToolsFilter, what_has_no_name_of_a_tool_is_left_out) {
    EXPECT_EQ(filtered(result(R"({"title":"a"},7,"a",null,[{"name":"a"}],{"name":7},{})")),
              result(""));
    const std::string longest(limits::mcp_name_bytes_max, 'a');
    EXPECT_EQ(filtered(result(R"({"name":")" + longest + R"("},{"name":")" + longest + "a\"}")),
              result(R"({"name":")" + longest + R"("})"));
    EXPECT_EQ(filtered(result(R"({"name":"\q"})")), result(""));
}

TEST(ToolsFilter, other_lists_are_no_lists_of_tools) {
    for (const char* text :
         {R"({"result":{"content":[{"name":"x"}],"structuredContent":{"tools":[{"name":"x"}]}}})",
          R"({"method":"a","params":{"tools":[{"name":"x"}]}})", R"({"tools":[{"name":"x"}]})",
          R"({"result":{"tools":{"name":"x"}}})", R"({"result":[{"tools":[{"name":"x"}]}]})",
          R"({"error":{"data":{"tools":[{"name":"x"}]}}})", R"("result":{"tools":[{"name":"x"}]})",
          "/messages?sessionId=1", "", "7", "pong\n", R"({"result":{}})"})
        EXPECT_EQ(filtered(text), text);
}

TEST(ToolsFilter, each_message_of_a_batch_is_filtered) {
    const std::string x = R"({"id":2,"result":{"tools":[{"name":"x"},{"name":"a"}]}})";
    const std::string left = R"({"id":2,"result":{"tools":[{"name":"a"}]}})";
    const std::string other = R"({"id":1,"result":{}})";
    EXPECT_EQ(filtered("[" + other + ", " + x + "," + x + "]"),
              "[" + other + ", " + left + "," + left + "]");
    EXPECT_EQ(filtered("\xEF\xBB\xBF" + x), "\xEF\xBB\xBF" + left);
    EXPECT_EQ(filtered(R"({"result":{"tools":[{"name":"x"}],"tools":[{"name":"x"}]}})"),
              R"({"result":{"tools":[],"tools":[]}})");
}

TEST(ToolsFilter, a_list_for_one_caller_is_private) {
    EXPECT_EQ(filtered(R"({"result":{"cacheScope": "public","tools":[{"name":"x"}],"ttlMs":0}})"),
              R"({"result":{"cacheScope": "private","tools":[],"ttlMs":0}})");
    EXPECT_EQ(filtered(R"({"result":{"tools":[],"cacheScope":"pub\"lic"}})"),
              R"({"result":{"tools":[],"cacheScope":"private"}})");
    const char* elsewhere = R"({"result":{"tools":[{"name":"a","cacheScope":"public"}]}})";
    EXPECT_EQ(filtered(elsewhere), elsewhere);
}

TEST(ToolsFilter, an_element_with_two_names_shows_neither_or_ends_the_answer) {
    EXPECT_EQ(filtered(result(R"({"name":"x","name":"a"})")), result(""));
    EXPECT_EQ(filtered(result(R"({"name":"a","name":"x"},{"name":"b"})")), "failed");
    EXPECT_EQ(filtered(result(R"({"name":"a","name":"a"})")), result(R"({"name":"a","name":"a"})"));
}

TEST(ToolsFilter, a_list_that_does_not_end_is_unsound) {
    const std::string text = result(R"({"name":"x"},{"d":1,"name":"a"})");
    const std::size_t begin = text.find('[') + 1;
    const std::size_t end = text.find(']');
    for (std::size_t size = begin; size <= end; ++size)
        EXPECT_EQ(filtered(text.substr(0, size)), "failed") << size;
    EXPECT_NE(filtered(text.substr(0, end + 1)), "failed");
}

// What comes before the name has to be held; where there is no room for it, it is not shown.
TEST(ToolsFilter, what_cannot_be_held_is_left_out) {
    const std::string late = R"({"d":")" + std::string(100, '-') + R"(","name":"a"})";
    const std::string text = result(late + R"(,{"name":"b"})");
    EXPECT_EQ(filtered(text, 10, 50), result(R"({"name":"b"})"));
    EXPECT_EQ(filtered(text, 10, 200), text);
    EXPECT_EQ(filtered(text, text.size(), 0), text);
    EXPECT_EQ(filtered(text, 10, 0), result(""));
}

TEST(ToolsFilter, the_next_message_begins_afresh) {
    ToolsFilter filter;
    Sink sink;
    EXPECT_TRUE(filter.feed(R"({"result":{"tools":[{"nam)", sink));
    EXPECT_FALSE(filter.end(sink));
    sink.passed.clear();
    EXPECT_TRUE(filter.feed(result(R"({"name":"x"})"), sink));
    EXPECT_TRUE(filter.end(sink));
    EXPECT_EQ(sink.passed, result(""));
}

}  // namespace
}  // namespace mcpgw::mcp
