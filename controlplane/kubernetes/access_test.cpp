// Where an access is found, and what kubeconfigs say.
#include "controlplane/kubernetes/access.h"

#include <string>

#include <gtest/gtest.h>

#include "controlplane/kubernetes/access_fixture.h"
#include "controlplane/kubernetes/kubeconfig.h"

namespace mcpgw::kubernetes {
namespace {

constexpr const char* kPem = "LS0tLS1CRUdJTiBYLS0tLS0K";  // "-----BEGIN X-----\n"

// A kubeconfig with one cluster, user and context, all named "one".
std::string config_with(const std::string& cluster, const std::string& user,
                        const std::string& context = "") {
    return "apiVersion: v1\nkind: Config\ncurrent-context: one\n"
           "clusters:\n- name: one\n  cluster: {" +
           cluster + "}\nusers:\n- name: one\n  user: {" + user +
           "}\ncontexts:\n- name: one\n  context: {cluster: one, user: one" +
           (context.empty() ? "" : ", " + context) + "}\n";
}

Result<Access> read(const std::string& text) {
    const auto config = parse_kubeconfig(text, "/home/x/config");
    if (!config) return std::unexpected(config.error());
    return access_of(*config, "");
}

std::string problem_of(const std::string& text) {
    const auto access = read(text);
    if (access) return "";
    EXPECT_EQ(access.error().code, Code::invalid_argument);
    return access.error().detail;
}

class Places : public testing::Test {
  protected:
    Places() {
        surroundings_.home = folder_.path("home");
        surroundings_.service_account_directory = folder_.path("account");
    }
    void become_pod() {
        surroundings_.service_host = "10.96.0.1";
        surroundings_.service_port = "443";
        folder_.write("account/token", "t0ken");
        folder_.write("account/ca.crt", "-----BEGIN CERTIFICATE-----\n");
        folder_.write("account/namespace", "adapter");
    }
    static std::string config_of(const std::string& server) {
        return config_with("server: \"" + server + "\"", "token: t");
    }

    Folder folder_;
    Surroundings surroundings_;
};

TEST_F(Places, are_asked_in_order) {
    const std::string flag = folder_.write("flag", config_of("https://flag"));
    surroundings_.kubeconfig_flag = flag;
    surroundings_.kubeconfig_variable = folder_.write("variable", config_of("https://variable"));
    folder_.write("home/.kube/config", config_of("https://home"));
    become_pod();

    auto access = find_access(surroundings_);
    ASSERT_TRUE(access) << access.error().detail;
    EXPECT_EQ(access->server, "https://flag");
    surroundings_.kubeconfig_flag.clear();
    access = find_access(surroundings_);
    ASSERT_TRUE(access) << access.error().detail;
    EXPECT_EQ(access->server, "https://10.96.0.1:443");
    surroundings_.service_host.clear();
    access = find_access(surroundings_);
    ASSERT_TRUE(access) << access.error().detail;
    EXPECT_EQ(access->server, "https://variable");
    surroundings_.kubeconfig_variable.clear();
    access = find_access(surroundings_);
    ASSERT_TRUE(access) << access.error().detail;
    EXPECT_EQ(access->server, "https://home");
    EXPECT_EQ(access->origin, folder_.path("home/.kube/config") + ", context one");
}

TEST_F(Places, that_have_nothing_are_all_named) {
    const auto access = find_access(surroundings_);
    ASSERT_FALSE(access);
    EXPECT_EQ(access.error().code, Code::not_found);
    for (const char* part : {"KUBERNETES_SERVICE_HOST", "home/.kube/config", "--kubeconfig"})
        EXPECT_NE(access.error().detail.find(part), std::string::npos) << access.error().detail;
}

TEST_F(Places, a_flag_that_names_nothing_is_not_replaced_by_another_place) {
    become_pod();
    surroundings_.kubeconfig_flag = folder_.path("nothing");
    const auto access = find_access(surroundings_);
    ASSERT_FALSE(access);
    EXPECT_NE(access.error().detail.find("nothing"), std::string::npos);
}

TEST_F(Places, a_pod_has_its_account_and_namespace) {
    become_pod();
    auto access = in_cluster(surroundings_);
    ASSERT_TRUE(access) << access.error().detail;
    EXPECT_EQ(access->token_file, folder_.path("account/token"));
    EXPECT_EQ(access->ca.file, folder_.path("account/ca.crt"));
    EXPECT_EQ(access->default_namespace, "adapter");
    surroundings_.service_host = "fd00::1";
    access = in_cluster(surroundings_);
    ASSERT_TRUE(access) << access.error().detail;
    EXPECT_EQ(access->server, "https://[fd00::1]:443");
}

TEST_F(Places, a_pod_without_a_mounted_token_is_as_good_as_none_but_a_broken_one_is_an_error) {
    become_pod();
    surroundings_.service_account_directory = folder_.path("elsewhere");
    EXPECT_EQ(in_cluster(surroundings_).error().code, Code::not_found);
    surroundings_.service_account_directory = folder_.path("account");
    folder_.write("account/token", "");
    const auto access = find_access(surroundings_);
    ASSERT_FALSE(access);
    EXPECT_EQ(access.error().detail, folder_.path("account/token") + " is empty");
}

TEST_F(Places, several_files_are_merged_and_the_first_counts) {
    folder_.write("a",
                  "current-context: both\ncontexts:\n- name: both\n"
                  "  context: {cluster: c, user: u, namespace: n}\n");
    folder_.write("dir/b",
                  "current-context: other\nclusters:\n- name: c\n"
                  "  cluster: {server: \"https://b/\", certificate-authority: ca}\n");
    folder_.write("dir/ca", "-----BEGIN CERTIFICATE-----\n");
    folder_.write("c",
                  "clusters:\n- name: c\n  cluster: {server: \"https://c\"}\n"
                  "users:\n- name: u\n  user: {token: secret}\n");
    surroundings_.kubeconfig_variable = folder_.path("a") + ":" + folder_.path("missing") +
                                        "::" + folder_.path("dir/b") + ":" + folder_.path("c");
    const auto access = find_access(surroundings_);
    ASSERT_TRUE(access) << access.error().detail;
    EXPECT_EQ(access->server, "https://b");
    EXPECT_EQ(access->ca.file, folder_.path("dir/ca"));
    EXPECT_EQ(access->token, "secret");
    EXPECT_EQ(access->default_namespace, "n");
}

TEST(Kubeconfig, says_everything_that_an_access_has) {
    const auto access = read(config_with(
        std::string("server: \"https://k.example:6443/clusters/c1/\", tls-server-name: api, "
                    "proxy-url: \"http://proxy:3128\", certificate-authority-data: ") +
            kPem,
        std::string("client-certificate-data: ") + kPem + ", client-key-data: " + kPem +
            ", token: abc",
        "namespace: tools"));
    ASSERT_TRUE(access) << access.error().detail;
    EXPECT_EQ(access->server, "https://k.example:6443/clusters/c1");
    EXPECT_EQ(access->tls_server_name, "api");
    EXPECT_EQ(access->proxy_url, "http://proxy:3128");
    EXPECT_EQ(access->ca.text, "-----BEGIN X-----\n");
    EXPECT_EQ(access->client_certificate.text, "-----BEGIN X-----\n");
    EXPECT_EQ(access->client_key.text, "-----BEGIN X-----\n");
    EXPECT_EQ(access->token, "abc");
    EXPECT_EQ(access->default_namespace, "tools");
    EXPECT_FALSE(access->insecure_skip_tls_verify);
    EXPECT_EQ(access->origin, "/home/x/config, context one");
}

TEST(Kubeconfig, json_is_read_too) {
    const auto access =
        read(R"({"current-context":"a","contexts":[{"name":"a","context":{"cluster":"c"}}],)"
             R"("clusters":[{"name":"c","cluster":{"server":"http://127.0.0.1:8001",)"
             R"("insecure-skip-tls-verify":true}}]})");
    ASSERT_TRUE(access) << access.error().detail;
    EXPECT_EQ(access->server, "http://127.0.0.1:8001");
    EXPECT_TRUE(access->insecure_skip_tls_verify);
    EXPECT_EQ(access->token, "");
}

TEST(Kubeconfig, exec_plugins_are_read_with_their_environment) {
    const auto access =
        read(config_with("server: \"https://k\"",
                         "exec: {apiVersion: client.authentication.k8s.io/v1, command: bin/login, "
                         "args: [get, token], env: [{name: A, value: b}], installHint: install it, "
                         "provideClusterInfo: true, interactiveMode: Never}"));
    ASSERT_TRUE(access) << access.error().detail;
    const ExecPlugin expected{"client.authentication.k8s.io/v1",
                              "/home/x/bin/login",
                              {"get", "token"},
                              {{"A", "b"}},
                              "install it",
                              true};
    EXPECT_EQ(access->exec, expected);
}

TEST(Kubeconfig, what_is_wrong_names_file_entry_and_key) {
    const std::string server = "server: \"https://k\"";
    const std::string user = "/home/x/config: user \"one\": ";
    const std::string cluster = "/home/x/config: cluster \"one\": ";
    EXPECT_EQ(problem_of(config_with("", "")), cluster + "server is missing");
    EXPECT_EQ(problem_of(config_with("server: k8s", "")),
              cluster + "server must begin with https:// or http://");
    EXPECT_EQ(problem_of(config_with("server: \"https://a:b@k\"", "")),
              cluster + "server is not the address of a server");
    EXPECT_EQ(problem_of(config_with(server + ", insecure-skip-tls-verify: maybe", "")),
              cluster + "insecure-skip-tls-verify is neither true nor false");
    EXPECT_EQ(problem_of(config_with(server + ", certificate-authority-data: \"?\"", "")),
              cluster + "certificate-authority-data is not base64");
    EXPECT_EQ(problem_of(config_with(server + ", certificate-authority-data: aGFsbG8=", "")),
              cluster + "certificate-authority-data is not PEM");
    EXPECT_EQ(problem_of(config_with(server, std::string("client-key-data: ") + kPem)),
              user + "client-certificate and client-key need each other");
    EXPECT_EQ(problem_of(config_with(server, "token: \"a b\"")),
              user + "token has characters that a token cannot have");
    EXPECT_EQ(problem_of(config_with(server, "tokenFile: missing")),
              user + "tokenFile: cannot read /home/x/missing: No such file or directory");
    EXPECT_EQ(problem_of(config_with(server, "exec: {command: x, apiVersion: v0}")),
              user + "exec: apiVersion must be client.authentication.k8s.io/v1 or v1beta1");
    for (const char* old : {"username: u", "password: p", "auth-provider: {name: gcp}", "as: root"})
        EXPECT_TRUE(problem_of(config_with(server, old)).starts_with(user)) << old;
    EXPECT_EQ(problem_of("contexts: []\n"),
              "/home/x/config: current-context is missing, and no context is named");
    EXPECT_EQ(problem_of("current-context: z\n"), "/home/x/config: there is no context \"z\"");
    EXPECT_EQ(problem_of("just text"), "/home/x/config: is not a kubeconfig");
    EXPECT_TRUE(problem_of("a: [\n").starts_with("/home/x/config: line "));
    EXPECT_EQ(problem_of("clusters: {}\n"), "/home/x/config: clusters is not a list");
    EXPECT_EQ(problem_of("users:\n- name: a\n- name: a\n"),
              "/home/x/config: users has \"a\" twice");
}

TEST(Kubeconfig, only_what_is_used_has_to_be_good) {
    const std::string good = config_with("server: \"https://k\"", "token: t");
    const auto access = read(good + "unknown: [1, 2]\nextensions: {}\n");
    ASSERT_TRUE(access) << access.error().detail;
    auto config = parse_kubeconfig(good, "a");
    auto bad = parse_kubeconfig("users:\n- name: bad\n  user: {username: x}\n", "b");
    ASSERT_TRUE(config && bad);
    merge(*config, std::move(*bad));
    EXPECT_TRUE(access_of(*config, "one"));
    EXPECT_EQ(access_of(*config, "two").error().detail, "a:b: there is no context \"two\"");
}

TEST(Kubeconfig, a_file_without_end_is_refused) {
    const std::string large(2 * 1024 * 1024, '#');
    EXPECT_EQ(problem_of(large), "/home/x/config: is too large");
}

}  // namespace
}  // namespace mcpgw::kubernetes
