// The properties of the SSE scanner: which bytes are data, where events end, where borders are.
#include "common/protocol/sse.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace mcpgw::sse {
namespace {

// Collects the data of each event that ended; events without data are recorded as "-".
class Recorder final : public Sink {
  public:
    void on_data(std::string_view piece) override {
        data_ += piece;
        has_data_ = true;
        ++pieces_;
    }
    void on_event_end() override {
        events_.push_back(has_data_ ? data_ : "-");
        data_.clear();
        has_data_ = false;
    }
    std::vector<std::string> events_;
    std::string data_;
    bool has_data_ = false;
    int pieces_ = 0;
};

using Events = std::vector<std::string>;

Events events_of(std::string_view text) {
    Recorder whole;
    Scanner one;
    one.feed(as_bytes(text), whole);
    for (std::size_t cut = 0; cut <= text.size(); ++cut) {
        Recorder parts;
        Scanner two;
        two.feed(as_bytes(text.substr(0, cut)), parts);
        two.feed(as_bytes(text.substr(cut)), parts);
        EXPECT_EQ(parts.events_, whole.events_) << "cut at " << cut;
        EXPECT_EQ(parts.data_, whole.data_) << "cut at " << cut;
        EXPECT_EQ(two.at_border(), one.at_border()) << "cut at " << cut;
    }
    return whole.events_;
}

bool border_after(std::string_view text) {
    Recorder sink;
    Scanner scanner;
    scanner.feed(as_bytes(text), sink);
    return scanner.at_border();
}

TEST(Sse, an_event_ends_with_an_empty_line) {
    EXPECT_EQ(events_of("event: message\nid: 1\ndata: {\"a\":1}\n\n"), Events{"{\"a\":1}"});
    EXPECT_EQ(events_of("data: a\n\ndata: b\n\n"), (Events{"a", "b"}));
    EXPECT_EQ(events_of("data: a\n"), Events{});
}

TEST(Sse, lines_may_end_in_lf_cr_or_both) {
    for (const std::string end : {"\n", "\r", "\r\n"})
        EXPECT_EQ(events_of("data: a" + end + "data: b" + end + end + "data: c" + end + end),
                  (Events{"a\nb", "c"}));
    EXPECT_EQ(events_of("data: a\n\rdata: b\r\r\n"), (Events{"a", "b"}));
    EXPECT_EQ(events_of("data: a\r\n\n"), Events{"a"});
}

TEST(Sse, one_space_after_the_colon_does_not_count) {
    EXPECT_EQ(events_of("data:a\n\n"), Events{"a"});
    EXPECT_EQ(events_of("data: a\n\n"), Events{"a"});
    EXPECT_EQ(events_of("data:  a \n\n"), Events{" a "});
    EXPECT_EQ(events_of("data:\ta:b\n\n"), Events{"\ta:b"});
}

TEST(Sse, several_data_lines_are_joined_by_a_line_feed) {
    EXPECT_EQ(events_of("data: a\ndata\ndata:\nid: 7\ndata: b\n\n"), Events{"a\n\n\nb"});
    EXPECT_EQ(events_of("data\n\ndata:\n\n"), (Events{"-", "-"})) << "empty data is no piece";
    EXPECT_EQ(events_of("data\ndata\n\n"), Events{"\n"});
}

TEST(Sse, other_fields_make_an_event_without_data) {
    EXPECT_EQ(events_of("id: 1\n\n"), Events{"-"});
    EXPECT_EQ(events_of("retry: 5\n\nfoo\n\n"), (Events{"-", "-"}));
    for (const char* name : {"dat", "datum", "data ", "Data", "d", "dataa", " data", "\xC3\xA4"})
        EXPECT_EQ(events_of(std::string(name) + ": x\n\n"), Events{"-"}) << name;
}

TEST(Sse, comments_and_empty_lines_are_no_events) {
    EXPECT_EQ(events_of(": keep-alive\n\n\n\r\n:\n\n:data: x\n\n"), Events{});
    EXPECT_EQ(events_of(": c\ndata: a\n: c\ndata: b\n\n"), Events{"a\nb"});
}

TEST(Sse, a_byte_order_mark_at_the_start_is_skipped) {
    EXPECT_EQ(events_of("\xEF\xBB\xBF"
                        "data: a\n\n"),
              Events{"a"});
    EXPECT_EQ(events_of("\xEF\xBB\xBF\xEF\xBB\xBF"
                        "data: a\n\n"),
              Events{"-"});
    EXPECT_EQ(events_of("\xEF\xBB"
                        "data: a\n\ndata: b\n\n"),
              (Events{"-", "b"}));
    EXPECT_EQ(events_of("\xEF\n\n"), Events{"-"});
    EXPECT_EQ(events_of("data: a\n\n\xEF\xBB\xBF"
                        "data: b\n\n"),
              (Events{"a", "-"}));
}

TEST(Sse, a_data_line_is_one_piece_per_input) {
    Recorder sink;
    Scanner scanner;
    const std::string text(100'000, 'x');
    scanner.feed(as_bytes("data: " + text), sink);
    EXPECT_EQ(sink.pieces_, 1);
    scanner.feed(as_bytes(text), sink);
    EXPECT_EQ(sink.pieces_, 2);
    scanner.feed(as_bytes("y\r\n\r\n"), sink);
    EXPECT_EQ(sink.events_, Events{text + text + "y"});
}

TEST(Sse, data_is_passed_on_before_its_event_ends) {
    Recorder sink;
    Scanner scanner;
    scanner.feed(as_bytes("data: ab"), sink);
    EXPECT_EQ(sink.data_, "ab");
    EXPECT_TRUE(sink.events_.empty());
}

TEST(Sse, a_border_is_where_nothing_of_an_event_has_been_seen) {
    for (const char* text : {"", "data: a\n\n", "data: a\r\n\r\n", "data: a\r\r\n", ": c\n", "\n",
                             "data: a\n\n: c\n", ": c\r\n", "\xEF\xBB\xBF", "id: 1\n\n\n"})
        EXPECT_TRUE(border_after(text)) << text;
    for (const char* text :
         {"d", "data: a", "data: a\n", ": c", ":", "data: a\n\n: c", "data: a\n: c\n", "id: 1\n",
          "\xEF", "\xEF\xBB", "data: a\r\n", "data: a\n\nd", "foo\n"})
        EXPECT_FALSE(border_after(text)) << text;
}

bool resumable_after(std::string_view text) {
    Recorder sink;
    Scanner whole;
    whole.feed(as_bytes(text), sink);
    for (std::size_t cut = 0; cut <= text.size(); ++cut) {
        Scanner parts;
        parts.feed(as_bytes(text.substr(0, cut)), sink);
        parts.feed(as_bytes(text.substr(cut)), sink);
        EXPECT_EQ(parts.is_resumable(), whole.is_resumable()) << text << ", cut at " << cut;
    }
    return whole.is_resumable();
}

TEST(Sse, a_stream_is_resumable_once_an_event_with_an_id_has_ended) {
    for (const char* text : {"id: 1\ndata:\n\n", "id:1\n\n", "id:1\r\rdata: a\n\n",
                             "event: e\r\nid: 1\r\nretry: 5\r\ndata: \r\n\r\n",
                             "id: 1\n\ndata: a\n\ndata: b", "id\nid: 1\n\n", "id::\n\n"})
        EXPECT_TRUE(resumable_after(text)) << text;
    for (const char* text : {"", "data: a\n\n", "id: 1\n", "id: 1\ndata: a\n", "id\n\n", "id:\n\n",
                             "id: \n\n", "i: 1\n\n", "idle: 1\n\n", ": id: 1\n\n",
                             "data: id: 1\n\n", " id: 1\n\n", "iid: 1\n\n", "id: 1\nid:\n\n"})
        EXPECT_FALSE(resumable_after(text)) << text;
}

TEST(Sse, a_cr_that_may_still_become_cr_lf_is_no_border) {
    EXPECT_FALSE(border_after("data: a\r\n\r"));
    EXPECT_FALSE(border_after("data: a\r\r"));
    EXPECT_FALSE(border_after(": c\r"));
    EXPECT_FALSE(border_after("\r"));
    EXPECT_TRUE(border_after("data: a\r\r\n"));
    EXPECT_FALSE(border_after("data: a\r\rd"));
}

// What a comment or an event of ours at any border does to a reader: nothing.
TEST(Sse, an_event_put_in_at_a_border_changes_no_other) {
    const std::string stream =
        "\xEF\xBB\xBF: c\r\n\r\ndata: a\r\ndata: b\r\n\r\nid: 1\n\ndata: c\r\r\n\n: d\ndata: e\n\n";
    const Events before = events_of(stream);
    int borders = 0;
    for (std::size_t cut = 1; cut <= stream.size(); ++cut) {
        if (!border_after(stream.substr(0, cut))) continue;
        ++borders;
        const std::string head = stream.substr(0, cut);
        const std::string tail = stream.substr(cut);
        EXPECT_EQ(events_of(head + ": ours\n\n" + tail), before) << cut;
        Events expected = events_of(head);
        expected.push_back("ours");
        for (const std::string& event : events_of(tail))
            expected.push_back(event);
        EXPECT_EQ(events_of(head + "data: ours\n\n" + tail), expected) << cut;
    }
    EXPECT_EQ(borders, 9);
}

TEST(Sse, many_short_cr_lines_take_linear_time) {
    std::string text;
    for (int i = 0; i < 500'000; ++i)
        text += "\r";
    Recorder sink;
    Scanner scanner;
    scanner.feed(as_bytes("data: a" + text), sink);  // quadratic would be 10^11 steps
    EXPECT_EQ(sink.events_, Events{"a"});
}

// Between the last line of an event and the empty line after it: no border, but no line to end.
TEST(SseScanner, a_complete_line_of_an_open_event_is_a_line_start_and_no_border) {
    Recorder recorder;
    Scanner scanner;
    EXPECT_TRUE(scanner.at_line_start());
    scanner.feed(as_bytes(std::string_view("data: {}")), recorder);
    EXPECT_FALSE(scanner.at_line_start());
    scanner.feed(as_bytes(std::string_view("\n")), recorder);
    EXPECT_TRUE(scanner.at_line_start());
    EXPECT_FALSE(scanner.at_border());
}

}  // namespace
}  // namespace mcpgw::sse
