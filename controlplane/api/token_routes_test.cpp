// API tokens over the management API: shown once, listed without secrets, revoked.
#include "controlplane/api/token_routes.h"

#include "controlplane/api/access_routes_fixture.h"

namespace mcpgw::api {
namespace {

class TokenRoutesTest : public AccessRoutesTest<TokenRoutes> {
  protected:
    std::unique_ptr<TokenRoutes> make_routes() override {
        return std::make_unique<TokenRoutes>(TokenServices{store_.get(), [this] { ++changes_; }},
                                             identity::AccessRules{});
    }
};

TEST_F(TokenRoutesTest, a_token_is_shown_once_and_opens_by_its_hash) {
    const Answer made = as_admin(
        "POST /tokens", R"({"user":"ci","roles":["eng"],"expiresAt":"2999-01-01T00:00:00Z"})");
    ASSERT_EQ(made.status, 201) << made.body;
    EXPECT_EQ(header(made, "Cache-Control"), "no-store");
    const std::string text = tree(made).get("token").to_str();
    const std::string id = tree(made).get("id").to_str();
    EXPECT_TRUE(text.starts_with("mcpgw_"));
    EXPECT_EQ(header(made, "Location"), "/tokens/" + id);
    EXPECT_EQ(store_->token(id)->what.hash, model::token_hash(text));
    const Answer found = as_admin("GET /tokens/" + id);
    EXPECT_EQ(found.status, 200);
    EXPECT_EQ(tree(found).get("user").to_str(), "ci");
    EXPECT_EQ(tree(found).get("createdBy").to_str(), "root");
    EXPECT_EQ(tree(found).get("expiresAt").to_str(), "2999-01-01T00:00:00.000Z");
    const Answer list = as_admin("GET /tokens");
    EXPECT_EQ(list.body, "[" + found.body + "]");
    const auto record = store_->audit(std::nullopt, 1)->at(0);
    EXPECT_EQ(record.action, "token.create");
    EXPECT_EQ(record.resource, id);
    EXPECT_EQ(record.detail, "for ci");
    for (const std::string& told : {found.body, list.body, record.after}) {
        EXPECT_EQ(told.find(text.substr(6)), std::string::npos);
        EXPECT_EQ(told.find("hash"), std::string::npos);
    }
    EXPECT_EQ(changes_, 1);
}

TEST_F(TokenRoutesTest, a_revoked_token_is_gone) {
    const Answer made = as_admin("POST /tokens", R"({"user":"ci"})");
    const std::string path = header(made, "Location");
    EXPECT_EQ(as_admin("DELETE " + path).status, 204);
    EXPECT_EQ(as_admin("GET " + path).status, 404);
    EXPECT_EQ(as_admin("DELETE " + path).status, 404);
    EXPECT_EQ(changes_, 2);
    EXPECT_EQ(store_->audit(std::nullopt, 1)->at(0).action, "token.revoke");
}

TEST_F(TokenRoutesTest, only_administrators_handle_tokens) {
    const std::string path =
        header(as_admin("POST /tokens", R"({"user":"bob","roles":["mcp.admin"]})"), "Location");
    for (const std::string& line :
         {std::string("GET /tokens"), std::string("POST /tokens"), "GET " + path, "DELETE " + path,
          std::string("GET /tokens/0000000000000000")})
        EXPECT_EQ(ask(line, user("acme"), R"({"user":"bob"})").status, 403) << line;
    EXPECT_EQ(records(), 1U);
}

TEST_F(TokenRoutesTest, mistakes_are_told_with_their_field) {
    const auto field = [this](const std::string& line, const std::string& body) {
        const Answer answer = as_admin(line, body);
        EXPECT_EQ(answer.status, 400) << answer.body;
        const auto errors = tree(answer).get("errors");
        return errors.is<picojson::object>() ? errors.get<picojson::object>().begin()->first : "";
    };
    EXPECT_EQ(field("POST /tokens", "{}"), "user");
    EXPECT_EQ(field("POST /tokens", R"({"user":"a","token":"mcpgw_x"})"), "token");
    EXPECT_EQ(field("POST /tokens", R"({"user":"a","expiresAt":"2020-01-01T00:00:00Z"})"),
              "expiresAt");
    EXPECT_EQ(field("POST /tokens?x=1", R"({"user":"a"})"), "x");
    EXPECT_EQ(field("GET /tokens?cursor=YQ", ""), "");
    EXPECT_EQ(as_admin("GET /tokens/a/b").status, 404);
    EXPECT_EQ(header(as_admin("PUT /tokens"), "Allow"), "GET, HEAD, POST");
    EXPECT_EQ(header(as_admin("PUT /tokens/1"), "Allow"), "GET, HEAD, DELETE");
    EXPECT_EQ(records(), 0U);
}

TEST_F(TokenRoutesTest, lists_are_paged) {
    for (int i = 0; i < 5; ++i)
        ASSERT_EQ(as_admin("POST /tokens", R"({"user":"u"})").status, 201);
    std::size_t count = 0;
    int pages = 0;
    for (std::string line = "GET /tokens?limit=2"; !line.empty(); ++pages) {
        const Answer page = as_admin(line);
        ASSERT_EQ(page.status, 200) << page.body;
        count += tree(page).get<picojson::array>().size();
        line = next_of(page);
    }
    EXPECT_EQ(count, 5U);
    EXPECT_EQ(pages, 3);
}

}  // namespace
}  // namespace mcpgw::api
