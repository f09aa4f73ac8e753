// Taking tokens apart, and what is refused while that is done.
#include "common/protocol/jwt.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace mcpgw::jwt {
namespace {

std::string encoded(std::string_view text) {
    std::string out(base64url_size(text.size()), '\0');
    base64url_encode(as_bytes(text), out.data());
    return out;
}

std::string token_of(std::string_view header, std::string_view claims) {
    return encoded(header) + "." + encoded(claims) + "." + encoded("signature");
}

constexpr std::string_view kHeader = R"({"alg":"RS256","kid":"k1","typ":"JWT"})";

class TokenTest : public testing::Test {
  protected:
    ParseFault parse(std::string_view header, std::string_view claims) {
        text = token_of(header, claims);
        return token.parse(text);
    }
    std::vector<std::string> texts_of(std::string_view path) {
        std::vector<std::string> out;
        all_text = token.each_text(path, [&out](std::string_view item) { out.emplace_back(item); });
        return out;
    }
    using List = std::vector<std::string>;
    std::string text;
    Token token;
    bool all_text = false;
};

TEST_F(TokenTest, header_and_parts_are_there) {
    ASSERT_EQ(parse(kHeader, R"({"sub":"ann"})"), ParseFault::none);
    EXPECT_EQ(token.header().algorithm, "RS256");
    EXPECT_EQ(token.header().key_id, "k1");
    EXPECT_EQ(token.header().type, "JWT");
    EXPECT_FALSE(token.header().has_critical);
    EXPECT_EQ(as_text(token.signature()), "signature");
    EXPECT_EQ(token.signed_part(), text.substr(0, text.rfind('.')));
    EXPECT_EQ(token.text("sub"), "ann");
    ASSERT_EQ(parse(R"({"alg":"none","crit":["b64"]})", "{}"), ParseFault::none);
    EXPECT_FALSE(token.header().has_key_id);
    EXPECT_FALSE(token.header().has_type);
    EXPECT_TRUE(token.header().has_critical);
    EXPECT_EQ(token.text("sub"), "") << "nothing is left of the one before";
}

TEST_F(TokenTest, another_shape_is_refused) {
    const std::string good = token_of(kHeader, "{}");
    ASSERT_EQ(token.parse(good), ParseFault::none);
    EXPECT_EQ(token.parse(""), ParseFault::not_three_parts);
    EXPECT_EQ(token.parse("a.b"), ParseFault::not_three_parts);
    EXPECT_EQ(token.parse(good + ".x"), ParseFault::not_three_parts);
    EXPECT_EQ(token.parse("..x"), ParseFault::not_three_parts);
    EXPECT_EQ(token.parse(good + ".x.y"), ParseFault::encrypted);
    EXPECT_EQ(token.parse("=" + good), ParseFault::not_base64url);
    EXPECT_EQ(token.parse(good + "="), ParseFault::not_base64url);
    EXPECT_EQ(token.parse(good + "+"), ParseFault::not_base64url);
    EXPECT_EQ(token.parse(std::string(limits::token_bytes_max + 1, 'a')), ParseFault::too_long);
    EXPECT_EQ(token.parse(std::string(limits::token_bytes_max - 4, 'a') + ".a.a"),
              ParseFault::not_json);
    EXPECT_EQ(token.kind_of("sub"), Token::Kind::absent);
}

TEST_F(TokenTest, what_is_no_object_is_refused) {
    for (const char* bad : {"", "[]", "1", "null", "{", "{}x", "{'a':1}", "{\"a\":01}", "\xff{}",
                            "{\"a\":1e999}", "{\"a\":\"\xff\"}"})
        EXPECT_NE(parse(kHeader, bad), ParseFault::none) << bad;
    EXPECT_EQ(parse(kHeader, std::string(2000, '[')), ParseFault::not_json);
    std::string deep = R"({"a":)" + std::string(40, '[') + std::string(40, ']') + "}";
    EXPECT_EQ(parse(kHeader, deep), ParseFault::not_json) << "nested too deeply";
}

TEST_F(TokenTest, a_header_of_wrong_types_is_refused) {
    for (const char* bad : {"{}", R"({"alg":""})", R"({"alg":1})", R"({"alg":null})",
                            R"({"alg":"RS256","kid":1})", R"({"alg":"RS256","typ":["JWT"]})"})
        EXPECT_EQ(parse(bad, "{}"), ParseFault::bad_header) << bad;
}

TEST_F(TokenTest, a_member_that_is_there_twice_is_refused) {
    EXPECT_EQ(parse(R"({"alg":"RS256","alg":"none"})", "{}"), ParseFault::repeated_member);
    EXPECT_EQ(parse(kHeader, R"({"sub":"a","x":1,"sub":"b"})"), ParseFault::repeated_member);
    EXPECT_EQ(parse(kHeader, R"({"sub":"a","s\u0075b":"b"})"), ParseFault::repeated_member);
    EXPECT_EQ(parse(kHeader, R"({"a":[{"b":{"c":1,"c":1}}]})"), ParseFault::repeated_member);
    EXPECT_EQ(parse(kHeader, R"({"a":{"c":1},"b":{"c":1},"c":1})"), ParseFault::none);
}

TEST_F(TokenTest, claims_are_found_by_name_then_by_path) {
    ASSERT_EQ(parse(kHeader, R"({"a":{"b":{"c":"deep"},"d":"x"},"a.d":"flat","n":null})"),
              ParseFault::none);
    EXPECT_EQ(token.text("a.b.c"), "deep");
    EXPECT_EQ(token.text("a.d"), "flat");
    EXPECT_EQ(token.kind_of("a.b"), Token::Kind::other);
    EXPECT_EQ(token.kind_of("a.x"), Token::Kind::absent);
    EXPECT_EQ(token.kind_of("a.d.e"), Token::Kind::absent) << "a text has no members";
    EXPECT_EQ(token.kind_of("n"), Token::Kind::absent);
    EXPECT_EQ(token.kind_of(""), Token::Kind::absent);
    EXPECT_EQ(token.kind_of("."), Token::Kind::absent);
}

TEST_F(TokenTest, lists_and_single_texts_are_visited) {
    ASSERT_EQ(
        parse(kHeader, R"({"one":"a","many":["a","b"],"mixed":["a",1],"number":1,"none":[]})"),
        ParseFault::none);
    EXPECT_EQ(texts_of("one"), (List{"a"}));
    EXPECT_TRUE(all_text);
    EXPECT_EQ(texts_of("many"), (List{"a", "b"}));
    EXPECT_TRUE(all_text);
    EXPECT_EQ(texts_of("none"), List());
    EXPECT_TRUE(all_text);
    EXPECT_EQ(texts_of("absent"), List());
    EXPECT_TRUE(all_text);
    EXPECT_EQ(texts_of("mixed"), (List{"a"}));
    EXPECT_FALSE(all_text);
    EXPECT_EQ(texts_of("number"), List());
    EXPECT_FALSE(all_text);
}

TEST_F(TokenTest, dates_are_whole_seconds_within_bounds) {
    ASSERT_EQ(parse(kHeader, R"({"a":1700000000,"b":1700000000.9,"c":-1.5,"d":1e300,)"
                             R"("e":-1e300,"f":18446744073709551615,"g":"1700000000","h":true})"),
              ParseFault::none);
    constexpr std::int64_t most = std::int64_t{1} << 53;
    EXPECT_EQ(token.date("a"), 1'700'000'000);
    EXPECT_EQ(token.date("b"), 1'700'000'000);
    EXPECT_EQ(token.date("c"), -2);
    EXPECT_EQ(token.date("d"), most);
    EXPECT_EQ(token.date("e"), -most);
    EXPECT_EQ(token.date("f"), most);
    EXPECT_FALSE(token.date("g"));
    EXPECT_FALSE(token.date("h"));
    EXPECT_FALSE(token.date("absent"));
}

}  // namespace
}  // namespace mcpgw::jwt
