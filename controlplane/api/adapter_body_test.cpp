// What a gateway can run, by what it has to run it with.
#include "controlplane/api/adapter_body.h"

#include <gtest/gtest.h>

namespace mcpgw::api {
namespace {

constexpr Runners kLocal;
constexpr Runners kCluster{.images = true, .commands = false, .workload_identity = false};

// 0: it can be run.
int refusal(const std::string& members, const Runners& runners, std::string_view about = "",
            model::Kind kind = model::Kind::adapter) {
    Call call;
    call.content_type = "application/json";
    call.body = "{" + members + "}";
    const auto adapter = read_body(call, runners, kind);
    if (adapter) return 0;
    EXPECT_NE(adapter.error().body.find(about), std::string::npos) << adapter.error().body;
    return adapter.error().status;
}

constexpr const char* kImage = R"("imageName":"a/b","imageVersion":"1")";

TEST(AdapterBody, an_image_needs_a_cluster_and_a_command_needs_none) {
    const std::string image = std::string(R"("name":"x",)") + kImage;
    EXPECT_EQ(refusal(image, kLocal, "kubernetes deployer"), 422);
    EXPECT_EQ(refusal(image, kCluster), 0);
    EXPECT_EQ(refusal(R"("name":"x","command":["y"])", kLocal), 0);
    EXPECT_EQ(refusal(R"("name":"x","command":["y"])", kCluster, "process deployer"), 422);
    EXPECT_EQ(refusal(R"("name":"x","url":"http://h/mcp")", kCluster), 0);
}

TEST(AdapterBody, a_service_must_be_able_to_bear_the_name_of_an_image) {
    EXPECT_EQ(refusal(std::string(R"("name":"3d",)") + kImage, kCluster, "letter"), 422);
    EXPECT_EQ(refusal(R"("name":"3d","command":["y"])", kLocal), 0);
}

TEST(AdapterBody, an_image_serves_http) {
    EXPECT_EQ(
        refusal(std::string(R"("name":"x","transport":"stdio",)") + kImage, kCluster, "bridge"),
        422);
}

TEST(AdapterBody, workload_identity_needs_a_service_account) {
    const std::string image = std::string(R"("name":"x","useWorkloadIdentity":true,)") + kImage;
    EXPECT_EQ(refusal(image, kCluster, "service account"), 422);
    Runners with_account = kCluster;
    with_account.workload_identity = true;
    EXPECT_EQ(refusal(image, with_account), 0);
}

TEST(AdapterBody, a_tool_runs_where_an_adapter_does) {
    const std::string definition =
        R"("name":"x","toolDefinition":{"tool":{"name":"x","inputSchema":{"type":"object"}}},)";
    const auto kTool = model::Kind::tool;
    EXPECT_EQ(refusal(definition + R"("command":["y"])", kLocal, "", kTool), 0);
    EXPECT_EQ(refusal(definition + kImage, kLocal, "kubernetes deployer", kTool), 422);
    EXPECT_EQ(refusal(definition + kImage, kCluster, "", kTool), 0);
    EXPECT_EQ(refusal(R"("name":"x","command":["y"])", kLocal, "the tool breaks a rule", kTool),
              400);
}

// The status says what is missing.
TEST(AdapterBody, what_only_cannot_be_ready_yet_is_taken) {
    EXPECT_EQ(refusal(R"("name":"x","url":"https://h/mcp")", kLocal), 0);
    EXPECT_EQ(refusal(R"("name":"x","url":"wss://h/mcp")", kLocal, "http:// or https://"), 400);
    const std::string url = R"("name":"x","url":"http://h/mcp","requestHeaders":)";
    EXPECT_EQ(refusal(url + R"({"A":{"secret":"key"}})", kLocal), 0);
}

// It is the name of a file.
TEST(AdapterBody, a_secret_has_a_name_that_cannot_lead_elsewhere) {
    const std::string url = R"("name":"x","url":"http://h/mcp","requestHeaders":)";
    for (const char* name : {"", "..", ".hidden", "a/b", "a b", "-a"})
        EXPECT_EQ(refusal(url + R"({"A":{"secret":")" + name + R"("}})", kLocal, "A.secret"), 400)
            << name;
    EXPECT_EQ(refusal(url + R"({"A":{"secret":")" + std::string(64, 'a') + R"("}})", kLocal), 400);
    EXPECT_EQ(refusal(url + R"({"A":{"secret":")" + std::string(63, 'a') + R"("}})", kLocal), 0);
}

}  // namespace
}  // namespace mcpgw::api
