// Lines from pieces, trees with holes, base64, and lines of watches.
#include "controlplane/kubernetes/lines.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "controlplane/kubernetes/base64.h"
#include "controlplane/kubernetes/tree.h"
#include "controlplane/kubernetes/watch_event.h"
#include "controlplane/model/json.h"

namespace mcpgw::kubernetes {
namespace {

std::vector<std::string> lines_of(LineSplitter& splitter) {
    std::vector<std::string> lines;
    for (std::string_view line; splitter.next(line);)
        lines.emplace_back(line);
    return lines;
}

TEST(Lines, come_out_whole_however_the_stream_is_cut) {
    const std::string text = "first\n\nthird line\nfourth\n";
    const std::vector<std::string> expected{"first", "", "third line", "fourth"};
    for (std::size_t piece = 1; piece <= text.size(); ++piece) {
        LineSplitter splitter(100);
        std::vector<std::string> lines;
        for (std::size_t at = 0; at < text.size(); at += piece) {
            splitter.feed(std::string_view(text).substr(at, piece));
            for (std::string& line : lines_of(splitter))
                lines.push_back(std::move(line));
        }
        EXPECT_EQ(lines, expected) << "pieces of " << piece;
        EXPECT_EQ(splitter.rest(), "");
    }
}

TEST(Lines, what_has_not_ended_is_the_rest) {
    LineSplitter splitter(100);
    splitter.feed("whole\nhal");
    EXPECT_EQ(lines_of(splitter), std::vector<std::string>{"whole"});
    EXPECT_EQ(splitter.rest(), "hal");
    splitter.feed("f\n");
    EXPECT_EQ(lines_of(splitter), std::vector<std::string>{"half"});
}

TEST(Lines, a_line_over_the_limit_ends_it_whether_it_has_ended_or_not) {
    for (const char* text : {"123456\nnext\n", "123456"}) {
        LineSplitter splitter(5);
        splitter.feed("12345\n");
        EXPECT_EQ(lines_of(splitter), std::vector<std::string>{"12345"});
        splitter.feed(text);
        EXPECT_TRUE(lines_of(splitter).empty());
        EXPECT_TRUE(splitter.is_overlong());
        splitter.feed("again\n");
        EXPECT_TRUE(lines_of(splitter).empty());
    }
}

TEST(Base64, takes_what_kubeconfigs_have_and_gives_it_back) {
    EXPECT_EQ(decode_base64("aGFsbG8/Pj4="), "hallo?>>");
    EXPECT_EQ(decode_base64("aGFsbG8/Pj4"), "hallo?>>");
    EXPECT_EQ(decode_base64("aGFs\nbG8/\r\n Pj4=\n"), "hallo?>>");
    EXPECT_EQ(decode_base64("aGFsbG8_Pj4"), std::nullopt);  // base64url
    EXPECT_EQ(decode_base64("a"), std::nullopt);
    EXPECT_EQ(decode_base64("a=bc"), std::nullopt);
    EXPECT_EQ(decode_base64(""), "");
    for (const char* text : {"", "a", "ab", "abc", "\xff\xfe\xfd?>"})
        EXPECT_EQ(decode_base64(encode_base64(text)), text);
}

TEST(Trees, have_a_default_for_whatever_is_not_there) {
    const auto tree = model::parse_json(
        R"({"a":{"text":"x","number":3,"half":2.5,"yes":true,"list":[1],"null":null}})");
    ASSERT_TRUE(tree);
    EXPECT_EQ(text_at(*tree, {"a", "text"}), "x");
    EXPECT_EQ(text_at(*tree, {"a", "number"}), "");
    EXPECT_EQ(text_at(*tree, {"a", "text", "deeper"}), "");
    EXPECT_EQ(number_at(*tree, {"a", "number"}), 3);
    EXPECT_EQ(number_at(*tree, {"a", "half"}, 7), 7);
    EXPECT_EQ(number_at(*tree, {"b"}, 7), 7);
    EXPECT_TRUE(boolean_at(*tree, {"a", "yes"}));
    EXPECT_TRUE(boolean_at(*tree, {"a", "text"}, true));
    EXPECT_EQ(array_at(*tree, {"a", "list"}).size(), 1U);
    EXPECT_TRUE(array_at(*tree, {"a", "null"}).empty());
    EXPECT_TRUE(object_at(*tree, {"a", "list"}).empty());
    EXPECT_TRUE(node_at(*tree, {"a", "null"}).is<picojson::null>());
}

TEST(WatchLines, events_carry_name_uid_and_version) {
    const auto event = parse_watch_line(
        R"({"type":"ADDED","object":{"kind":"Pod","metadata":{"name":"x-0","uid":"u1",)"
        R"("resourceVersion":"17"},"status":{"podIP":"10.0.0.1"}}})");
    ASSERT_TRUE(event);
    EXPECT_EQ(event->kind, WatchEvent::Kind::added);
    EXPECT_EQ(event->name, "x-0");
    EXPECT_EQ(event->uid, "u1");
    EXPECT_EQ(event->resource_version, "17");
    EXPECT_EQ(text_at(event->object, {"status", "podIP"}), "10.0.0.1");
}

TEST(WatchLines, a_bookmark_has_a_version_only) {
    const auto event = parse_watch_line(
        R"({"type":"BOOKMARK","object":{"kind":"Pod","metadata":{"resourceVersion":"541",)"
        R"("creationTimestamp":null},"spec":{"containers":null},"status":{}}})");
    ASSERT_TRUE(event);
    EXPECT_EQ(event->kind, WatchEvent::Kind::bookmark);
    EXPECT_EQ(event->resource_version, "541");
}

TEST(WatchLines, an_error_is_judged_like_an_answer) {
    const auto event = parse_watch_line(
        R"({"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","metadata":{},)"
        R"("status":"Failure","message":"too old resource version: 2",)"
        R"("reason":"Expired","code":410}})");
    ASSERT_TRUE(event);
    EXPECT_EQ(event->kind, WatchEvent::Kind::error);
    EXPECT_EQ(event->failure.kind, FailureKind::expired);
    EXPECT_EQ(event->failure.status, 410);
    const auto vague = parse_watch_line(R"({"type":"ERROR","object":{"code":"x"}})");
    ASSERT_TRUE(vague);
    EXPECT_EQ(vague->failure.kind, FailureKind::retry_later);
}

TEST(WatchLines, what_is_no_event_is_refused_and_unknown_events_are_not) {
    for (const char* line :
         {"", "{", "{}", "[]", R"({"type":"ADDED"})", R"({"type":"ADDED","object":[]})",
          R"({"type":"ADDED","object":{"metadata":{"name":"x","uid":"u"}}})",
          R"({"type":"ADDED","object":{"metadata":{"name":"x","resourceVersion":"1"}}})",
          R"({"type":"BOOKMARK","object":{"metadata":{}}})"}) {
        const auto event = parse_watch_line(line);
        ASSERT_FALSE(event) << line;
        EXPECT_EQ(event.error().code, Code::protocol) << line;
    }
    const auto event = parse_watch_line(R"({"type":"LATER","object":{"what":"ever"}})");
    ASSERT_TRUE(event);
    EXPECT_EQ(event->kind, WatchEvent::Kind::other);
}

}  // namespace
}  // namespace mcpgw::kubernetes
