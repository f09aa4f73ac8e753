// Precedence and mistakes of flags, environment and file.
#include "controlplane/options.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <unistd.h>

namespace mcpgw {
namespace {

OptionsOutcome read(std::vector<const char*> arguments) {
    arguments.insert(arguments.begin(), "mcp-gateway-controlplane");
    return read_options(static_cast<int>(arguments.size()), arguments.data());
}

class Variable {
  public:
    Variable(const char* name, const std::string& value) : name_(name) {
        ::setenv(name, value.c_str(), 1);
    }
    Variable(const Variable&) = delete;
    Variable& operator=(const Variable&) = delete;
    ~Variable() { ::unsetenv(name_); }

  private:
    const char* name_;
};

class OptionsTest : public testing::Test {
  protected:
    void TearDown() override { std::filesystem::remove(file_); }
    const char* file(const std::string& text) {
        std::string name = testing::TempDir() + "mcpgw_options_XXXXXX";
        ::close(::mkstemp(name.data()));
        std::ofstream(name) << text;
        file_ = name;
        return file_.c_str();
    }
    std::string file_;
};

TEST_F(OptionsTest, the_data_directory_decides_where_the_sockets_are) {
    const auto outcome = read({"--data-dir", "/d"});
    ASSERT_TRUE(outcome.runs) << outcome.text;
    EXPECT_EQ(outcome.options.contract_socket, "/d/contract.sock");
    EXPECT_EQ(outcome.options.api_socket, "/d/api.sock");
    EXPECT_EQ(outcome.options.admin_role, "mcp.admin");
    EXPECT_EQ(outcome.options.lifeline_fd, -1);
    EXPECT_EQ(read({"--data-dir", "/d", "--api-socket=/s"}).options.api_socket, "/s");
}

TEST_F(OptionsTest, the_time_to_drain_has_a_range) {
    EXPECT_EQ(read({"--data-dir", "/d"}).options.drain_seconds, 30U);
    EXPECT_EQ(read({"--data-dir", "/d", "--drain-seconds", "0"}).options.drain_seconds, 0U);
    EXPECT_EQ(read({"--data-dir", "/d", "--drain-seconds", "86400"}).options.drain_seconds, 86400U);
    for (const char* wrong : {"86401", "-1", "soon", ""})
        EXPECT_FALSE(read({"--data-dir", "/d", "--drain-seconds", wrong}).runs) << wrong;
    const Variable variable("MCP_GATEWAY_DRAIN_SECONDS", "7");
    EXPECT_EQ(read({"--data-dir", "/d"}).options.drain_seconds, 7U);
}

TEST_F(OptionsTest, flag_beats_environment_beats_file_beats_default) {
    const char* path = file("admin-role = 'file'\ndata-dir = '/file'\ncreate-roles = ['a', 'b']\n");
    const auto from_file = read({"--config", path});
    ASSERT_TRUE(from_file.runs) << from_file.text;
    EXPECT_EQ(from_file.options.admin_role, "file");
    EXPECT_EQ(from_file.options.data_dir, "/file");
    EXPECT_EQ(from_file.options.create_roles, (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(from_file.options.log_format, "json");

    const Variable role("MCP_GATEWAY_ADMIN_ROLE", "environment");
    const Variable roles("MCP_GATEWAY_CREATE_ROLES", "c,d");
    const auto from_environment = read({"--config", path});
    EXPECT_EQ(from_environment.options.admin_role, "environment");
    EXPECT_EQ(from_environment.options.create_roles, (std::vector<std::string>{"c", "d"}));
    EXPECT_EQ(from_environment.options.data_dir, "/file");
    EXPECT_EQ(read({"--config", path, "--admin-role", "flag"}).options.admin_role, "flag");

    const Variable config("MCP_GATEWAY_CONFIG", path);
    EXPECT_EQ(read({}).options.data_dir, "/file");
}

TEST_F(OptionsTest, a_mistake_in_the_file_is_told_with_file_line_and_key) {
    const std::pair<const char*, const char*> cases[] = {
        {"data-dir = '/d'\n\ncolour = 'red'\n", ", line 3: unknown key colour"},
        {"data-dir = '/d'\nlog-level = 'loud'\n", ", line 2: the value of log-level is wrong"},
        {"deployer = 'docker'\n", ", line 1: the value of deployer is wrong"},
        {"admin-role = ['a', 'b']\n", ", line 1: the value of admin-role is wrong"},
        {"config = 'other'\n", ", line 1: unknown key config"},
        {"help = true\n", ", line 1: unknown key help"},
        {"data-dir '/d'\n", ", line 1: the key data-dir needs '='"},
    };
    for (const auto& [text, complaint] : cases) {
        const std::string path = file(text);
        const auto outcome = read({"--config", path.c_str(), "--data-dir", "/d"});
        EXPECT_FALSE(outcome.runs) << text;
        EXPECT_EQ(outcome.exit_code, 2);
        EXPECT_NE(outcome.text.find(path + complaint), std::string::npos) << outcome.text;
        std::filesystem::remove(path);
    }
    EXPECT_EQ(read({"--config", "/nonexistent", "--data-dir", "/d"}).exit_code, 2);
}

TEST_F(OptionsTest, wrong_usage_is_exit_code_2_with_a_sentence) {
    const std::vector<std::vector<const char*>> cases = {
        {},
        {"--data-dir"},
        {"--data-dir", ""},
        {"--data-dir", "/d", "--log-format", "xml"},
        {"--data-dir", "/d", "--session-keys", ""},
        {"--data-dir", "/d", "--session-key-days", "0"},
        {"--data-dir", "/d", "--session-key-days", "366"},
        {"--data-dir", "/d", "--unheard-of", "f"},
        {"--data-dir", "/d", "extra"},
        {"--data-dir", "/d", "--deployer", "docker"},
        {"--data-dir", "/d", "--systemd-scope", "session"},
        {"--data-dir", "/d", "--namespace", "a.b"},
        {"--data-dir", "/d", "--namespace", ""},
        {"--data-dir", "/d", "--registry", "http://r.example"},
        {"--data-dir", "/d", "--registry", "r.example/"},
        {"--data-dir", "/d", "--pod-user", "0"},
        {"--data-dir", "/d", "--image-pull-secret", "A"},
        {"--data-dir", "/d", "--kubeconfig", "/nonexistent"},
        {"--data-dir", "/d", "--workload-identity-service-account", "-"},
        {"--data-dir", "/d", "--oidc-issuer", "http://idp.example"},
        {"--data-dir", "/d", "--oidc-issuer", "https://i", "--oidc-issuer", "https://i"},
        {"--data-dir", "/d", "--oidc-ca", ""},
        {"--data-dir", "/d", "--oidc-audience", "a b"},
        {"--data-dir", "/d", "--oidc-scopes", "a\"b"},
        {"--data-dir", "/d", "--user-claim", ""},
        {"--data-dir", "/d", "--clock-skew-seconds", "601"},
    };
    for (const auto& arguments : cases) {
        const auto outcome = read(arguments);
        EXPECT_FALSE(outcome.runs);
        EXPECT_EQ(outcome.exit_code, 2);
        EXPECT_TRUE(outcome.text.starts_with("mcp-gateway-controlplane: ")) << outcome.text;
    }
    const Variable level("MCP_GATEWAY_LOG_LEVEL", "loud");
    EXPECT_EQ(read({"--data-dir", "/d"}).exit_code, 2);
}

TEST_F(OptionsTest, the_deployer_and_its_systemd_can_be_chosen) {
    EXPECT_EQ(read({"--data-dir", "/d"}).options.deployer, "process");
    EXPECT_EQ(read({"--data-dir", "/d"}).options.systemd_scope, "auto");
    const Variable deployer("MCP_GATEWAY_DEPLOYER", "systemd");
    const auto outcome = read({"--data-dir", "/d", "--systemd-scope", "user"});
    EXPECT_TRUE(outcome.runs);
    EXPECT_EQ(outcome.options.deployer, "systemd");
    EXPECT_EQ(outcome.options.systemd_scope, "user");
}

TEST_F(OptionsTest, a_cluster_is_described_by_flags_environment_or_file) {
    const Options defaults = read({"--data-dir", "/d", "--deployer", "kubernetes"}).options;
    EXPECT_EQ(defaults.deployer, "kubernetes");
    EXPECT_EQ(defaults.kubernetes_namespace, "adapter");
    EXPECT_EQ(defaults.pod_user, 1100U);
    const char* path = file(
        "deployer = 'kubernetes'\nnamespace = 'servers'\nregistry = 'r.example:5000/mcp'\n"
        "pod-user = 2000\nimage-pull-secret = ['a', 'b.c']\n"
        "workload-identity-service-account = 'workload'\n");
    const Variable secrets("MCP_GATEWAY_POD_USER", "3000");
    const auto outcome = read({"--config", path, "--data-dir", "/d", "--kubeconfig", path,
                               "--registry", "other.example"});
    ASSERT_TRUE(outcome.runs) << outcome.text;
    EXPECT_EQ(outcome.options.kubernetes_namespace, "servers");
    EXPECT_EQ(outcome.options.registry, "other.example");
    EXPECT_EQ(outcome.options.pod_user, 3000U);
    EXPECT_EQ(outcome.options.image_pull_secrets, (std::vector<std::string>{"a", "b.c"}));
    EXPECT_EQ(outcome.options.workload_identity_service_account, "workload");
    EXPECT_EQ(outcome.options.kubeconfig, path);
}

TEST_F(OptionsTest, identity_comes_from_flags_environment_or_file) {
    const Options defaults = read({"--data-dir", "/d"}).options;
    EXPECT_TRUE(defaults.oidc_issuers.empty());
    EXPECT_EQ(defaults.access, contract::Access{});
    EXPECT_FALSE(defaults.oidc_metadata);
    EXPECT_EQ(defaults.oidc_ca, "");
    const char* path = file(
        "oidc-issuer = ['https://a.example/', 'http://localhost:9/b']\noidc-metadata = true\n"
        "oidc-audience = ['x', 'api://y']\noidc-resource = 'api://y'\noidc-ca = '/ca'\n"
        "roles-claim = ['wids', 'a.b']\nclock-skew-seconds = 0\n");
    const Variable scopes("MCP_GATEWAY_OIDC_SCOPES", "openid,api://y/.default");
    const auto outcome = read({"--config", path, "--data-dir", "/d", "--user-claim", "oid",
                               "--user-claim", "sub", "--tenant-claim", "tenant"});
    ASSERT_TRUE(outcome.runs) << outcome.text;
    const Options& options = outcome.options;
    using Words = std::vector<std::string>;
    EXPECT_EQ(options.oidc_issuers, (Words{"https://a.example/", "http://localhost:9/b"}));
    EXPECT_TRUE(options.oidc_metadata);
    EXPECT_EQ(options.oidc_ca, "/ca");
    EXPECT_EQ(options.access.audiences, (Words{"x", "api://y"}));
    EXPECT_EQ(options.access.scopes, (Words{"openid", "api://y/.default"}));
    EXPECT_EQ(options.access.resource, "api://y");
    EXPECT_EQ(options.access.claims.user, (Words{"oid", "sub"})) << "defaults are replaced";
    EXPECT_EQ(options.access.claims.roles, (Words{"wids", "a.b"}));
    EXPECT_EQ(options.access.claims.tenant, Words{"tenant"});
    EXPECT_EQ(options.access.claims.scopes, contract::ClaimNames{}.scopes);
    EXPECT_EQ(options.access.clock_skew_seconds, 0U);
    EXPECT_TRUE(read({"--data-dir", "/d", "--oidc-metadata"}).options.oidc_metadata);
    const Variable metadata("MCP_GATEWAY_OIDC_METADATA", "true");
    EXPECT_TRUE(read({"--data-dir", "/d"}).options.oidc_metadata);
}

TEST_F(OptionsTest, session_keys_come_from_flag_environment_or_the_store) {
    EXPECT_EQ(read({"--data-dir", "/d"}).options.session_keys, "");
    EXPECT_EQ(read({"--data-dir", "/d"}).options.session_key_days, 7U);
    const Variable file("MCP_GATEWAY_SESSION_KEYS", "/etc/keys.json");
    const Variable days("MCP_GATEWAY_SESSION_KEY_DAYS", "30");
    EXPECT_EQ(read({"--data-dir", "/d"}).options.session_keys, "/etc/keys.json");
    EXPECT_EQ(read({"--data-dir", "/d"}).options.session_key_days, 30U);
    EXPECT_EQ(read({"--data-dir", "/d", "--session-keys", "k"}).options.session_keys, "k");
}

TEST_F(OptionsTest, help_and_version_are_no_mistakes) {
    for (const char* flag : {"--help", "--version"}) {
        const auto outcome = read({flag});
        EXPECT_FALSE(outcome.runs);
        EXPECT_EQ(outcome.exit_code, 0);
        EXPECT_NE(outcome.text.find("mcp-gateway-controlplane"), std::string::npos);
    }
}

TEST_F(OptionsTest, the_lifeline_is_an_open_descriptor) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    {
        const Variable line("MCP_GATEWAY_LIFELINE_FD", std::to_string(ends[0]));
        EXPECT_EQ(read({"--data-dir", "/d"}).options.lifeline_fd, ends[0]);
    }
    ::close(ends[0]);
    ::close(ends[1]);
    for (const std::string& text : {std::to_string(ends[0]), std::string("x"), std::string("-1"),
                                    std::string("3x"), std::string("99999999999")}) {
        const Variable line("MCP_GATEWAY_LIFELINE_FD", text);
        const auto outcome = read({"--data-dir", "/d"});
        EXPECT_EQ(outcome.exit_code, 2) << text;
        EXPECT_NE(outcome.text.find("MCP_GATEWAY_LIFELINE_FD"), std::string::npos);
    }
}

}  // namespace
}  // namespace mcpgw
