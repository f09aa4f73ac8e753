// Settings of `up`: who wins, what is refused, and where the sentence says it stands.
#include "tools/gateway/up_options.h"

#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace mcpgw::cli {
namespace {

using Problems = std::vector<std::string>;

SettingSources config(std::string text) {
    SettingSources sources;
    sources.config_path = "gateway.toml";
    sources.config_text = std::move(text);
    return sources;
}

Problems problems_of(const SettingSources& sources) {
    const auto options = resolve_up_options(sources);
    return options ? Problems{} : options.error();
}

TEST(UpOptions, defaults_need_nothing) {
    const auto options = resolve_up_options({});
    ASSERT_TRUE(options.has_value());
    EXPECT_EQ(to_text(options->listen), "127.0.0.1:8000");
    EXPECT_EQ(to_text(options->admin_listen), "127.0.0.1:8001");
    EXPECT_EQ(options->drain_seconds, 30U);
    EXPECT_FALSE(options->max_connections.has_value());
}

TEST(UpOptions, flag_beats_variable_beats_file_beats_default) {
    SettingSources sources = config("workers = 1\ndrain-seconds = 5\nmax-connections = 9\n");
    sources.variables["MCP_GATEWAY_WORKERS"] = "2";
    sources.variables["MCP_GATEWAY_DRAIN_SECONDS"] = "6";
    sources.variables["MCP_GATEWAY_MAX_CONNECTIONS"] = "";  // says nothing
    sources.flags["workers"] = {"3"};
    const auto options = resolve_up_options(sources);
    ASSERT_TRUE(options.has_value());
    EXPECT_EQ(options->workers, 3U);
    EXPECT_EQ(options->drain_seconds, 6U);
    EXPECT_EQ(options->max_connections, 9U);
}

// Every setting that there is.
const std::string kEverySetting =
    "listen = \"[::1]:9000\"\nadmin-listen = \"127.0.0.2:0\"\ndata-dir = \"/d\"\n"
    "public-origin = \"https://gw.example\"\ntrusted-proxies = [\"::1\", \"10.0.0.0/8\"]\n"
    "workers = 4\nauth = \"dev\"\ndev-auth-on-any-address = true\ndeployer = \"kubernetes\"\n"
    "systemd-scope = \"user\"\n"
    "kubeconfig = \"/k\"\nnamespace = \"servers\"\nregistry = \"r.example:5000/mcp\"\n"
    "pod-user = 2000\nimage-pull-secret = [\"a\", \"b\"]\n"
    "workload-identity-service-account = \"workload\"\n"
    "oidc-issuer = \"https://i\"\noidc-ca = \"/ca\"\noidc-audience = \"a\"\noidc-scopes = [\"s\", "
    "\"t\"]\n"
    "oidc-resource = \"r\"\noidc-metadata = true\nuser-claim = \"u\"\nname-claim = \"n\"\n"
    "roles-claim = \"g\"\ntenant-claim = \"d\"\nscopes-claim = \"c\"\n"
    "clock-skew-seconds = 0\n"
    "admin-role = \"boss\"\ncreate-roles = [\"maker\"]\nworkload-identity-roles = \"w\"\n"
    "import = [\"a.json\", \"b.json\"]\nsession-keys = \"/k\"\nsession-key-days = 30\n"
    "drain-seconds = 0\nmax-connections = 10\nmax-connections-per-address = 7\n"
    "max-sessions = 2000\nmax-sessions-per-user = 8\nhead-timeout-ms = 1\n"
    "body-idle-timeout-ms = 2\n"
    "client-idle-timeout-ms = 3\nsend-stall-timeout-ms = 4\nlinger-timeout-ms = 5\npoll-us = "
    "50\naudit-log-max-bytes = 65536\naudit-log-files = 3\naudit-log = \"/a\"\n"
    "max-head-bytes = 2048\nmax-body-bytes = 4096\nlog-format = \"json\"\n"
    "log-level = \"debug\"\nallowed-hosts = [\"a.example\", \"b.example:8000\"]\n"
    "allowed-origins = \"https://a.example\"\n";
// What the planes are told of it as flags.
const std::vector<std::pair<std::string, std::string>> kFlagsOfControlPlane{
    {"kubeconfig", "/k"},
    {"namespace", "servers"},
    {"registry", "r.example:5000/mcp"},
    {"pod-user", "2000"},
    {"image-pull-secret", "a"},
    {"image-pull-secret", "b"},
    {"workload-identity-service-account", "workload"},
    {"oidc-issuer", "https://i"},
    {"oidc-ca", "/ca"},
    {"oidc-audience", "a"},
    {"oidc-scopes", "s"},
    {"oidc-scopes", "t"},
    {"oidc-resource", "r"},
    {"oidc-metadata", "true"},
    {"user-claim", "u"},
    {"name-claim", "n"},
    {"roles-claim", "g"},
    {"tenant-claim", "d"},
    {"scopes-claim", "c"},
    {"create-roles", "maker"},
    {"workload-identity-roles", "w"},
    {"clock-skew-seconds", "0"}};
const std::vector<std::pair<std::string, std::uint64_t>> kLimitsOfDataPlane{
    {"max-connections-per-address", 7},
    {"max-sessions", 2000},
    {"max-sessions-per-user", 8},
    {"head-timeout-ms", 1},
    {"body-idle-timeout-ms", 2},
    {"client-idle-timeout-ms", 3},
    {"send-stall-timeout-ms", 4},
    {"linger-timeout-ms", 5},
    {"poll-us", 50},
    {"audit-log-max-bytes", 65536},
    {"audit-log-files", 3}};

TEST(UpOptions, every_setting_can_come_from_the_file) {
    const auto options = resolve_up_options(config(kEverySetting));
    ASSERT_TRUE(options.has_value()) << options.error()[0];
    EXPECT_EQ(to_text(options->listen), "[::1]:9000");
    EXPECT_EQ(options->data_dir, "/d");
    EXPECT_TRUE(options->dev_auth_on_any_address);
    EXPECT_EQ(options->public_origin, "https://gw.example");
    EXPECT_EQ(options->trusted_proxies.size(), 2U);
    EXPECT_EQ(options->deployer, "kubernetes");
    EXPECT_EQ(options->systemd_scope, "user");
    EXPECT_EQ(options->imports.size(), 2U);
    EXPECT_EQ(options->session_keys, "/k");
    EXPECT_EQ(options->session_key_days, 30U);
    EXPECT_EQ(options->max_head_bytes, 2048U);
    EXPECT_EQ(options->deployer, "kubernetes");
    EXPECT_EQ(options->controlplane_flags, kFlagsOfControlPlane);
    EXPECT_EQ(options->dataplane_limits, kLimitsOfDataPlane);
    EXPECT_EQ(options->audit_log, "/a");
    EXPECT_EQ(options->admin_role, "boss");
    EXPECT_EQ(options->allowed_hosts, (std::vector<std::string>{"a.example", "b.example:8000"}));
    EXPECT_EQ(options->allowed_origins.size(), 1U);
    // The text must not forget one.
    EXPECT_EQ(up_settings().size(), 54U);
}

TEST(UpOptions, problems_begin_with_where_they_stand_and_come_all_at_once) {
    SettingSources sources = config("\nworkers = \"many\"\nlisten-on = 1\nlog-level = [\"a\"]\n");
    sources.variables["MCP_GATEWAY_MAX_HEAD_BYTES"] = "999999";
    sources.flags["listen"] = {"example.org:80"};
    EXPECT_EQ(problems_of(sources),
              (Problems{"gateway.toml:3: unknown key 'listen-on'",
                        "--listen: must be ADDRESS:PORT with a numeric address, such as "
                        "127.0.0.1:8000 or [::1]:8000, not 'example.org:80'",
                        "gateway.toml:2: workers: must be a whole number from 1 to 256, not 'many'",
                        "MCP_GATEWAY_MAX_HEAD_BYTES: must be a whole number from 1024 to 65536, "
                        "not '999999'",
                        "gateway.toml:4: log-level: must be debug, info, warn or error, not 'a'"}));
    EXPECT_EQ(problems_of(config("a = [")), Problems{"gateway.toml:1:5: this array has no end"});
    EXPECT_EQ(problems_of(config("workers = [1, 2]")),
              Problems{"gateway.toml:1: workers: must be given one value"});
}

TEST(UpOptions, bad_values_are_refused) {
    const std::pair<const char*, const char*> cases[] = {
        {"workers", "0"},
        {"workers", "257"},
        {"workers", "-1"},
        {"workers", "1x"},
        {"workers", ""},
        {"workers", " 1"},
        {"listen", "8000"},
        {"listen", "127.0.0.1"},
        {"listen", "127.0.0.1:65536"},
        {"listen", "::1:8000"},
        {"listen", "[::1"},
        {"listen", "127.0.0.1:"},
        {"listen", ":8000"},
        {"listen", "1.2.3.4:+1"},
        {"auth", "none"},
        {"public-origin", "gw.example"},
        {"public-origin", "https://gw.example?x"},
        {"trusted-proxies", "proxy.example"},
        {"deployer", "x"},
        {"systemd-scope", "session"},
        {"namespace", "Upper"},
        {"namespace", "a.b"},
        {"registry", "http://r.example"},
        {"registry", "r.example:5000//x"},
        {"pod-user", "0"},
        {"pod-user", "2147483648"},
        {"image-pull-secret", "a,b_c"},
        {"workload-identity-service-account", "x-"},
        {"kubeconfig", ""},
        {"oidc-ca", ""},
        {"log-format", "xml"},
        {"max-body-bytes", "1k"},
        {"allowed-hosts", "a b"},
        {"allowed-hosts", "a,"},
        {"data-dir", ""},
        {"allowed-hosts", "*.a.example"},
        {"allowed-hosts", "http://a.example"},
        {"allowed-origins", "a.example"},
        {"allowed-origins", "*"},
        {"allowed-origins", "https://*.a.example"},
        {"allowed-origins", "https://"},
        {"allowed-origins", "https://a.example/"},
        {"drain-seconds", "18446744073709551616"},
        {"session-keys", ""},
        {"session-key-days", "0"},
        {"session-key-days", "366"},
        {"allowed-origins", "https://a.example/path"},
        {"dev-auth-on-any-address", "maybe"},
    };
    for (const auto& [key, value] : cases) {
        SettingSources sources;
        sources.flags[key] = {value};
        const Problems problems = problems_of(sources);
        ASSERT_EQ(problems.size(), 1U) << key << "=" << value;
        EXPECT_TRUE(problems[0].starts_with(std::string("--") + key + ": ")) << problems[0];
    }
}

TEST(UpOptions, tokens_are_checked_on_any_address) {
    SettingSources sources;
    sources.flags["listen"] = {"0.0.0.0:8000"};
    sources.flags["auth"] = {"oidc"};
    sources.flags["public-origin"] = {"https://gw.example/mcp-gw"};
    sources.flags["trusted-proxies"] = {"10.0.0.0/8,::1", "192.0.2.7"};
    const auto options = resolve_up_options(sources);
    ASSERT_TRUE(options);
    EXPECT_EQ(options->auth, "oidc");
    EXPECT_EQ(options->public_origin, "https://gw.example/mcp-gw");
    EXPECT_EQ(options->trusted_proxies,
              (std::vector<std::string>{"10.0.0.0/8", "::1", "192.0.2.7"}));
}

TEST(UpOptions, development_mode_stays_on_loopback_unless_forced) {
    for (const char* address : {"0.0.0.0:8000", "[::]:8000", "10.1.2.3:8000", "[fe80::1]:8000"}) {
        SettingSources sources;
        sources.flags["listen"] = {address};
        const Problems problems = problems_of(sources);
        ASSERT_EQ(problems.size(), 1U) << address;
        EXPECT_TRUE(problems[0].contains("--dev-auth-on-any-address"));
        sources.flags["dev-auth-on-any-address"] = {"true"};
        EXPECT_TRUE(problems_of(sources).empty());
    }
    for (const char* address :
         {"127.9.9.9:8000", "[::1]:8000", "localhost:0", "[::ffff:127.0.0.1]:1"}) {
        SettingSources sources;
        sources.flags["listen"] = {address};
        EXPECT_TRUE(problems_of(sources).empty()) << address;
    }
}

TEST(UpOptions, both_listeners_on_one_address_are_refused) {
    SettingSources sources;
    sources.flags["admin-listen"] = {"127.0.0.1:8000"};
    EXPECT_EQ(problems_of(sources).size(), 1U);
    sources.flags["listen"] = {"127.0.0.1:0"};
    sources.flags["admin-listen"] = {"127.0.0.1:0"};
    EXPECT_TRUE(problems_of(sources).empty());
}

TEST(UpOptions, names_of_variables_follow_from_keys) {
    std::set<std::string> names;
    for (const Setting& setting : up_settings())
        names.insert(variable_of(setting.key));
    EXPECT_EQ(names.size(), up_settings().size());
    EXPECT_TRUE(names.contains("MCP_GATEWAY_ADMIN_LISTEN"));
}

TEST(UpOptions, data_lives_where_xdg_says) {
    EXPECT_EQ(default_data_dir("/s", "/h"), "/s/mcp-gateway");
    EXPECT_EQ(default_data_dir("relative", "/h"), "/h/.local/state/mcp-gateway");
    EXPECT_EQ(default_data_dir(nullptr, "/h"), "/h/.local/state/mcp-gateway");
    EXPECT_EQ(default_data_dir(nullptr, nullptr), std::nullopt);
    EXPECT_EQ(default_data_dir("", ""), std::nullopt);
}

TEST(UpOptions, identity_is_passed_on_to_the_control_plane) {
    SettingSources sources;
    sources.flags["oidc-issuer"] = {"https://a.example/", "http://localhost:9/b"};
    sources.flags["oidc-metadata"] = {"true"};
    sources.flags["oidc-resource"] = {"api://x"};
    sources.variables["MCP_GATEWAY_ROLES_CLAIM"] = "wids,groups";
    sources.config_text = "oidc-audience = ['x', 'y']\nclock-skew-seconds = 5\n";
    const auto options = resolve_up_options(sources);
    ASSERT_TRUE(options) << options.error().front();
    using Flags = std::vector<std::pair<std::string, std::string>>;
    EXPECT_EQ(options->controlplane_flags, (Flags{{"oidc-issuer", "https://a.example/"},
                                                  {"oidc-issuer", "http://localhost:9/b"},
                                                  {"oidc-audience", "x"},
                                                  {"oidc-audience", "y"},
                                                  {"oidc-resource", "api://x"},
                                                  {"oidc-metadata", "true"},
                                                  {"roles-claim", "wids"},
                                                  {"roles-claim", "groups"},
                                                  {"clock-skew-seconds", "5"}}));
}

TEST(UpOptions, identity_that_cannot_be_meant_is_told_with_its_flag) {
    const std::pair<const char*, const char*> cases[] = {
        {"oidc-issuer", "http://idp.example"}, {"oidc-issuer", "idp.example"},
        {"oidc-issuer", "https://i/?q"},       {"oidc-scopes", "a\"b"},
        {"clock-skew-seconds", "601"},         {"oidc-metadata", "perhaps"}};
    for (const auto& [key, value] : cases) {
        SettingSources sources;
        sources.flags[key] = {value};
        const auto options = resolve_up_options(sources);
        ASSERT_FALSE(options) << key;
        EXPECT_TRUE(options.error().front().starts_with(std::string("--") + key + ": "))
            << options.error().front();
    }
}

}  // namespace
}  // namespace mcpgw::cli
