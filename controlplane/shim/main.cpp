// mcp-gateway-shim DIRECTORY: started by the process deployer, one per instance, never by hand.
// mcp-gateway-shim --lifeline PIPE: started by systemd for the systemd deployer, one per gateway.
//
// On entry of the first: standard input is the Launch (run_files.h), descriptor 4 holds the lock of
// DIRECTORY, and MCP_GATEWAY_LIFELINE_FD may name the lifeline. Nothing is kept of the control
// plane's session, process group or descriptors.
#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include <fcntl.h>
#include <unistd.h>

#include "controlplane/shim/shim.h"

namespace {

using namespace mcpgw;

// The lifeline's number, -1 if there is none.
int lifeline() {
    const char* text = std::getenv(shim::kLifelineVariable);
    if (text == nullptr) return -1;
    int fd = -1;
    const auto [end, error] = std::from_chars(text, text + std::strlen(text), fd);
    return error == std::errc() && *end == '\0' && fd > 2 ? fd : -1;
}

int give_up(const std::string& why) {
    std::fprintf(stderr, "mcp-gateway-shim: %s\n", why.c_str());
    return shim::kExitUnusable;
}

// Only the lock and the lifeline stay open, and no server inherits them.
void keep_only(int lifeline_fd) {
    const int low = lifeline_fd >= 0 ? std::min(lifeline_fd, shim::kLockFd) : shim::kLockFd;
    const int high = std::max(lifeline_fd, shim::kLockFd);
    if (low > 3) close_range(3, static_cast<unsigned>(low - 1), 0);
    if (high - low > 1)
        close_range(static_cast<unsigned>(low + 1), static_cast<unsigned>(high - 1), 0);
    close_range(static_cast<unsigned>(high + 1), ~0U, 0);
    fcntl(shim::kLockFd, F_SETFD, FD_CLOEXEC);
    if (lifeline_fd >= 0) fcntl(lifeline_fd, F_SETFD, FD_CLOEXEC);
}

// Lives as long as the lifeline: the units of servers are bound to the unit of this process
// (controlplane/systemd/). `path` leads to the reading end of the pipe.
int hold_lifeline(const char* path) {
    const int pipe = open(path, O_RDONLY | O_CLOEXEC);
    if (pipe < 0) return give_up(std::string(path) + ": " + std::strerror(errno));
    for (;;) {
        char ignored = 0;
        const ssize_t got = read(pipe, &ignored, 1);
        if (got == 0) return 0;
        if (got < 0 && errno != EINTR) return give_up("the lifeline cannot be read");
    }
}

}  // namespace

int main(int argc, char** argv) {
    if (argc == 3 && std::string_view(argv[1]) == shim::kLifelineArgument)
        return hold_lifeline(argv[2]);
    if (argc != 2) return give_up("usage: mcp-gateway-shim DIRECTORY (it is not for people)");
    setsid();  // fails only if it leads a group already, which the starter sees to
    const std::string directory = argv[1];
    const int lifeline_fd = lifeline();
    keep_only(lifeline_fd);
    constexpr std::size_t launch_bytes_max = 64 * 1024 * 1024;
    const Result<std::string> text = shim::read_file("/dev/stdin", launch_bytes_max);
    if (!text) return give_up(text.error().detail);
    const int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (null_fd < 0 || dup2(null_fd, 0) != 0) return give_up("cannot open /dev/null");
    Result<shim::Launch> launch = shim::decode_launch(*text);
    if (!launch) return give_up(launch.error().detail);
    Result<shim::ServerLog> log = shim::ServerLog::open(directory, launch->log_bytes_max);
    if (!log) return give_up(log.error().detail);
    shim::Shim keeper(directory, std::move(*launch), std::move(*log), lifeline_fd);
    if (const Result<> ended = keeper.run(); !ended) return give_up(ended.error().detail);
    return 0;
}
