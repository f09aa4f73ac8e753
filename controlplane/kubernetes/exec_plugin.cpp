// posix_spawn, two pipes, and a poll that also hears the end of the process and of our patience.
#include "controlplane/kubernetes/exec_plugin.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/json_writer.h"
#include "common/time.h"
#include "controlplane/deploy/instance_directory.h"
#include "controlplane/deploy/pidfd.h"
#include "controlplane/kubernetes/base64.h"
#include "controlplane/kubernetes/failure.h"
#include "controlplane/kubernetes/kubeconfig.h"
#include "controlplane/kubernetes/tree.h"
#include "controlplane/model/json.h"

namespace mcpgw::kubernetes {
namespace {

using deploy::Descriptor;

struct Pipe {
    Descriptor reading;
    Descriptor writing;
};

Result<Pipe> open_pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0)
        return std::unexpected(error_from_errno(errno, "cannot make a pipe"));
    Pipe pipe{Descriptor(ends[0]), Descriptor(ends[1])};
    // Only our end: programs do not expect that their output is refused.
    if (::fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0)
        return std::unexpected(error_from_errno(errno, "cannot make a pipe"));
    return pipe;
}

// NAME=VALUE of ours, then those that are configured, then what the plug-in is told.
std::vector<std::string> environment_of(const Access& access) {
    std::vector<std::string> lines;
    const auto& configured = access.exec->environment;
    for (char** line = environ; *line != nullptr; ++line) {
        const std::string_view text = *line;
        const std::string_view name = text.substr(0, text.find('='));
        const bool is_replaced =
            name == "KUBERNETES_EXEC_INFO" ||
            std::ranges::any_of(configured, [&](const auto& item) { return item.first == name; });
        if (!is_replaced) lines.emplace_back(text);
    }
    for (const auto& [name, value] : configured)
        lines.push_back(name + "=" + value);
    lines.push_back("KUBERNETES_EXEC_INFO=" + exec_info(access));
    return lines;
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
    std::vector<char*> pointers;
    for (std::string& text : texts)
        pointers.push_back(text.data());
    pointers.push_back(nullptr);
    return pointers;
}

// The plug-in's process; killed with its group if it is still there at the end.
class Process {
  public:
    Process() = default;
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;
    ~Process() {
        if (pid_ <= 0) return;
        ::kill(-pid_, SIGKILL);
        wait();
    }

    // 0, or why it cannot be started.
    int start(const Access& access, int out_fd, int err_fd) {
        std::vector<std::string> arguments{access.exec->command};
        arguments.insert(arguments.end(), access.exec->arguments.begin(),
                         access.exec->arguments.end());
        std::vector<std::string> environment = environment_of(access);
        posix_spawn_file_actions_t actions;
        posix_spawnattr_t attributes;
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
        posix_spawn_file_actions_adddup2(&actions, out_fd, 1);
        posix_spawn_file_actions_adddup2(&actions, err_fd, 2);
        posix_spawnattr_init(&attributes);
        sigset_t none;
        sigset_t all;
        sigemptyset(&none);
        sigfillset(&all);
        posix_spawnattr_setsigmask(&attributes, &none);
        posix_spawnattr_setsigdefault(&attributes, &all);
        posix_spawnattr_setpgroup(&attributes, 0);
        posix_spawnattr_setflags(
            &attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
        const int error =
            posix_spawnp(&pid_, arguments[0].c_str(), &actions, &attributes,
                         pointers_to(arguments).data(), pointers_to(environment).data());
        posix_spawnattr_destroy(&attributes);
        posix_spawn_file_actions_destroy(&actions);
        if (error != 0) {
            pid_ = -1;
            return error;
        }
        pidfd_ = Descriptor(deploy::open_pidfd(pid_));
        return 0;
    }
    [[nodiscard]] int pidfd() const { return pidfd_.get(); }
    // Its wait status; only once.
    int wait() {
        int status = 0;
        while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
        }
        pid_ = -1;
        return status;
    }

  private:
    pid_t pid_ = -1;
    Descriptor pidfd_;
};

// Reads what is there; false: the other end is closed, or there is too much.
bool drain(int fd, std::string& into) {
    std::array<char, 4096> block{};
    for (;;) {
        const ssize_t got = ::read(fd, block.data(), block.size());
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return errno == EAGAIN;
        if (got == 0) return false;
        if (into.size() + static_cast<std::size_t>(got) > limits::kubernetes_plugin_bytes_max) {
            into.resize(limits::kubernetes_plugin_bytes_max + 1);  // marks it as too much
            return false;
        }
        into.append(block.data(), static_cast<std::size_t>(got));
    }
}

struct Said {
    std::string out;
    std::string err;
};

// Until the process has ended. A grandchild that keeps the pipes open is not waited for.
Result<Said> listen(const Process& process, Pipe& out, Pipe& err, int stop_fd,
                    std::uint32_t timeout_ms) {
    Said said;
    const Nanos deadline = monotonic_now() + timeout_ms * kMillisecond;
    std::array<pollfd, 4> watched{{{out.reading.get(), POLLIN, 0},
                                   {err.reading.get(), POLLIN, 0},
                                   {process.pidfd(), POLLIN, 0},
                                   {stop_fd, POLLIN, 0}}};
    for (;;) {
        const Nanos now = monotonic_now();
        if (now >= deadline)
            return failure(Code::timed_out,
                           "has not answered within " + std::to_string(timeout_ms / 1000) + " s");
        const auto wait_ms = static_cast<int>((deadline - now) / kMillisecond + 1);
        if (::poll(watched.data(), watched.size(), wait_ms) < 0 && errno != EINTR)
            return std::unexpected(error_from_errno(errno, "cannot be waited for"));
        if ((watched[3].revents & POLLIN) != 0) return failure(Code::cancelled, "was cancelled");
        const bool has_ended = (watched[2].revents & POLLIN) != 0;
        if (watched[0].fd >= 0 && !drain(watched[0].fd, said.out)) watched[0].fd = -1;
        if (watched[1].fd >= 0 && !drain(watched[1].fd, said.err)) watched[1].fd = -1;
        if (said.out.size() > limits::kubernetes_plugin_bytes_max)
            return failure(Code::limit_exceeded, "prints too much");
        if (has_ended) return said;
    }
}

std::string ending_of(int status) {
    if (WIFEXITED(status)) return "exited with status " + std::to_string(WEXITSTATUS(status));
    return "was killed by signal " + std::to_string(WTERMSIG(status));
}

Result<PluginAnswer> run(const Access& access, int stop_fd, std::uint32_t timeout_ms) {
    auto out = open_pipe();
    auto err = open_pipe();
    if (!out || !err) return std::unexpected(out ? err.error() : out.error());
    Process process;
    const int error = process.start(access, out->writing.get(), err->writing.get());
    if (error != 0) {
        const std::string& hint = access.exec->install_hint;
        return failure(Code::permission_denied,
                       "cannot be started: " + std::string(std::strerror(error)) +
                           (hint.empty() ? "" : "; " + hint));
    }
    out->writing.reset();
    err->writing.reset();
    const auto said = listen(process, *out, *err, stop_fd, timeout_ms);
    if (!said) return std::unexpected(said.error());
    const int status = process.wait();
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return failure(Code::permission_denied,
                       ending_of(status) + (said->err.empty() ? "" : ": " + said->err));
    return parse_exec_credential(said->out, access.exec->api_version);
}

}  // namespace

std::string exec_info(const Access& access) {
    JsonWriter out;
    out.object().key("apiVersion").string(access.exec->api_version);
    out.key("kind").string("ExecCredential").key("spec").object();
    if (access.exec->provide_cluster_info) {
        out.key("cluster").object().key("server").string(access.server);
        if (!access.tls_server_name.empty())
            out.key("tls-server-name").string(access.tls_server_name);
        if (access.insecure_skip_tls_verify) out.key("insecure-skip-tls-verify").boolean(true);
        if (!access.ca.text.empty())
            out.key("certificate-authority-data").string(encode_base64(access.ca.text));
        if (!access.proxy_url.empty()) out.key("proxy-url").string(access.proxy_url);
        out.end();
    }
    out.key("interactive").boolean(false).end().end();
    return out.take();
}

Result<PluginAnswer> parse_exec_credential(std::string_view text, const std::string& api_version) {
    const auto bad = [](const char* what) {
        return failure(Code::permission_denied, std::string("printed no credentials: ") + what);
    };
    const auto tree = model::parse_json(text);
    if (!tree) return bad("it is not JSON");
    if (text_at(*tree, {"kind"}) != "ExecCredential") return bad("kind is not ExecCredential");
    if (text_at(*tree, {"apiVersion"}) != api_version)
        return bad("apiVersion is not the one of the kubeconfig");
    PluginAnswer answer;
    answer.token = text_at(*tree, {"status", "token"});
    answer.client_certificate.text = text_at(*tree, {"status", "clientCertificateData"});
    answer.client_key.text = text_at(*tree, {"status", "clientKeyData"});
    if (answer.token.empty() && answer.client_certificate.empty())
        return bad("status has neither a token nor a certificate");
    if (answer.client_certificate.empty() != answer.client_key.empty())
        return bad("a certificate and its key need each other");
    if (!problem_of_token(answer.token).empty()) return bad("the token is none");
    const std::string& expires = text_at(*tree, {"status", "expirationTimestamp"});
    if (expires.empty()) return answer;
    const auto at = unix_millis_of_rfc3339(expires);
    if (!at) return bad("expirationTimestamp is not a time");
    answer.expires_unix_ms = *at;
    return answer;
}

Result<PluginAnswer> run_plugin(const Access& access, const std::stop_token& stop,
                                std::uint32_t timeout_ms) {
    const Descriptor stopped(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!stopped) return std::unexpected(error_from_errno(errno, "cannot make an eventfd"));
    const std::stop_callback wake(stop, [&] { ::eventfd_write(stopped.get(), 1); });
    auto answer = run(access, stopped.get(), timeout_ms);
    if (answer) return answer;
    Error error = answer.error();
    error.detail =
        bounded_text(access.origin + ": exec plug-in " + access.exec->command + " " + error.detail,
                     limits::kubernetes_message_bytes_max);
    return std::unexpected(std::move(error));
}

}  // namespace mcpgw::kubernetes
