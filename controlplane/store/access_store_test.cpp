// Tokens, tenants, issuers and assertion keys in the SQLite store.
#include "controlplane/store/access_store.h"

#include <set>

#include "controlplane/store/store_fixture.h"

namespace mcpgw::store {
namespace {

class AccessStoreTest : public StoreFolderTest {
  protected:
    static model::ApiToken token(const std::string& user) {
        model::ApiToken made;
        EXPECT_TRUE(model::mint(made));
        made.what.user = user;
        made.what.roles = {"a", "b"};
        made.what.tenant = "t";
        made.what.scopes = {"s"};
        made.what.adapters = {"x"};
        made.what.expires_unix_s = 4'000'000'000;
        made.created_by = "root";
        made.created_at_unix_ms = 123;
        return made;
    }
    static model::Tenant tenant(const std::string& id, std::uint64_t requests) {
        model::Tenant made;
        made.id = id;
        made.limits.all = {requests, 60, 5, 6, 7, 8};
        made.limits.per_user.sessions_max = 1;
        made.created_by = "root";
        made.created_at_unix_ms = 5;
        made.last_updated_at_unix_ms = 6;
        return made;
    }
};

TEST_F(AccessStoreTest, tokens_are_found_after_a_restart_until_they_are_revoked) {
    const model::ApiToken made = token("ci");
    {
        const auto store = open();
        ASSERT_TRUE(store->add_token(made, audit("token.create", made.what.id)));
        EXPECT_EQ(store->add_token(made, audit("no")).error().code, Code::conflict);
        model::ApiToken twin = token("other");
        twin.what.hash = made.what.hash;
        EXPECT_EQ(store->add_token(twin, audit("no")).error().code, Code::conflict);
    }
    const auto store = open();
    EXPECT_EQ(*store->token(made.what.id), made);
    EXPECT_EQ(store->tokens("", 10)->size(), 1U);
    EXPECT_TRUE(store->tokens(made.what.id, 10)->empty());
    ASSERT_TRUE(store->remove_token(made.what.id, audit("token.revoke", made.what.id)));
    EXPECT_EQ(store->token(made.what.id).error().code, Code::not_found);
    EXPECT_EQ(store->remove_token(made.what.id, audit("no")).error().code, Code::not_found);
    const auto records = *store->audit(std::nullopt, 10);
    ASSERT_EQ(records.size(), 2U) << "what was refused left no record";
    EXPECT_EQ(records[0].action, "token.revoke");
    EXPECT_EQ(records[0].before, records[1].after);
    EXPECT_NE(records[1].after.find("\"user\":\"ci\""), std::string::npos);
    for (const AuditRecord& record : records)
        EXPECT_EQ((record.before + record.after).find("hash"), std::string::npos);
}

TEST_F(AccessStoreTest, lists_go_on_after_the_last_id_of_a_page) {
    const auto store = open();
    for (int i = 0; i < 7; ++i) {
        ASSERT_TRUE(store->add_token(token("u"), audit("token.create")));
        ASSERT_TRUE(store->put_tenant(tenant("t" + std::to_string(i), 1), {}, audit("c")));
    }
    std::set<std::string> ids;
    std::string after;
    for (auto page = *store->tokens("", 3); !page.empty(); page = *store->tokens(after, 3)) {
        for (const model::ApiToken& one : page)
            ids.insert(one.what.id);
        after = page.back().what.id;
    }
    EXPECT_EQ(ids.size(), 7U);
    const auto tenants = *store->tenants("t2", 2);
    ASSERT_EQ(tenants.size(), 2U);
    EXPECT_EQ(tenants[0].id, "t3");
}

TEST_F(AccessStoreTest, a_tenant_is_replaced_and_removed_only_as_it_was_read) {
    auto store = open();
    const auto made = store->put_tenant(tenant("t", 10), {}, audit("tenant.create", "t"));
    ASSERT_TRUE(made);
    EXPECT_EQ(store->put_tenant(tenant("t", 11), {}, audit("no")).error().code, Code::conflict);
    const auto changed = store->put_tenant(tenant("t", 20), made->version, audit("tenant.replace"));
    ASSERT_TRUE(changed);
    EXPECT_GT(changed->version, made->version);
    EXPECT_EQ(store->put_tenant(tenant("t", 30), made->version, audit("no")).error().code,
              Code::conflict);
    EXPECT_EQ(store->put_tenant(tenant("u", 30), 5, audit("no")).error().code, Code::not_found);
    store.reset();
    store = open();
    EXPECT_EQ(*store->tenant("t"), *changed);
    EXPECT_EQ(store->remove_tenant("t", made->version, audit("no")).error().code, Code::conflict);
    ASSERT_TRUE(store->remove_tenant("t", changed->version, audit("tenant.remove", "t")));
    EXPECT_EQ(store->tenant("t").error().code, Code::not_found);
    const auto again = store->put_tenant(tenant("t", 1), {}, audit("tenant.create", "t"));
    EXPECT_GT(again->version, changed->version) << "an old entity tag never comes back";
    const auto records = *store->audit(std::nullopt, 10);
    ASSERT_EQ(records.size(), 4U);
    EXPECT_NE(records[1].before.find("\"requests\":20"), std::string::npos);
    EXPECT_EQ(records[1].after, "");
}

TEST_F(AccessStoreTest, what_an_issuer_said_last_is_kept) {
    const IssuerDocuments first{"https://idp", R"({"keys":[]})", "{}"};
    const IssuerDocuments second{"https://idp", R"({"keys":[1]})", ""};
    {
        const auto store = open();
        EXPECT_EQ(store->issuer_documents("https://idp").error().code, Code::not_found);
        ASSERT_TRUE(store->put_issuer_documents(first));
        ASSERT_TRUE(store->put_issuer_documents(second));
    }
    EXPECT_EQ(*open()->issuer_documents("https://idp"), second);
}

TEST_F(AccessStoreTest, assertion_keys_are_kept_in_their_order_and_never_told) {
    const keys::AssertionRing ring = {{"bb", std::string("\0secret", 7), 1}, {"aa", "x", 2}};
    {
        const auto store = open();
        EXPECT_TRUE(store->assertion_keys()->empty());
        ASSERT_TRUE(store->put_assertion_keys(ring, audit("assertion_key.add", "aa")));
    }
    const auto store = open();
    EXPECT_EQ(*store->assertion_keys(), ring);
    const auto record = store->audit(std::nullopt, 1)->at(0);
    EXPECT_EQ(record.after, R"({"keys":["bb","aa"]})");
}

TEST_F(AccessStoreTest, changes_of_another_process_are_noticed_and_own_ones_are_not) {
    const auto store = open();
    const auto other = open();
    const auto before = store->foreign_changes();
    ASSERT_TRUE(before);
    ASSERT_TRUE(store->add_token(token("own"), audit("token.create")));
    EXPECT_EQ(*store->foreign_changes(), *before);
    ASSERT_TRUE(other->add_token(token("foreign"), audit("token.create")));
    EXPECT_NE(*store->foreign_changes(), *before);
    EXPECT_EQ(store->tokens("", 10)->size(), 2U);
}

// Schema version 4 knew nothing of access.
TEST_F(AccessStoreTest, an_older_database_gets_the_tables) {
    open();
    {
        auto database = Database::open(path_);
        ASSERT_TRUE(database);
        ASSERT_TRUE((*database)->execute(kWithoutAccess));
    }
    const auto store = open();
    EXPECT_TRUE(store->add_token(token("u"), audit("token.create")));
    EXPECT_TRUE(store->tenants("", 1)->empty());
}

}  // namespace
}  // namespace mcpgw::store
