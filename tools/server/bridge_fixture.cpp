// Starting bridges, and reading /proc.
#include "tools/server/bridge_fixture.h"

#include <cerrno>
#include <charconv>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <sys/wait.h>
#include <unistd.h>

namespace mcpgw::server::test {
namespace {

std::string proc_file(pid_t pid, const std::string& name) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/" + name, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

pid_t pid_in(const std::string& name) {
    pid_t pid = 0;
    const auto read = std::from_chars(name.data(), name.data() + name.size(), pid);
    return read.ptr == name.data() + name.size() ? pid : 0;
}

}  // namespace

bool contains(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

std::string notification(std::string_view method) {
    return R"({"jsonrpc":"2.0","method":")" + std::string(method) + "\"}";
}

std::string request(int id, std::string_view method) {
    return R"({"jsonrpc":"2.0","id":)" + std::to_string(id) + R"(,"method":")" +
           std::string(method) + "\"}";
}

bool is_gone(pid_t pid) {
    const std::string line = proc_file(pid, "stat");
    if (line.empty()) return true;
    const auto name_end = line.rfind(')');
    return name_end != std::string::npos && line.compare(name_end, 3, ") Z") == 0 &&
           !contains(line, " " + std::to_string(getpid()) + " ");
}

bool has_children() {
    siginfo_t info = {};
    return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 || errno != ECHILD;
}

std::vector<pid_t> children_of(pid_t pid) {
    std::vector<pid_t> children;
    std::error_code gone;
    const std::filesystem::path tasks = "/proc/" + std::to_string(pid) + "/task";
    std::filesystem::directory_iterator task(tasks, gone);
    for (; !gone && task != std::filesystem::directory_iterator(); task.increment(gone)) {
        std::ifstream file(task->path() / "children");
        for (pid_t child = 0; file >> child;)
            children.push_back(child);
    }
    return children;
}

int running_with(const std::string& assignment) {
    int found = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
        const pid_t pid = pid_in(entry.path().filename().string());
        if (pid > 0 && contains(proc_file(pid, "environ"), assignment)) ++found;
    }
    return found;
}

std::size_t resident_kib(pid_t pid) {
    const std::string status = proc_file(pid, "status");
    const auto at = status.find("VmRSS:");
    return at == std::string::npos ? 0 : std::strtoul(status.c_str() + at + 6, nullptr, 10);
}

Pids pids_of(const TestClient& client, std::string_view method) {
    const std::string text = client.call(77, method).last();
    Pids pids;
    const auto at = text.find("\"result\":[");
    if (at == std::string::npos) return pids;
    std::sscanf(text.c_str() + at, "\"result\":[%d,%d]", &pids.child, &pids.grandchild);
    return pids;
}

void BridgeTest::start(BridgeOptions options) {
    auto& command = options.children.command;
    if (command.path.empty()) command = {MCPGW_FAKE_STDIO_SERVER, {"fake"}, {}};
    options.server.input_wait_ms = 500;
    options.server.paths = {"/mcp", "/"};
    bridge = std::make_unique<Bridge>(std::move(options));
    const auto bound = bridge->listen();
    ASSERT_TRUE(bound) << bound.error().detail;
    port = *bound;
    bridge->serve();
}

void BridgeTest::start_with_max(std::size_t children_max) {
    BridgeOptions options;
    options.children.children_max = children_max;
    start(std::move(options));
}

BridgeProcess::BridgeProcess(std::vector<std::string> arguments) : log_(std::tmpfile()) {
    arguments.insert(arguments.begin(), MCPGW_BRIDGE);
    std::vector<char*> argv;
    for (std::string& argument : arguments)
        argv.push_back(argument.data());
    argv.push_back(nullptr);
    int fds[2];
    EXPECT_EQ(pipe(fds), 0);
    pid_ = fork();
    if (pid_ == 0) {
        dup2(fds[1], 1);
        dup2(fileno(log_), 2);
        close(fds[0]);
        close(fds[1]);
        execv(argv[0], argv.data());
        _exit(127);
    }
    close(fds[1]);
    output_ = fdopen(fds[0], "r");
}

BridgeProcess::~BridgeProcess() {
    fclose(output_);
    fclose(log_);
    if (pid_ > 0) {
        kill(pid_, SIGKILL);
        wait();
    }
}

std::vector<std::string> BridgeProcess::usual(std::vector<std::string> options) {
    options.insert(options.begin(), {"--listen", "127.0.0.1:0"});
    options.insert(options.end(), {"--", MCPGW_FAKE_STDIO_SERVER});
    return options;
}

std::uint16_t BridgeProcess::port() {
    char line[256] = {};
    if (fgets(line, sizeof line, output_) == nullptr) return 0;
    const std::string text = line;
    EXPECT_TRUE(
        text.starts_with("ready http"
                         "://127.0.0.1:"))
        << text;
    return static_cast<std::uint16_t>(std::atoi(text.c_str() + text.rfind(':') + 1));
}

void BridgeProcess::signal(int number) {
    EXPECT_EQ(kill(pid_, number), 0);
}

int BridgeProcess::wait() {
    int status = 0;
    EXPECT_EQ(waitpid(pid_, &status, 0), pid_);
    pid_ = -1;
    return status;
}

std::string BridgeProcess::log() {
    std::string text;
    char bytes[4096];
    for (;;) {
        const ssize_t got =
            pread(fileno(log_), bytes, sizeof bytes, static_cast<off_t>(text.size()));
        if (got <= 0) return text;
        text.append(bytes, static_cast<std::size_t>(got));
    }
}

}  // namespace mcpgw::server::test
