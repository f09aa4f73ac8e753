// Tenants over the management API: who may, what is refused, and what conditions guard.
#include "controlplane/api/tenant_routes.h"

#include "controlplane/api/access_routes_fixture.h"

namespace mcpgw::api {
namespace {

constexpr const char* kBody = R"({"quota":{"requests":1000,"perSeconds":3600},"maxSessions":3})";

class TenantRoutesTest : public AccessRoutesTest<TenantRoutes> {
  protected:
    std::unique_ptr<TenantRoutes> make_routes() override {
        TenantServices services{store_.get(), [this] { ++changes_; }, {}};
        services.usage = [this](const std::string& tenant) -> std::optional<TenantUsage> {
            if (!has_usage_) return std::nullopt;
            return TenantUsage{tenant.size(), 1'800'000'000'000, 2, 3};
        };
        return std::make_unique<TenantRoutes>(std::move(services), identity::AccessRules{});
    }
    bool has_usage_ = false;
};

TEST_F(TenantRoutesTest, a_tenant_is_made_read_replaced_and_removed) {
    const Answer made = as_admin("PUT /tenants/acme", kBody);
    EXPECT_EQ(made.status, 201) << made.body;
    EXPECT_EQ(header(made, "Location"), "/tenants/acme");
    const auto body = tree(made);
    EXPECT_EQ(body.get("id").to_str(), "acme");
    EXPECT_EQ(body.get("quota").get("requests").to_str(), "1000");
    EXPECT_EQ(body.get("maxSessions").to_str(), "3");
    EXPECT_FALSE(body.contains("used"));
    EXPECT_EQ(header(made, "ETag"), "\"" + body.get("version").to_str() + "\"");
    EXPECT_EQ(as_admin("GET /tenants/acme").body, made.body);
    EXPECT_EQ(as_admin("GET /tenants/acme/").body, made.body);
    const Answer replaced = as_admin("PUT /tenants/acme", R"({"id":"acme","maxStreams":1})");
    EXPECT_EQ(replaced.status, 200);
    EXPECT_FALSE(tree(replaced).contains("quota")) << "all of it is replaced";
    EXPECT_EQ(tree(replaced).get("createdAt").to_str(), body.get("createdAt").to_str());
    EXPECT_EQ(as_admin("PUT /tenants/acme", replaced.body).status, 200) << "what GET says";
    EXPECT_EQ(as_admin("DELETE /tenants/acme").status, 204);
    EXPECT_EQ(as_admin("GET /tenants/acme").status, 404);
    EXPECT_EQ(as_admin("DELETE /tenants/acme").status, 404);
    EXPECT_EQ(changes_, 4);
    EXPECT_EQ(records(), 4U);
    EXPECT_EQ(store_->audit(std::nullopt, 1)->at(0).action, "tenant.remove");
}

TEST_F(TenantRoutesTest, administrators_write_and_members_read_their_own) {
    ASSERT_EQ(as_admin("PUT /tenants/acme", kBody).status, 201);
    ASSERT_EQ(as_admin("PUT /tenants/other", kBody).status, 201);
    struct Case {
        identity::Principal who;
        int get;
        int put;
        int remove;
        std::size_t listed;
    };
    const Case cases[] = {
        {user("acme"), 200, 403, 403, 1},
        {user("other"), 404, 403, 404, 1},
        {user("nobody"), 404, 403, 404, 0},
        {user(), 404, 403, 404, 0},
    };
    for (const Case& c : cases) {
        EXPECT_EQ(ask("GET /tenants/acme", c.who).status, c.get) << c.who.tenant;
        EXPECT_EQ(ask("PUT /tenants/acme", c.who, kBody).status, c.put) << c.who.tenant;
        EXPECT_EQ(ask("DELETE /tenants/acme", c.who).status, c.remove) << c.who.tenant;
        const auto list = tree(ask("GET /tenants", c.who)).get<picojson::array>();
        EXPECT_EQ(list.size(), c.listed) << c.who.tenant;
        EXPECT_TRUE(list.empty() || list[0].get("id").to_str() == c.who.tenant);
        // Not there and not to be seen look the same.
        EXPECT_EQ(ask("PUT /tenants/none1", c.who, kBody).body,
                  ask("PUT /tenants/acme", c.who, kBody).body);
    }
    EXPECT_EQ(tree(as_admin("GET /tenants")).get<picojson::array>().size(), 2U);
    EXPECT_EQ(records(), 2U);
}

TEST_F(TenantRoutesTest, if_match_guards_changes) {
    const std::string old_tag = header(as_admin("PUT /tenants/t", kBody), "ETag");
    const Answer changed = as_admin("PUT /tenants/t", "{}", {old_tag});
    EXPECT_EQ(changed.status, 200);
    EXPECT_EQ(as_admin("PUT /tenants/t", "{}", {old_tag}).status, 412);
    EXPECT_EQ(as_admin("DELETE /tenants/t", "", {old_tag}).status, 412);
    EXPECT_EQ(as_admin("PUT /tenants/t", "{}", {"nonsense"}).status, 400);
    EXPECT_EQ(as_admin("PUT /tenants/new", "{}", {"*"}).status, 412) << "there is nothing to match";
    EXPECT_EQ(as_admin("PUT /tenants/new", "{}", {old_tag}).status, 412);
    EXPECT_EQ(as_admin("DELETE /tenants/t", "", {header(changed, "ETag")}).status, 204);
}

TEST_F(TenantRoutesTest, mistakes_are_told_with_their_field) {
    const auto field = [this](const std::string& line, const std::string& body) {
        const Answer answer = as_admin(line, body);
        EXPECT_EQ(answer.status, 400) << answer.body;
        const auto errors = tree(answer).get("errors");
        return errors.is<picojson::object>() ? errors.get<picojson::object>().begin()->first : "";
    };
    EXPECT_EQ(field("PUT /tenants/t", R"({"quotas":1})"), "quotas");
    EXPECT_EQ(field("PUT /tenants/t", R"({"id":"u"})"), "id");
    EXPECT_EQ(field("PUT /tenants/a b", "{}"), "id");
    EXPECT_EQ(field("PUT /tenants/t", R"({"quota":{"requests":1}})"), "quota.perSeconds");
    EXPECT_EQ(field("PUT /tenants/t?x=1", "{}"), "x");
    EXPECT_EQ(field("GET /tenants?x=1", ""), "x");
    EXPECT_EQ(field("PUT /tenants/t", "{"), "");
    EXPECT_EQ(field("GET /tenants?limit=0", ""), "");
    EXPECT_EQ(field("GET /tenants?cursor=YSBi", ""), "") << "no tenant is called 'a b'";
    EXPECT_EQ(as_admin("GET /tenants/a/b").status, 404);
    const Answer wrong = as_admin("POST /tenants");
    EXPECT_EQ(wrong.status, 405);
    EXPECT_EQ(header(wrong, "Allow"), "GET, HEAD");
    EXPECT_EQ(header(as_admin("POST /tenants/t"), "Allow"), "GET, HEAD, PUT, DELETE");
    EXPECT_EQ(records(), 0U);
}

TEST_F(TenantRoutesTest, lists_are_paged) {
    for (const char* id : {"a.b", "Z", "m@x", "z", "0"})
        ASSERT_EQ(as_admin(std::string("PUT /tenants/") + id, "{}").status, 201);
    std::string ids;
    int pages = 0;
    for (std::string line = "GET /tenants?limit=2"; !line.empty(); ++pages) {
        const Answer page = as_admin(line);
        ASSERT_EQ(page.status, 200) << page.body;
        const auto list = tree(page);
        for (const auto& item : list.get<picojson::array>())
            ids += item.get("id").to_str() + " ";
        line = next_of(page);
    }
    EXPECT_EQ(ids, "0 Z a.b m@x z ");
    EXPECT_EQ(pages, 3);
}

TEST_F(TenantRoutesTest, use_is_told_where_somebody_knows_it) {
    ASSERT_EQ(as_admin("PUT /tenants/acme", kBody).status, 201);
    EXPECT_FALSE(tree(as_admin("GET /tenants/acme")).contains("used"));
    has_usage_ = true;
    const auto body = tree(ask("GET /tenants/acme", user("acme")));
    EXPECT_EQ(body.get("used").to_str(), "4");
    EXPECT_EQ(body.get("resetsAt").to_str(), "2027-01-15T08:00:00.000Z");
    EXPECT_EQ(body.get("sessions").to_str(), "2");
    EXPECT_EQ(body.get("streams").to_str(), "3");
}

}  // namespace
}  // namespace mcpgw::api
