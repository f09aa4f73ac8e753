// Questions about sessions survive their round trip, and broken ones are refused with the place.
#include "common/contract/sessions.h"

#include <gtest/gtest.h>

#include "common/limits.h"

namespace mcpgw::contract {
namespace {

SessionItem item_of(const std::string& id) {
    return {id,         "weather", "weather-0", "alice \"x\" \xC3\xA4", "acme", 1,
            UINT64_MAX, 2,         UINT32_MAX};
}

TEST(Sessions, a_query_survives_its_round_trip) {
    const SessionsQuery query{UINT64_MAX, 7, 1000, "weather", "weather-0", "alice", "acme"};
    const auto again = decode_sessions_query(encode(query));
    ASSERT_TRUE(again.has_value()) << again.error().detail;
    EXPECT_EQ(*again, query);
    const SessionsQuery any{1, 0, 1, "", "", "", ""};
    EXPECT_EQ(*decode_sessions_query(encode(any)), any);
}

TEST(Sessions, a_page_survives_its_round_trip) {
    SessionsPage page{3, {}, 0};
    EXPECT_EQ(*decode_sessions_page(encode(page)), page);
    for (std::size_t i = 0; i < limits::list_items_max; ++i)
        page.items.push_back(item_of(std::to_string(i)));
    page.items[0].user = page.items[0].tenant = "";
    page.next = UINT64_MAX;
    const auto again = decode_sessions_page(encode(page));
    ASSERT_TRUE(again.has_value()) << again.error().detail;
    EXPECT_EQ(*again, page);
    page.items.push_back(item_of("x"));
    EXPECT_FALSE(decode_sessions_page(encode(page)).has_value());
}

TEST(Sessions, an_end_and_its_answer_survive_their_round_trip) {
    for (const char* user : {"", "alice"}) {
        const SessionEnd wish{5, "0123456789abcdef", user};
        EXPECT_EQ(*decode_session_end(encode(wish)), wish);
    }
    for (const bool found : {false, true})
        EXPECT_EQ(*decode_session_ended(encode(SessionEnded{5, found})), (SessionEnded{5, found}));
    const SessionEnded known{5, true, "weather", "weather-0", "alice \"x\" \xC3\xA4"};
    EXPECT_EQ(*decode_session_ended(encode(known)), known);
    EXPECT_EQ(*decode_session_ended(R"({"type":"session_ended","request":5,"found":true})"),
              (SessionEnded{5, true}))
        << "as an older data plane says it";
}

TEST(Sessions, broken_frames_are_refused_with_the_place) {
    const auto detail_of_item = [](const SessionItem& item) {
        const auto page = decode_sessions_page(encode(SessionsPage{1, {item}, 0}));
        return page.has_value() ? std::string("accepted") : page.error().detail;
    };
    SessionItem item = item_of("a-b");
    EXPECT_EQ(detail_of_item(item), "items[0].id: is not letters and digits");
    item = item_of("");
    EXPECT_EQ(detail_of_item(item), "items[0].id: is empty");
    item = item_of(std::string(limits::session_id_bytes_max + 1, 'a'));
    EXPECT_TRUE(detail_of_item(item).starts_with("items[0].id: "));
    item = item_of("a");
    item.adapter = "Weather";
    EXPECT_EQ(detail_of_item(item), "items[0].adapter: is not a resource name");
    item = item_of("a");
    item.user = "a\nb";
    EXPECT_EQ(detail_of_item(item), "items[0].user: has a control character");
    for (const std::uint32_t limit : {0U, static_cast<std::uint32_t>(limits::list_items_max + 1)})
        EXPECT_FALSE(
            decode_sessions_query(encode(SessionsQuery{1, 0, limit, "", "", "", ""})).has_value());
    EXPECT_FALSE(
        decode_sessions_query(encode(SessionsQuery{1, 0, 1, "a b", "", "", ""})).has_value());
    EXPECT_FALSE(decode_session_end(encode(SessionEnd{1, "../x", ""})).has_value());
    EXPECT_FALSE(decode_session_ended(R"({"type":"session_ended","request":1})").has_value());
    EXPECT_FALSE(decode_session_ended(encode(SessionEnd{1, "a", ""})).has_value());
}

TEST(Sessions, plain_texts_are_short_and_without_control_characters) {
    EXPECT_TRUE(is_plain_text("", 0));
    EXPECT_TRUE(
        is_plain_text("gr\xC3\xBC\xC3\x9F"
                      "e @|",
                      10));
    EXPECT_FALSE(is_plain_text("abc", 2));
    for (const std::string& text : {std::string("a\nb"), std::string("\0", 1), std::string("\x7f")})
        EXPECT_FALSE(is_plain_text(text, 10));
}

}  // namespace
}  // namespace mcpgw::contract
