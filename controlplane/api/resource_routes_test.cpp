// Routes without a server: both collections, and what depends on the cluster that the gateway
// deploys to.
#include "controlplane/api/resource_routes.h"

#include <filesystem>

#include <gtest/gtest.h>
#include <unistd.h>

#include "controlplane/model/json.h"
#include "controlplane/store/sqlite_store.h"

namespace mcpgw::api {
namespace {

// Routes on a store of their own, with whatever services a test is about.
class RoutesTest : public testing::Test {
  protected:
    void open_routes(Services services) {
        std::string name = testing::TempDir() + "mcpgw_routes_XXXXXX";
        ASSERT_NE(::mkdtemp(name.data()), nullptr);
        directory_ = name;
        auto store = store::SqliteStore::open(directory_ + "/store.db");
        ASSERT_TRUE(store) << store.error().detail;
        store_ = std::move(*store);
        services.store = store_.get();
        services.observations = &observations_;
        routes_ = std::make_unique<ResourceRoutes>(std::move(services));
    }
    void TearDown() override {
        routes_.reset();
        store_.reset();
        std::filesystem::remove_all(directory_);
    }

    std::string directory_;
    std::unique_ptr<store::SqliteStore> store_;
    reconcile::Observations observations_;
    std::unique_ptr<ResourceRoutes> routes_;
};

class ClusterRoutesTest : public RoutesTest {
  protected:
    void SetUp() override {
        Services services;
        services.wake = [](std::string_view) {};
        services.runners.images = true;
        services.name_obstacle = [this](std::string_view adapter) -> std::optional<std::string> {
            ++questions_;
            if (adapter != "taken") return {};
            return "there is a StatefulSet taken";
        };
        open_routes(std::move(services));
    }
    Answer call(const std::string& method, const std::string& path, const std::string& members) {
        Call call;
        call.method = method;
        call.path = path;
        call.content_type = "application/json";
        call.body = "{" + members + "}";
        call.who.user_id = "alice";
        return routes_->answer(call);
    }
    Answer post(const std::string& members) { return call("POST", "/adapters", members); }

    int questions_ = 0;
};

constexpr const char* kOwnImage = R"(,"imageName":"a","imageVersion":"1")";

TEST_F(ClusterRoutesTest, a_name_that_is_taken_in_the_cluster_is_409_and_makes_no_row) {
    const Answer answer = post(std::string(R"("name":"taken")") + kOwnImage);
    EXPECT_EQ(answer.status, 409);
    EXPECT_NE(answer.body.find("there is a StatefulSet taken"), std::string::npos) << answer.body;
    EXPECT_FALSE(store_->get("taken").has_value());
    EXPECT_EQ(post(std::string(R"("name":"free")") + kOwnImage).status, 201);
}

TEST_F(ClusterRoutesTest, only_images_meet_the_names_of_the_cluster) {
    EXPECT_EQ(post(R"("name":"taken","url":"http://h/mcp")").status, 201);
    EXPECT_EQ(questions_, 0);
    EXPECT_EQ(call("PUT", "/adapters/taken", std::string(R"("name":"taken")") + kOwnImage).status,
              409);
    EXPECT_EQ(store_->get("taken")->url, "http://h/mcp");
}

TEST_F(ClusterRoutesTest, an_adapter_that_has_its_objects_is_changed_without_a_question) {
    ASSERT_EQ(post(std::string(R"("name":"free")") + kOwnImage).status, 201);
    questions_ = 0;
    EXPECT_EQ(call("PUT", "/adapters/free", std::string(R"("name":"free")") + kOwnImage).status,
              200);
    EXPECT_EQ(questions_, 0);
}

// Tools and adapters are the same routes under two paths.
class BothRoutesTest : public RoutesTest {
  protected:
    void SetUp() override {
        Services services;
        services.wake = [this](std::string_view woken) { woken_.emplace_back(woken); };
        services.logs = [](const model::Adapter& adapter, const deploy::LogQuery&,
                           const deploy::LogSink& sink) -> Result<> {
            static_cast<void>(sink("log of " + adapter.name + "\n"));
            return {};
        };
        open_routes(std::move(services));
    }
    // "GET /tools/x?limit=1" by somebody; "" is alice.
    Answer call(const std::string& line, const std::string& body = "",
                const std::string& user = "alice") {
        Call call;
        const std::size_t space = line.find(' ');
        const std::size_t question = std::min(line.find('?'), line.size());
        call.method = line.substr(0, space);
        call.path = line.substr(space + 1, question - space - 1);
        for (std::size_t at = question; at < line.size();) {
            const std::size_t end = std::min(line.find('&', at + 1), line.size());
            const std::string pair = line.substr(at + 1, end - at - 1);
            const std::size_t equals = pair.find('=');
            call.query.emplace_back(pair.substr(0, equals), pair.substr(equals + 1));
            at = end;
        }
        call.content_type = "application/json";
        call.body = body;
        call.who.user_id = user;
        return routes_->answer(call);
    }
    static std::string adapter(const std::string& name, const std::string& more = "") {
        return R"({"name":")" + name + R"(","command":["s"])" + more + "}";
    }
    static std::string tool(const std::string& name, const std::string& more = "") {
        return R"({"name":")" + name + R"(","command":["s"],"toolDefinition":{"tool":{"name":")" +
               name + R"(","inputSchema":{"type":"object"}},"port":9000})" + more + "}";
    }
    static std::string header(const Answer& answer, const std::string& name) {
        for (const auto& [key, value] : answer.headers)
            if (key == name) return value;
        return "";
    }
    static picojson::value tree(const Answer& answer) {
        auto parsed = model::parse_json(answer.body);
        EXPECT_TRUE(parsed) << answer.body;
        return parsed ? *parsed : picojson::value(picojson::object{});
    }
    static std::string names(const Answer& answer) {
        std::string text;
        const picojson::value list = tree(answer);
        for (const auto& item : list.get<picojson::array>())
            text += item.get("name").to_str();
        return text;
    }

    std::vector<std::string> woken_;
};

TEST_F(BothRoutesTest, a_tool_lives_as_an_adapter_does) {
    const Answer made = call("POST /tools", tool("x"));
    ASSERT_EQ(made.status, 201) << made.body;
    EXPECT_EQ(header(made, "Location"), "/tools/x");
    EXPECT_EQ(header(made, "ETag"), "\"" + tree(made).get("version").to_str() + "\"");
    EXPECT_EQ(tree(made).get("createdBy").to_str(), "alice");
    EXPECT_EQ(tree(made).get("toolDefinition").get("port").to_str(), "9000");
    EXPECT_EQ(tree(made).get("toolDefinition").get("path").to_str(), "/score");
    EXPECT_EQ(call("GET /tools/x").body, made.body);
    // What GET gave can be PUT, and a member that is left out is gone.
    EXPECT_EQ(call("PUT /tools/x", made.body).status, 200);
    EXPECT_EQ(call("PUT /tools/x", tool("x", R"(,"replicaCount":2)")).status, 200);
    EXPECT_EQ(store_->get("x")->replica_count, 2U);
    EXPECT_EQ(tree(call("GET /tools/x/status")).get("desiredReplicas").to_str(), "2");
    EXPECT_EQ(call("GET /tools/x/logs?tail=5").body, "log of x\n");
    EXPECT_EQ(call("DELETE /tools/x").status, 204);
    EXPECT_EQ(call("DELETE /tools/x").status, 404);
    EXPECT_EQ(woken_.size(), 4U);
    std::string actions;
    const auto records = store_->audit(std::nullopt, 10);
    for (const store::AuditRecord& record : *records)
        actions += record.action + " ";
    EXPECT_EQ(actions, "tool.remove tool.replace tool.replace tool.create ");
}

TEST_F(BothRoutesTest, each_is_found_in_its_own_collection_only) {
    ASSERT_EQ(call("POST /tools", tool("t")).status, 201);
    ASSERT_EQ(call("POST /adapters", adapter("a")).status, 201);
    EXPECT_EQ(names(call("GET /tools")), "t");
    EXPECT_EQ(names(call("GET /adapters")), "a");
    for (const char* path : {"/tools/a", "/adapters/t"}) {
        const std::string at = path;
        for (const std::string& line :
             {"GET " + at, "GET " + at + "/status", "GET " + at + "/logs", "DELETE " + at})
            EXPECT_EQ(call(line).status, 404) << line;
    }
    EXPECT_EQ(call("PUT /tools/a", tool("a")).status, 404);
    EXPECT_EQ(call("PUT /adapters/t", adapter("t")).status, 404);
    EXPECT_NE(call("GET /tools/a").body.find("there is no tool a"), std::string::npos);
    EXPECT_NE(call("GET /adapters/t").body.find("there is no adapter t"), std::string::npos);
    // What is not there at all is told in the same words, and so is what one may not read.
    EXPECT_EQ(call("GET /tools/b").body.size(), call("GET /tools/a").body.size());
    EXPECT_EQ(call("GET /tools/t", "", "bob").body, call("GET /tools/t", "", "eve").body);
    EXPECT_EQ(call("GET /toolsx").status, 404);
    EXPECT_EQ(call("GET /tools/").status, 200);
    EXPECT_EQ(call("GET /tools//status").status, 404);
    EXPECT_EQ(call("PATCH /tools/t").status, 405);
    EXPECT_EQ(call("POST /tools/t/logs").status, 405);
}

TEST_F(BothRoutesTest, a_name_is_that_of_one_kind) {
    ASSERT_EQ(call("POST /tools", tool("x")).status, 201);
    const Answer second = call("POST /adapters", adapter("x"));
    EXPECT_EQ(second.status, 409);
    EXPECT_NE(second.body.find("that of the tool x"), std::string::npos) << second.body;
    EXPECT_NE(call("POST /tools", tool("x")).body.find("there is a tool x already"),
              std::string::npos);
    ASSERT_EQ(call("DELETE /tools/x").status, 204);
    EXPECT_EQ(call("POST /adapters", adapter("x")).status, 201);
    EXPECT_EQ(call("POST /tools", tool("x")).status, 409);
}

TEST_F(BothRoutesTest, a_tool_needs_its_definition_and_an_adapter_must_not_have_one) {
    const Answer bare = call("POST /tools", adapter("x"));
    EXPECT_EQ(bare.status, 400);
    EXPECT_TRUE(tree(bare).get("errors").contains("toolDefinition")) << bare.body;
    const Answer dressed = call("POST /adapters", tool("x"));
    EXPECT_EQ(dressed.status, 400);
    EXPECT_TRUE(tree(dressed).get("errors").contains("toolDefinition")) << dressed.body;
    EXPECT_FALSE(store_->get("x").has_value());
}

TEST_F(BothRoutesTest, pages_link_within_their_collection) {
    for (const char* name : {"a", "c", "e"})
        ASSERT_EQ(call("POST /tools", tool(name)).status, 201);
    for (const char* name : {"b", "d"})
        ASSERT_EQ(call("POST /adapters", adapter(name)).status, 201);
    const Answer first = call("GET /tools?limit=2");
    EXPECT_EQ(names(first), "ac");
    const std::string link = header(first, "Link");
    ASSERT_TRUE(link.starts_with("</tools?limit=2&cursor=")) << link;
    const Answer rest = call("GET " + link.substr(1, link.find('>') - 1));
    EXPECT_EQ(names(rest), "e");
    EXPECT_EQ(header(rest, "Link"), "");
}

TEST_F(BothRoutesTest, parameters_that_nobody_knows_are_named) {
    ASSERT_EQ(call("POST /tools", tool("x")).status, 201);
    for (const char* line : {"GET /tools?limt=1", "GET /tools/x?limt=1", "POST /tools?limt=1",
                             "DELETE /tools/x?limt=1", "GET /tools/x/status?limt=1",
                             "GET /tools/x/logs?tail=1&limt=1"}) {
        const Answer answer = call(line, tool("y"));
        EXPECT_EQ(answer.status, 400) << line;
        EXPECT_TRUE(tree(answer).get("errors").contains("limt")) << line << answer.body;
    }
    const Answer twice = call("GET /tools/x/logs?tail=1&tail=2");
    EXPECT_EQ(twice.status, 400);
    EXPECT_TRUE(tree(twice).get("errors").contains("tail"));
    EXPECT_TRUE(store_->get("x").has_value());
    EXPECT_FALSE(store_->get("y").has_value());
}

TEST_F(BothRoutesTest, status_says_which_version_was_looked_at) {
    const std::string version = tree(call("POST /tools", tool("x"))).get("version").to_str();
    const auto status = [this](const char* member) {
        return tree(call("GET /tools/x/status")).get(member).to_str();
    };
    EXPECT_EQ(status("version"), version);
    EXPECT_EQ(status("observedVersion"), "0");
    observations_.note_row_version("x", std::stoull(version));
    EXPECT_EQ(status("observedVersion"), version);
}

}  // namespace
}  // namespace mcpgw::api
