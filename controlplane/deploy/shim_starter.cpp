// posix_spawn with a short list of descriptors.
#include "controlplane/deploy/shim_starter.h"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/check.h"
#include "controlplane/deploy/pidfd.h"

namespace mcpgw::deploy {
namespace {

// What any program needs to find its files, speak the user's language and get through a proxy. No
// credentials: those are configured per adapter.
constexpr std::array<const char*, 28> kInherited{"PATH",
                                                 "HOME",
                                                 "USER",
                                                 "LOGNAME",
                                                 "SHELL",
                                                 "LANG",
                                                 "LANGUAGE",
                                                 "LC_ALL",
                                                 "LC_CTYPE",
                                                 "LC_MESSAGES",
                                                 "TZ",
                                                 "TMPDIR",
                                                 "XDG_CACHE_HOME",
                                                 "XDG_CONFIG_HOME",
                                                 "XDG_DATA_HOME",
                                                 "XDG_RUNTIME_DIR",
                                                 "HTTP_PROXY",
                                                 "HTTPS_PROXY",
                                                 "NO_PROXY",
                                                 "ALL_PROXY",
                                                 "http_proxy",
                                                 "https_proxy",
                                                 "no_proxy",
                                                 "all_proxy",
                                                 "SSL_CERT_FILE",
                                                 "SSL_CERT_DIR",
                                                 "NODE_EXTRA_CA_CERTS",
                                                 "LD_LIBRARY_PATH"};

Result<Descriptor> anonymous_file(std::string_view text) {
    Descriptor file(memfd_create("mcp-gateway-launch", MFD_CLOEXEC));
    if (!file) return std::unexpected(error_from_errno(errno, "memfd_create"));
    while (!text.empty()) {
        const ssize_t written = write(file.get(), text.data(), text.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return std::unexpected(error_from_errno(errno, "memfd write"));
        text.remove_prefix(static_cast<std::size_t>(written));
    }
    return file;
}

// A copy with a number that no descriptor of the child can collide with.
Descriptor high_copy(int fd) {
    return Descriptor(fcntl(fd, F_DUPFD_CLOEXEC, 64));
}

// The lists of posix_spawn, freed with their owner.
struct SpawnLists {
    posix_spawn_file_actions_t actions{};
    posix_spawnattr_t attributes{};

    SpawnLists() {
        posix_spawn_file_actions_init(&actions);
        posix_spawnattr_init(&attributes);
        sigset_t none;
        sigemptyset(&none);
        sigset_t all;
        sigfillset(&all);
        posix_spawnattr_setsigmask(&attributes, &none);
        posix_spawnattr_setsigdefault(&attributes, &all);
        posix_spawnattr_setflags(
            &attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    }
    SpawnLists(const SpawnLists&) = delete;
    SpawnLists& operator=(const SpawnLists&) = delete;
    ~SpawnLists() {
        posix_spawn_file_actions_destroy(&actions);
        posix_spawnattr_destroy(&attributes);
    }
};

}  // namespace

Result<Descriptor> start_shim(const ShimStart& start, const shim::Launch& launch) {
    check(start.lock_fd >= 0, "the instance is locked");
    Result<Descriptor> text = anonymous_file(shim::encode(launch));
    if (!text) return std::unexpected(text.error());
    const Descriptor input = high_copy(text->get());
    const Descriptor lock = high_copy(start.lock_fd);
    const Descriptor lifeline =
        start.lifeline_fd >= 0 ? high_copy(start.lifeline_fd) : Descriptor();
    if (!input || !lock || (start.lifeline_fd >= 0 && !lifeline))
        return std::unexpected(error_from_errno(errno, "cannot copy a descriptor"));

    SpawnLists lists;
    posix_spawn_file_actions_adddup2(&lists.actions, input.get(), 0);
    posix_spawn_file_actions_addopen(&lists.actions, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&lists.actions, 3, "/dev/null", O_RDONLY, 0);
    if (lifeline)
        posix_spawn_file_actions_adddup2(&lists.actions, lifeline.get(), shim::kLifelineFd);
    posix_spawn_file_actions_adddup2(&lists.actions, lock.get(), shim::kLockFd);
    posix_spawn_file_actions_addclosefrom_np(&lists.actions, shim::kLockFd + 1);

    std::string program = start.shim_path;
    std::string directory = start.directory;
    std::array<char*, 3> argv{program.data(), directory.data(), nullptr};
    std::string variable =
        std::string(shim::kLifelineVariable) + "=" + std::to_string(shim::kLifelineFd);
    std::array<char*, 2> envp{lifeline ? variable.data() : nullptr, nullptr};
    pid_t pid = 0;
    const int error = posix_spawn(&pid, program.c_str(), &lists.actions, &lists.attributes,
                                  argv.data(), envp.data());
    if (error != 0) return std::unexpected(error_from_errno(error, program));
    Descriptor pidfd(open_pidfd(pid));  // our child, not collected: the pid is still its own
    if (!pidfd) {
        const int reason = errno;
        kill(pid, SIGKILL);
        waitpid(pid, nullptr, 0);
        return std::unexpected(error_from_errno(reason, "pidfd_open"));
    }
    return pidfd;
}

std::vector<std::pair<std::string, std::string>> server_environment(
    const std::map<std::string, std::string>& configured) {
    std::map<std::string, std::string> all = configured;
    for (const char* name : kInherited)
        if (const char* value = std::getenv(name)) all.try_emplace(name, value);
    return {all.begin(), all.end()};
}

Result<std::string> find_command(const std::string& command,
                                 const std::map<std::string, std::string>& configured) {
    const auto path = configured.find("PATH");
    const char* inherited = std::getenv("PATH");
    const std::string search = path != configured.end() ? path->second
                               : inherited != nullptr   ? inherited
                                                        : "/usr/bin:/bin";
    int outcome = ENOENT;
    const auto can_run = [&outcome](const std::string& file) {
        if (access(file.c_str(), X_OK) == 0) return true;
        if (errno == EACCES) outcome = EACCES;
        return false;
    };
    if (command.find('/') != std::string::npos && can_run(command)) return command;
    std::string_view rest = search;
    for (bool more = command.find('/') == std::string::npos && !command.empty(); more;) {
        const std::size_t end = rest.find(':');
        const std::string directory(rest.substr(0, end));
        std::string file = (directory.empty() ? "." : directory) + "/" + command;
        if (can_run(file)) return file;
        more = end != std::string_view::npos;
        if (more) rest.remove_prefix(end + 1);
    }
    return failure(Code::not_found, command + ": " + std::strerror(outcome), Side::backend);
}

}  // namespace mcpgw::deploy
