// What audit records tell of a change, and what they must never tell; and that they stay.
#include "controlplane/store/audit_documents.h"

#include "common/limits.h"
#include "controlplane/model/json.h"
#include "controlplane/store/store_fixture.h"

namespace mcpgw::store {
namespace {

class AuditDocumentsTest : public StoreFolderTest {
  protected:
    static picojson::value json(const std::string& text) {
        const auto tree = model::parse_json(text);
        EXPECT_TRUE(tree) << text;
        return tree ? *tree : picojson::value();
    }
    static std::string variable(const std::string& document, const std::string& name) {
        return json(document).get("environmentVariables").get(name).to_str();
    }
    static model::Adapter with_values() {
        model::Adapter result = adapter("x");
        result.environment_variables = {{"KEPT", "s3cret-1"}, {"TURNED", "s3cret-2"}};
        result.request_headers = {{"Authorization", {"Bearer s3cret-3", false}},
                                  {"X-Key", {"the-name", true}}};
        return result;
    }
};

TEST_F(AuditDocumentsTest, a_hidden_value_that_changed_is_seen_to_have_changed) {
    const model::Adapter before = with_values();
    model::Adapter after = before;
    after.environment_variables["TURNED"] = "s3cret-4";
    after.environment_variables["ADDED"] = "s3cret-5";
    after.request_headers["Authorization"].text = "Bearer s3cret-6";
    const AuditDocuments documents = audit_documents(&before, &after);
    for (const std::string* text : {&documents.before, &documents.after})
        EXPECT_EQ(text->find("s3cret"), std::string::npos) << *text;
    EXPECT_EQ(variable(documents.before, "TURNED"), "***");
    EXPECT_EQ(variable(documents.after, "KEPT"), "***");
    EXPECT_EQ(variable(documents.after, "TURNED"), "*** (changed)");
    EXPECT_EQ(variable(documents.after, "ADDED"), "***");
    const picojson::value headers = json(documents.after).get("requestHeaders");
    EXPECT_EQ(headers.get("Authorization").to_str(), "*** (changed)");
    EXPECT_EQ(headers.get("X-Key").get("secret").to_str(), "the-name");
}

TEST_F(AuditDocumentsTest, a_value_that_becomes_a_secret_and_back_is_told_without_the_value) {
    const model::Adapter literal = with_values();
    model::Adapter named = literal;
    named.request_headers["Authorization"] = {"token", true};
    const AuditDocuments there = audit_documents(&literal, &named);
    EXPECT_EQ(json(there.after).get("requestHeaders").get("Authorization").get("secret").to_str(),
              "token");
    const AuditDocuments back = audit_documents(&named, &literal);
    EXPECT_EQ(json(back.after).get("requestHeaders").get("Authorization").to_str(),
              "*** (changed)");
}

TEST_F(AuditDocumentsTest, every_change_is_recorded_with_what_was_before_and_after) {
    const auto store = open();
    const auto made = store->create(with_values(), audit("adapter.create"));
    ASSERT_TRUE(made);
    model::Adapter changed = *made;
    changed.replica_count = 7;
    const auto replaced = store->replace(changed, made->version, audit("adapter.replace"));
    ASSERT_TRUE(replaced);
    ASSERT_TRUE(store->remove("x", replaced->version, audit("adapter.remove")));
    const auto records = *store->audit(std::nullopt, 10);
    ASSERT_EQ(records.size(), 3U);
    const auto replicas = [](const std::string& document) {
        return document.empty() ? -1.0 : json(document).get("replicaCount").get<double>();
    };
    EXPECT_EQ(replicas(records[2].before), -1);
    EXPECT_EQ(replicas(records[2].after), 1);
    EXPECT_EQ(replicas(records[1].before), 1);
    EXPECT_EQ(replicas(records[1].after), 7);
    EXPECT_EQ(replicas(records[0].before), 7);
    EXPECT_EQ(replicas(records[0].after), -1);
}

TEST_F(AuditDocumentsTest, the_definition_of_a_tool_is_told_as_it_was_given) {
    const auto store = open();
    model::Adapter tool = with_values();
    tool.path = "/score";
    const std::string given = R"({"name":"x","inputSchema":{"type":"object"}})";
    tool.tool_definition = model::ToolDefinition{given, 8000, "/score"};
    ASSERT_TRUE(store->create(tool, audit("tool.create")));
    const AuditRecord record = store->audit(std::nullopt, 1)->at(0);
    EXPECT_NE(record.after.find(given), std::string::npos) << record.after;
    EXPECT_EQ(record.after.find("s3cret"), std::string::npos) << record.after;
}

TEST_F(AuditDocumentsTest, a_rotation_tells_the_ids_of_the_keys_and_no_key) {
    const auto store = open();
    keys::KeyRing ring = *store->sealing_keys();
    const std::string first = ring.front().id;
    ring.push_back({"fresh", std::string(32, 'k'), 1, 2});
    ASSERT_TRUE(store->put_sealing_keys(ring, audit("session_key.add")));
    const AuditRecord record = store->audit(std::nullopt, 1)->at(0);
    EXPECT_EQ(record.before, R"({"keys":[")" + first + R"("]})");
    EXPECT_EQ(record.after, R"({"keys":[")" + first + R"(","fresh"]})");
}

TEST_F(AuditDocumentsTest, records_are_found_by_resource_and_actor) {
    const auto store = open();
    for (const char* actor : {"alice", "bob"})
        for (const char* resource : {"x", "y"})
            ASSERT_TRUE(store->append_audit({0, 1, actor, "a", resource, ""}));
    EXPECT_EQ(store->audit(std::nullopt, 10, {})->size(), 4U);
    EXPECT_EQ(store->audit(std::nullopt, 10, {.resource = "y"})->size(), 2U);
    EXPECT_EQ(store->audit(std::nullopt, 10, {.actor = "bob"})->size(), 2U);
    const auto both = store->audit(std::nullopt, 10, {.resource = "x", .actor = "bob"});
    ASSERT_EQ(both->size(), 1U);
    EXPECT_EQ(both->at(0).id, 3U);
    EXPECT_TRUE(store->audit(std::nullopt, 10, {.resource = "z"})->empty());
}

TEST_F(AuditDocumentsTest, nobody_changes_or_removes_a_record) {
    {
        const auto store = open();
        for (int i = 0; i < 3; ++i)
            ASSERT_TRUE(store->append_audit(audit("kept")));
    }
    auto database = Database::open(path_);
    ASSERT_TRUE(database);
    for (const char* sql : {"UPDATE audit SET actor = 'mallory'", "DELETE FROM audit WHERE id = 1",
                            "DELETE FROM audit WHERE id = 3", "DELETE FROM audit"})
        EXPECT_FALSE((*database)->execute(sql)) << sql;
    database->reset();
    EXPECT_EQ(open()->audit(std::nullopt, 10)->size(), 3U);
}

// The bound is moved near instead of writing 256 MiB: the store goes by what it has counted.
TEST_F(AuditDocumentsTest, the_oldest_records_go_when_their_texts_are_too_much) {
    auto store = open();
    for (int i = 0; i < 10; ++i)
        ASSERT_TRUE(store->append_audit({0, 1, "alice", "a", "x", std::string(936 - 6 - 64, 'd')}));
    store.reset();
    {
        auto database = Database::open(path_);
        ASSERT_TRUE(database);
        const std::string sql = "UPDATE meta SET value = value + " +
                                std::to_string(limits::audit_bytes_max - 10 * 936) +
                                " WHERE key = 'audit_bytes'";
        ASSERT_TRUE((*database)->execute(sql.c_str()));
    }
    store = open();
    ASSERT_TRUE(store->append_audit({0, 1, "alice", "a", "x", std::string(1000, 'd')}));
    const auto left = *store->audit(std::nullopt, 100);
    ASSERT_EQ(left.size(), 9U);  // two of 936 bytes make room for one of a thousand and some
    EXPECT_EQ(left.back().id, 3U);
    ASSERT_TRUE(store->append_audit(audit("small")));
    EXPECT_EQ(store->audit(std::nullopt, 100)->back().id, 3U);
}

TEST_F(AuditDocumentsTest, a_page_of_large_documents_ends_early) {
    const auto store = open();
    const std::string megabyte(1024 * 1024, 'd');
    model::Adapter large = adapter("x");
    large.command = {megabyte};
    for (int i = 0; i < 10; ++i) {
        large.name = "x" + std::to_string(i);
        ASSERT_TRUE(store->create(large, audit("adapter.create")));
    }
    const auto page = *store->audit(std::nullopt, 100);
    EXPECT_GE(page.size(), 4U);
    EXPECT_LT(page.size(), 10U);
}

}  // namespace
}  // namespace mcpgw::store
