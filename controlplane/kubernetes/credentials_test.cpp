// Tokens that rotate, and programs that print credentials.
#include "controlplane/kubernetes/credentials.h"

#include <future>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "common/limits.h"
#include "controlplane/deploy/testing.h"
#include "controlplane/kubernetes/access_fixture.h"
#include "controlplane/kubernetes/exec_plugin.h"

namespace mcpgw::kubernetes {
namespace {

using deploy::testing::eventually;

constexpr const char* kVersion = "client.authentication.k8s.io/v1";

std::string credential_json(const std::string& status) {
    return std::string(R"({"kind":"ExecCredential","apiVersion":")") + kVersion +
           R"(","status":{)" + status + "}}";
}

class Plugin : public testing::Test {
  protected:
    // A program that counts its runs by a line each in the file `runs`.
    void install(const std::string& script) {
        access_.origin = "config";
        access_.exec = ExecPlugin{};
        access_.exec->api_version = kVersion;
        access_.exec->command =
            folder_.write_program("plugin", "echo run >>" + folder_.path("runs") + "\n" + script);
    }
    [[nodiscard]] std::size_t runs() const { return folder_.read("runs").size() / 4; }
    [[nodiscard]] std::string problem(std::uint32_t timeout_ms = 10'000) const {
        const auto answer = run_plugin(access_, {}, timeout_ms);
        return answer ? "" : answer.error().detail;
    }

    Folder folder_;
    Access access_;
};

TEST(TokenFile, is_read_for_every_call_and_the_last_good_one_stays) {
    const Folder folder;
    Access access;
    access.token_file = folder.path("token");
    Credentials credentials(access);
    EXPECT_EQ(credentials.get({}).error().code, Code::permission_denied);
    folder.write("token", "first\n");
    EXPECT_EQ(credentials.get({})->token, "first");
    folder.write("token", "second");
    EXPECT_EQ(credentials.get({})->token, "second");
    folder.write("token", "");
    EXPECT_EQ(credentials.get({})->token, "second");
    folder.write("token", "a\r\nX-Header: b");
    EXPECT_EQ(credentials.get({})->token, "second");
    folder.write("token", std::string(limits::kubernetes_token_bytes_max + 1, 'x'));
    EXPECT_EQ(credentials.get({})->token, "second");
}

TEST_F(Plugin, is_asked_once_until_its_answer_expires_or_is_refused) {
    install("echo '" + credential_json(R"("token":"secret")") + "'");
    Credentials credentials(access_);
    const auto first = credentials.get({});
    ASSERT_TRUE(first) << first.error().detail;
    EXPECT_EQ(first->token, "secret");
    EXPECT_TRUE(credentials.get({}));
    EXPECT_EQ(runs(), 1U);
    credentials.reject(*first);
    EXPECT_TRUE(credentials.get({}));
    EXPECT_EQ(runs(), 2U);
    // That somebody else has been refused an older one does not matter.
    credentials.reject({"older", {}, {}});
    EXPECT_TRUE(credentials.get({}));
    EXPECT_EQ(runs(), 2U);
}

TEST_F(Plugin, is_asked_again_when_its_answer_has_expired) {
    install("echo '" +
            credential_json(R"("token":"t","expirationTimestamp":"2001-01-01T00:00:00Z")") + "'");
    Credentials credentials(access_);
    EXPECT_TRUE(credentials.get({}));
    EXPECT_TRUE(credentials.get({}));
    EXPECT_EQ(runs(), 2U);
}

TEST_F(Plugin, may_bring_a_certificate) {
    install("echo '" + credential_json(R"("clientCertificateData":"CERT","clientKeyData":"KEY")") +
            "'");
    const auto credential = Credentials(access_).get({});
    ASSERT_TRUE(credential) << credential.error().detail;
    EXPECT_EQ(credential->client_certificate.text, "CERT");
    EXPECT_EQ(credential->client_key.text, "KEY");
}

TEST_F(Plugin, is_told_what_the_kubeconfig_says) {
    install(R"sh(info=$(echo "$KUBERNETES_EXEC_INFO" | tr -d '{}":/.[]\n ')
printf '{"kind":"ExecCredential","apiVersion":"%s","status":{"token":"%s-%s-%s"}}' \
       "$API" "$1" "$WHO" "$info")sh");
    access_.exec->arguments = {"argument"};
    access_.exec->environment = {{"WHO", "somebody"}, {"API", kVersion}};
    access_.exec->provide_cluster_info = true;
    access_.server = "https://k";
    const auto answer = run_plugin(access_, {});
    ASSERT_TRUE(answer) << answer.error().detail;
    EXPECT_TRUE(answer->token.starts_with("argument-somebody-apiVersionclient")) << answer->token;
    EXPECT_NE(answer->token.find("serverhttpsk"), std::string::npos) << answer->token;
}

TEST_F(Plugin, that_fails_says_why) {
    install("echo 'not logged in' >&2; exit 3");
    EXPECT_EQ(problem(), "config: exec plug-in " + access_.exec->command +
                             " exited with status 3: not logged in ");
    install("kill -9 $$");
    EXPECT_NE(problem().find("was killed by signal 9"), std::string::npos);
    access_.exec->command = folder_.path("nothing");
    access_.exec->install_hint = "install nothing";
    EXPECT_NE(problem().find("No such file or directory; install nothing"), std::string::npos);
}

TEST_F(Plugin, that_prints_too_much_is_stopped) {
    install("exec yes");
    EXPECT_NE(problem().find("prints too much"), std::string::npos);
}

TEST_F(Plugin, that_takes_too_long_is_killed_with_everything_it_started) {
    install("sleep 1000 & echo $! >" + folder_.path("pid") + "; wait");
    EXPECT_NE(problem(300).find("has not answered"), std::string::npos);
    // The whole group was killed, so the sleeper ends; it is not ours to wait for.
    const pid_t sleeper = std::stoi(folder_.read("pid"));
    const std::string stat = "/proc/" + std::to_string(sleeper) + "/stat";
    const auto is_running = [&] {
        std::ifstream file(stat);
        std::string pid;
        std::string name;
        std::string state;
        return bool(file >> pid >> name >> state) && name == "(sleep)" && state != "Z";
    };
    EXPECT_TRUE(eventually([&] { return !is_running(); }));
}

TEST_F(Plugin, is_not_waited_for_when_nobody_wants_its_answer) {
    install("echo >" + folder_.path("started") + "; exec sleep 1000");
    std::stop_source source;
    std::jthread canceller([&] {
        EXPECT_TRUE(eventually([&] { return !folder_.read("started").empty(); }));
        source.request_stop();
    });
    const auto answer = run_plugin(access_, source.get_token());
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, Code::cancelled);
}

TEST_F(Plugin, is_run_once_for_all_who_ask_at_the_same_time) {
    install("until [ -e " + folder_.path("go") + " ]; do sleep 0.01; done; echo '" +
            credential_json(R"("token":"t")") + "'");
    Credentials credentials(access_);
    std::vector<std::future<std::string>> callers;
    for (int caller = 0; caller < 4; ++caller)
        callers.push_back(std::async(std::launch::async, [&] {
            const auto credential = credentials.get({});
            return credential ? credential->token : credential.error().detail;
        }));
    // Whoever waits for another one's run can still go away at once.
    EXPECT_TRUE(eventually([&] { return runs() == 1; }));
    std::stop_source source;
    auto impatient = std::async(std::launch::async,
                                [&] { return credentials.get(source.get_token()).has_value(); });
    source.request_stop();
    EXPECT_FALSE(impatient.get());
    folder_.write("go", "");
    for (auto& caller : callers)
        EXPECT_EQ(caller.get(), "t");
    EXPECT_EQ(runs(), 1U);
}

TEST(ExecCredential, has_to_be_one) {
    const auto problem = [](const std::string& text) {
        const auto answer = parse_exec_credential(text, kVersion);
        return answer ? "" : answer.error().detail;
    };
    EXPECT_EQ(problem(credential_json(R"("token":"t")")), "");
    for (const std::string& text :
         {std::string("nonsense"), std::string("{}"), credential_json(""),
          credential_json(R"("token":"a\nb")"), credential_json(R"("clientKeyData":"k")"),
          credential_json(R"("clientCertificateData":"k")"),
          credential_json(R"("token":"t","expirationTimestamp":"soon")"),
          std::string(R"({"kind":"ExecCredential","apiVersion":"v2","status":{"token":"t"}})")})
        EXPECT_TRUE(problem(text).starts_with("printed no credentials: ")) << text;
}

}  // namespace
}  // namespace mcpgw::kubernetes
