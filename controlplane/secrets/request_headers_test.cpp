// Names of secrets become their values, or an obstacle in words.
#include "controlplane/secrets/request_headers.h"

#include <map>
#include <string>

#include <gtest/gtest.h>

#include "common/limits.h"

namespace mcpgw::secrets {
namespace {

class RequestHeadersTest : public testing::Test {
  protected:
    RequestHeadersTest()
        : store_({.directory = "/nonexistent/secrets",
                  .variable = [this](const char* name) -> const char* {
                      const auto found = variables_.find(name);
                      return found == variables_.end() ? nullptr : found->second.c_str();
                  },
                  .on_change = {}}) {}

    std::map<std::string, std::string> variables_;
    SecretStore store_;
    model::Adapter adapter_;
};

TEST_F(RequestHeadersTest, secrets_take_the_place_of_their_names) {
    variables_["MCP_GATEWAY_SECRET_KEY"] = "Bearer abc";
    adapter_.request_headers = {{"Authorization", {"key", true}}, {"X-Plain", {"as it is", false}}};
    const ResolvedHeaders resolved = resolve_headers(adapter_, store_);
    EXPECT_EQ(resolved.obstacle, "");
    EXPECT_EQ(resolved.headers,
              (std::map<std::string, model::HeaderValue>{{"Authorization", {"Bearer abc", false}},
                                                         {"X-Plain", {"as it is", false}}}));
}

TEST_F(RequestHeadersTest, a_missing_secret_is_an_obstacle_and_its_name_is_not_sent) {
    adapter_.request_headers = {{"Authorization", {"key", true}}, {"X-Plain", {"as it is", false}}};
    const ResolvedHeaders resolved = resolve_headers(adapter_, store_);
    EXPECT_TRUE(resolved.obstacle.starts_with("secret key is missing")) << resolved.obstacle;
    EXPECT_FALSE(resolved.headers.contains("Authorization"));
    EXPECT_TRUE(resolved.headers.contains("X-Plain"));
}

// It would be refused with all other changes.
TEST_F(RequestHeadersTest, more_than_a_snapshot_may_hold_is_an_obstacle) {
    variables_["MCP_GATEWAY_SECRET_LONG"] = std::string(limits::secret_bytes_max, 'a');
    adapter_.request_headers = {{"A", {"long", true}}};
    EXPECT_EQ(resolve_headers(adapter_, store_).obstacle, "");
    adapter_.request_headers["B"] = {"long", true};
    const ResolvedHeaders resolved = resolve_headers(adapter_, store_);
    EXPECT_EQ(resolved.obstacle,
              "requestHeaders, with their secrets, must have at most 8 KiB in all");
    EXPECT_TRUE(resolved.headers.empty());
}

}  // namespace
}  // namespace mcpgw::secrets
