// Routes without a server: what depends on the cluster that the gateway deploys to.
#include "controlplane/api/adapter_routes.h"

#include <filesystem>

#include <gtest/gtest.h>
#include <unistd.h>

#include "controlplane/store/sqlite_store.h"

namespace mcpgw::api {
namespace {

class ClusterRoutesTest : public testing::Test {
  protected:
    void SetUp() override {
        std::string name = testing::TempDir() + "mcpgw_routes_XXXXXX";
        ASSERT_NE(::mkdtemp(name.data()), nullptr);
        directory_ = name;
        auto store = store::SqliteStore::open(directory_ + "/store.db");
        ASSERT_TRUE(store) << store.error().detail;
        store_ = std::move(*store);
        Services services;
        services.store = store_.get();
        services.observations = &observations_;
        services.wake = [](std::string_view) {};
        services.runners.images = true;
        services.name_obstacle = [this](std::string_view adapter) -> std::optional<std::string> {
            ++questions_;
            if (adapter != "taken") return {};
            return "there is a StatefulSet taken";
        };
        routes_ = std::make_unique<AdapterRoutes>(std::move(services));
    }
    void TearDown() override {
        routes_.reset();
        store_.reset();
        std::filesystem::remove_all(directory_);
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

    std::string directory_;
    std::unique_ptr<store::SqliteStore> store_;
    reconcile::Observations observations_;
    std::unique_ptr<AdapterRoutes> routes_;
    int questions_ = 0;
};

constexpr const char* kImage = R"(,"imageName":"a","imageVersion":"1")";

TEST_F(ClusterRoutesTest, a_name_that_is_taken_in_the_cluster_is_409_and_makes_no_row) {
    const Answer answer = post(std::string(R"("name":"taken")") + kImage);
    EXPECT_EQ(answer.status, 409);
    EXPECT_NE(answer.body.find("there is a StatefulSet taken"), std::string::npos) << answer.body;
    EXPECT_FALSE(store_->get("taken").has_value());
    EXPECT_EQ(post(std::string(R"("name":"free")") + kImage).status, 201);
}

TEST_F(ClusterRoutesTest, only_images_meet_the_names_of_the_cluster) {
    EXPECT_EQ(post(R"("name":"taken","url":"http://h/mcp")").status, 201);
    EXPECT_EQ(questions_, 0);
    EXPECT_EQ(call("PUT", "/adapters/taken", std::string(R"("name":"taken")") + kImage).status,
              409);
    EXPECT_EQ(store_->get("taken")->url, "http://h/mcp");
}

TEST_F(ClusterRoutesTest, an_adapter_that_has_its_objects_is_changed_without_a_question) {
    ASSERT_EQ(post(std::string(R"("name":"free")") + kImage).status, 201);
    questions_ = 0;
    EXPECT_EQ(call("PUT", "/adapters/free", std::string(R"("name":"free")") + kImage).status, 200);
    EXPECT_EQ(questions_, 0);
}

}  // namespace
}  // namespace mcpgw::api
