// Stands in for either plane in tests of the supervisor.
//
// It writes what it was given, and each step of its life, as lines "<name> <event> <detail>" to the
// file FAKE_LOG; says READY over NOTIFY_SOCKET; and ends on SIGTERM after noting it. As the control
// plane it also starts a shim: a process in a session of its own that lives until the lifeline
// ends, as the real shims do. The variables FAKE_EXIT_<NAME>=N (end at once with that status) and
// FAKE_STUBBORN_<NAME>=1 (ignore SIGTERM), and FAKE_STUBBORN_SHIM=1 (outlive the lifeline) make it
// behave badly.
#include <array>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>

#include <fcntl.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace {

std::string variable(const std::string& name) {
    const char* value = std::getenv(name.c_str());
    return value == nullptr ? "" : value;
}

void note(const std::string& line) {
    const int fd = ::open(variable("FAKE_LOG").c_str(), O_WRONLY | O_APPEND | O_CREAT, 0600);
    const std::string text = line + "\n";
    if (::write(fd, text.data(), text.size()) < 0) std::abort();
    ::close(fd);
}

void say_ready() {
    const std::string path = variable("NOTIFY_SOCKET");
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const std::string text = "STATUS=fake\nREADY=1\n";
    if (::sendto(fd, text.data(), text.size(), 0, reinterpret_cast<const sockaddr*>(&address),
                 sizeof address) < 0)
        std::abort();
    ::close(fd);
}

void run_shim(int lifeline) {
    ::setsid();
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    note("shim started " + std::to_string(::getpid()));
    char unused = 0;
    while (::read(lifeline, &unused, 1) > 0) {
    }
    note("shim lifeline-ended " + std::to_string(::getpid()));
    if (!variable("FAKE_STUBBORN_SHIM").empty())
        for (;;)
            ::pause();
    ::_exit(0);
}

// Answers one connection on the given listener with this process's id, if there is one.
void serve(int listener) {
    const int client = ::accept(listener, nullptr, nullptr);
    if (client < 0) return;
    const std::string text = std::to_string(::getpid());
    if (::write(client, text.data(), text.size()) < 0) return;
    ::close(client);
}

}  // namespace

int main(int argc, char** argv) {
    const std::string file = std::filesystem::path(argv[0]).filename().string();
    const std::string name = file.substr(file.rfind('-') + 1);
    sigset_t taken;
    sigemptyset(&taken);
    sigaddset(&taken, SIGTERM);
    ::sigprocmask(SIG_BLOCK, &taken, nullptr);
    const int signals = ::signalfd(-1, &taken, SFD_CLOEXEC);

    note(name + " started " + std::to_string(::getpid()));
    for (int i = 1; i < argc; ++i)
        note(name + " argument " + argv[i]);
    for (const char* key : {"LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "MCP_GATEWAY_LIFELINE_FD",
                            "MCP_GATEWAY_WORKERS"})
        note(name + " variable " + key + "=" + variable(key));
    if (const std::string status = variable("FAKE_EXIT_" + name); !status.empty())
        return std::atoi(status.c_str());

    const std::string lifeline = variable("MCP_GATEWAY_LIFELINE_FD");
    if (!lifeline.empty() && variable("FAKE_NO_SHIM").empty() && ::fork() == 0)
        run_shim(std::atoi(lifeline.c_str()));
    say_ready();
    const bool is_stubborn = !variable("FAKE_STUBBORN_" + name).empty();
    for (;;) {
        std::array<pollfd, 2> sources{pollfd{signals, POLLIN, 0},
                                      pollfd{variable("LISTEN_FDS").empty() ? -1 : 3, POLLIN, 0}};
        if (::poll(sources.data(), sources.size(), -1) < 0) continue;
        if (sources[1].revents != 0) serve(3);
        if (sources[0].revents == 0) continue;
        signalfd_siginfo info{};
        if (::read(signals, &info, sizeof info) < 0) std::abort();
        note(name + " terminated " + std::to_string(::getpid()));
        if (!is_stubborn) return 0;
    }
}
