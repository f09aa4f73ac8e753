// The program as a whole: it is started, asked, killed and started again like by a supervisor.
//
// What its rooms promise is tested beside them; here it is the parts together, exit codes, READY=1,
// the lock of the data directory and the lifeline.
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <httplib.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/contract/events.h"
#include "controlplane/identity/fake_provider.h"
#include "controlplane/model/json.h"
#include "controlplane/publish/fake_data_plane.h"

namespace mcpgw {
namespace {

constexpr int kPatienceMs = 30'000;

class ProgramTest : public testing::Test {
  protected:
    void SetUp() override {
        std::string name = testing::TempDir() + "mcpgw_plane_XXXXXX";
        ASSERT_NE(::mkdtemp(name.data()), nullptr);
        directory_ = name;
        notify_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        const std::string path = directory_ + "/notify";
        std::memcpy(address.sun_path, path.data(), path.size());
        ASSERT_EQ(::bind(notify_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
        ASSERT_EQ(::pipe2(lifeline_, O_CLOEXEC), 0);
    }
    void TearDown() override {
        for (const pid_t pid : running_) {
            ::kill(pid, SIGKILL);
            ::waitpid(pid, nullptr, 0);
        }
        close_lifeline();
        ::close(lifeline_[0]);
        ::close(notify_);
        std::filesystem::remove_all(directory_);
    }

    // Its standard error goes to DIR/log.
    pid_t start(std::vector<std::string> arguments) {
        arguments.insert(arguments.begin(), CONTROLPLANE);
        std::vector<char*> argv;
        for (std::string& argument : arguments)
            argv.push_back(argument.data());
        argv.push_back(nullptr);
        std::string notify = "NOTIFY_SOCKET=" + directory_ + "/notify";
        std::string line = "MCP_GATEWAY_LIFELINE_FD=9";
        std::vector<char*> environment = {notify.data(), line.data(), nullptr};
        posix_spawn_file_actions_t actions{};
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_adddup2(&actions, lifeline_[0], 9);
        posix_spawn_file_actions_addopen(&actions, 2, (directory_ + "/log").c_str(),
                                         O_WRONLY | O_CREAT | O_TRUNC, 0600);
        pid_t pid = -1;
        EXPECT_EQ(
            ::posix_spawn(&pid, CONTROLPLANE, &actions, nullptr, argv.data(), environment.data()),
            0);
        posix_spawn_file_actions_destroy(&actions);
        running_.push_back(pid);
        return pid;
    }
    pid_t start() { return start({"--data-dir", directory_ + "/data", "--log-format", "text"}); }

    bool says(const std::string& word) const {
        pollfd entry{notify_, POLLIN, 0};
        while (::poll(&entry, 1, kPatienceMs) == 1) {
            char text[256];
            const ssize_t size = ::recv(notify_, text, sizeof(text), 0);
            if (size > 0 && std::string(text, static_cast<std::size_t>(size)).contains(word))
                return true;
        }
        return false;
    }
    int status_of(pid_t pid) {
        int status = -1;
        EXPECT_EQ(::waitpid(pid, &status, 0), pid);
        std::erase(running_, pid);
        return status;
    }
    std::string log() const {
        std::ifstream file(directory_ + "/log");
        return {std::istreambuf_iterator<char>(file), {}};
    }
    void close_lifeline() {
        if (lifeline_[1] >= 0) ::close(lifeline_[1]);
        lifeline_[1] = -1;
    }
    httplib::Result request(const std::string& method, const std::string& path,
                            const std::string& body = "", const std::string& roles = "") const {
        httplib::Client client(directory_ + "/data/api.sock");
        client.set_address_family(AF_UNIX);
        const httplib::Headers who = {{"X-Mcp-UserId", "alice"}, {"X-Mcp-Roles", roles}};
        if (method == "POST") return client.Post(path, who, body, "application/json");
        return client.Get(path, who);
    }

    std::string directory_;
    int notify_ = -1;
    int lifeline_[2] = {-1, -1};
    std::vector<pid_t> running_;
};

TEST_F(ProgramTest, it_says_ready_serves_and_ends_cleanly) {
    const pid_t pid = start();
    ASSERT_TRUE(says("READY=1")) << log();
    const auto created =
        request("POST", "/adapters", R"({"name":"x","command":["/nonexistent/server"]})");
    ASSERT_TRUE(created);
    EXPECT_EQ(created->status, 201) << created->body;
    EXPECT_TRUE(std::filesystem::exists(directory_ + "/data/contract.sock"));
    ::kill(pid, SIGTERM);
    EXPECT_TRUE(says("STOPPING=1"));
    const int status = status_of(pid);
    EXPECT_TRUE(WIFEXITED(status)) << log();
    EXPECT_EQ(WEXITSTATUS(status), 0) << log();
    EXPECT_FALSE(std::filesystem::exists(directory_ + "/data/api.sock"));
    EXPECT_FALSE(std::filesystem::exists(directory_ + "/data/contract.sock"));
}

TEST_F(ProgramTest, what_it_knew_survives_a_sigkill) {
    const pid_t first = start();
    ASSERT_TRUE(says("READY=1")) << log();
    ASSERT_EQ(
        request("POST", "/adapters", R"({"name":"x","url":"http://127.0.0.1:1/mcp"})")->status,
        201);
    ::kill(first, SIGKILL);
    static_cast<void>(status_of(first));
    start();
    ASSERT_TRUE(says("READY=1")) << log();
    const auto found = request("GET", "/adapters/x");
    ASSERT_TRUE(found);
    EXPECT_EQ(found->status, 200);
}

TEST_F(ProgramTest, a_second_one_on_the_same_directory_is_refused) {
    start();
    ASSERT_TRUE(says("READY=1")) << log();
    const pid_t second = start();
    const int status = status_of(second);
    EXPECT_EQ(WEXITSTATUS(status), 1);
    EXPECT_NE(log().find("in use by another control plane"), std::string::npos) << log();
    const auto still = request("GET", "/adapters");
    ASSERT_TRUE(still);
    EXPECT_EQ(still->status, 200);
}

TEST_F(ProgramTest, it_ends_with_its_lifeline) {
    const pid_t pid = start();
    ASSERT_TRUE(says("READY=1")) << log();
    close_lifeline();
    EXPECT_EQ(status_of(pid), 0) << log();
}

TEST_F(ProgramTest, an_instance_that_cannot_start_is_explained_in_the_status) {
    start();
    ASSERT_TRUE(says("READY=1")) << log();
    ASSERT_EQ(
        request("POST", "/adapters", R"({"name":"x","command":["/nonexistent/server"]})")->status,
        201);
    std::string status;
    // The state is asked for until it is there; the test's time limit bounds it.
    while (status.find("/nonexistent/server: No such file") == std::string::npos) {
        const auto answer = request("GET", "/adapters/x/status");
        ASSERT_TRUE(answer);
        ASSERT_EQ(answer->status, 200) << answer->body;
        status = answer->body;
        ::poll(nullptr, 0, 10);
    }
    EXPECT_NE(status.find("Degraded: 0/1 ready"), std::string::npos) << status;
}

// The keys of the only issuer in what a data plane is told next, by their ids.
std::string keys_of(const contract::Access& access) {
    std::string ids;
    for (const contract::VerifyingKey& key : access.issuers.at(0).keys)
        ids += key.id;
    return ids;
}

TEST_F(ProgramTest, keys_of_an_issuer_reach_data_planes_follow_it_and_outlive_its_absence) {
    const identity::TestKey key = identity::new_edwards_key();
    const auto key_set = [&key](const std::string& id) {
        return identity::key_set_of({key.edwards_members() + R"(,"kid":")" + id + "\""});
    };
    auto provider = std::make_unique<identity::FakeProvider>();
    provider->serve(key_set("one"));
    const std::vector<std::string> arguments = {"--data-dir", directory_ + "/data", "--oidc-issuer",
                                                provider->url()};
    const pid_t first = start(arguments);
    ASSERT_TRUE(says("READY=1")) << log();
    {
        publish::FakeDataPlane plane(directory_ + "/data/contract.sock");
        plane.hello();
        std::string keys = keys_of(plane.snapshot().access);
        if (keys.empty()) keys = keys_of(plane.delta().access.value());
        EXPECT_EQ(keys, "one");
        provider->serve(key_set("two"));
        plane.send(contract::encode(contract::UnknownKey{provider->url()}));
        EXPECT_EQ(keys_of(plane.delta().access.value()), "two");
    }
    ::kill(first, SIGKILL);
    static_cast<void>(status_of(first));
    provider.reset();
    start(arguments);
    ASSERT_TRUE(says("READY=1")) << log();
    publish::FakeDataPlane plane(directory_ + "/data/contract.sock");
    plane.hello();
    EXPECT_EQ(keys_of(plane.snapshot().access), "two") << "the provider is away";
}

TEST_F(ProgramTest, a_provider_of_a_private_authority_is_trusted_by_its_file) {
    const identity::Authority authority("a company's");
    const identity::TestKey key = identity::new_edwards_key();
    identity::FakeProvider provider(&authority);
    provider.serve(identity::key_set_of({key.edwards_members() + R"(,"kid":"one")"}));
    const std::string file = directory_ + "/ca.pem";
    const std::vector<std::string> arguments = {
        "--data-dir", directory_ + "/data", "--oidc-issuer", provider.url(), "--oidc-ca", file};
    EXPECT_EQ(WEXITSTATUS(status_of(start(arguments))), 2);
    EXPECT_NE(log().find("cannot read " + file), std::string::npos) << log();
    std::ofstream(file) << "none\n";
    EXPECT_EQ(WEXITSTATUS(status_of(start(arguments))), 2);
    EXPECT_NE(log().find(file + " holds no certificate"), std::string::npos) << log();
    std::ofstream(file) << authority.certificate();
    start(arguments);
    ASSERT_TRUE(says("READY=1")) << log();
    publish::FakeDataPlane plane(directory_ + "/data/contract.sock");
    plane.hello();
    std::string keys = keys_of(plane.snapshot().access);
    if (keys.empty()) keys = keys_of(plane.delta().access.value());
    EXPECT_EQ(keys, "one");
}

TEST_F(ProgramTest, a_token_is_made_in_the_data_directory_while_it_runs_and_before) {
    const std::string data = directory_ + "/data";
    const auto make = [&] {
        return WEXITSTATUS(status_of(
            start({"tokens", "create", "--data-dir", data, "--user", "ci", "--expires", "1d"})));
    };
    EXPECT_EQ(make(), 0) << log() << "there is no data directory yet";
    start();
    ASSERT_TRUE(says("READY=1"));
    EXPECT_EQ(make(), 0) << log();
    EXPECT_EQ(WEXITSTATUS(status_of(start({"tokens", "create", "--data-dir", data}))), 2);
    EXPECT_EQ(WEXITSTATUS(status_of(start(
                  {"tokens", "create", "--data-dir", data, "--user", "ci", "--expires", "soon"}))),
              2);
    // Whoever the test runs as, this directory is somebody else's.
    std::string foreign = "/";
    if (::geteuid() == 0) {
        foreign = directory_ + "/foreign";
        std::filesystem::create_directory(foreign);
        ASSERT_EQ(::chown(foreign.c_str(), 65534, 65534), 0);
    }
    EXPECT_EQ(
        WEXITSTATUS(status_of(start({"tokens", "create", "--data-dir", foreign, "--user", "ci"}))),
        1);
    EXPECT_NE(log().find(foreign + " belongs to "), std::string::npos) << log();
    const auto listed = request("GET", "/tokens", "", "mcp.admin");
    ASSERT_TRUE(listed);
    std::size_t tokens = 0;
    for (std::size_t at = listed->body.find("\"user\":\"ci\""); at != std::string::npos;
         at = listed->body.find("\"user\":\"ci\"", at + 1))
        ++tokens;
    EXPECT_EQ(tokens, 2U) << listed->body;
    EXPECT_NE(listed->body.find("\"createdBy\":\"local:"), std::string::npos) << listed->body;
}

TEST_F(ProgramTest, wrong_usage_and_what_cannot_be_used_differ_in_their_exit_codes) {
    EXPECT_EQ(WEXITSTATUS(status_of(start({}))), 2);
    EXPECT_EQ(WEXITSTATUS(status_of(start({"--data-dir", "/proc/none"}))), 1);
    std::ofstream(directory_ + "/config.toml") << "\ncolour = 'red'\n";
    EXPECT_EQ(WEXITSTATUS(status_of(start({"--config", directory_ + "/config.toml"}))), 2);
    EXPECT_NE(log().find("config.toml, line 2: unknown key colour"), std::string::npos) << log();
    std::filesystem::create_directory(directory_ + "/data");
    std::ofstream(directory_ + "/data/controlplane.db") << std::string(4096, 'x');
    EXPECT_EQ(WEXITSTATUS(status_of(start())), 1);
    EXPECT_NE(log().find("is damaged"), std::string::npos) << log();
}

}  // namespace
}  // namespace mcpgw
