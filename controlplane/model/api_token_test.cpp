// Wishes for tokens, and how tokens are made.
#include "controlplane/model/api_token.h"

#include <gtest/gtest.h>

#include "common/limits.h"
#include "controlplane/model/field_errors_for_test.h"
#include "controlplane/model/json.h"

namespace mcpgw::model {
namespace {

constexpr std::uint64_t kNow = 1'800'000'000'000;  // 2027-01-15

ApiTokenReading read_wish(const std::string& text) {
    const auto tree = parse_json(text);
    EXPECT_TRUE(tree) << text;
    return read_api_token(tree ? *tree : picojson::value(), kNow);
}
TEST(ApiToken, every_member_is_taken_and_reads_back) {
    const auto reading =
        read_wish(R"({"user":"ci@x","roles":["Mcp Admin"],"tenant":"t","scopes":["s"],
                                  "adapters":["a"],"expiresAt":"2027-02-01T00:00:00Z"})");
    ASSERT_TRUE(reading.errors.empty()) << fields_of(reading.errors);
    const contract::ApiToken& what = reading.token.what;
    EXPECT_EQ(what.user, "ci@x");
    EXPECT_EQ(what.roles, std::vector<std::string>{"Mcp Admin"});
    EXPECT_EQ(what.tenant, "t");
    EXPECT_EQ(what.scopes, std::vector<std::string>{"s"});
    EXPECT_EQ(what.adapters, std::vector<std::string>{"a"});
    EXPECT_EQ(what.expires_unix_s, 1'801'440'000U);
    JsonWriter out;
    out.object();
    write_api_token_members(out, reading.token);
    const auto again = read_wish(out.end().take());
    ASSERT_TRUE(again.errors.empty()) << fields_of(again.errors);
    EXPECT_EQ(again.token, reading.token);
}

TEST(ApiToken, mistakes_are_told_by_their_field) {
    struct Case {
        const char* text;
        const char* fields;
    };
    const Case cases[] = {
        {"{}", "user"},
        {R"({"user":""})", "user"},
        {R"({"user":"a b"})", "user"},
        {R"({"user":"a","roles":["a,b"],"scopes":["a b"],"adapters":["A"],"tenant":""})",
         "adapters[0] roles[0] scopes[0] tenant"},
        {R"({"user":"a","expiresAt":"2027-01-15"})", "expiresAt"},
        {R"({"user":"a","expiresAt":"2020-01-01T00:00:00Z"})", "expiresAt"},
        {R"({"user":"a","expires":"30d","token":"x","hash":"y"})", "expires hash token"},
    };
    for (const Case& c : cases)
        EXPECT_EQ(fields_of(read_wish(c.text).errors), c.fields) << c.text;
    EXPECT_EQ(read_wish("[]").errors.size(), 1U);
}

TEST(ApiToken, a_minted_token_is_long_random_text_and_only_its_hash_is_kept) {
    ApiToken one;
    ApiToken other;
    const auto text = mint(one);
    const auto other_text = mint(other);
    ASSERT_TRUE(text && other_text);
    EXPECT_TRUE(text->starts_with(kTokenPrefix));
    EXPECT_EQ(text->size(), kTokenPrefix.size() + 43);
    EXPECT_NE(*text, *other_text);
    EXPECT_NE(one.what.id, other.what.id);
    EXPECT_TRUE(is_token_id(one.what.id));
    EXPECT_FALSE(is_token_id("x"));
    EXPECT_EQ(one.what.hash, token_hash(*text));
    EXPECT_EQ(one.what.hash.size(), 32U);
    JsonWriter out;
    out.object();
    write_api_token_members(out, one);
    const std::string document = out.end().take();
    EXPECT_EQ(document.find(text->substr(6)), std::string::npos);
    EXPECT_EQ(document.find("hash"), std::string::npos);
}

// FIPS 180-4, the example of one block.
TEST(ApiToken, the_hash_is_sha_256) {
    EXPECT_EQ(token_hash("abc").substr(0, 4), "\xba\x78\x16\xbf");
}

}  // namespace
}  // namespace mcpgw::model
