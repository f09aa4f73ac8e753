// Start, look, end. The sockets are handed over as sd_listen_fds(3) says.
#include "tests/load/gateway_program.h"

#include <array>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/check.h"
#include "common/contract/snapshot.h"
#include "dataplane/link/snapshot_file.h"
#include "dataplane/listen/sockets.h"

namespace mcpgw::load {
namespace {

constexpr int kFirstInherited = 3;

std::uint16_t port_of(int socket) {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size);
    return ntohs(address.sin_port);
}

contract::Snapshot snapshot_for(std::uint16_t server_port) {
    contract::Instance instance;
    instance.name = "a-0";
    instance.id = 1;
    instance.host = "127.0.0.1";
    instance.port = server_port;
    instance.authority = "127.0.0.1:" + std::to_string(server_port);
    instance.path = "/mcp";
    instance.state = contract::InstanceState::ready;
    contract::Adapter adapter;
    adapter.name = "a";
    adapter.created_by = "dev";
    adapter.instances = {instance};
    contract::Snapshot snapshot;
    snapshot.epoch = "load";
    snapshot.version = 1;
    snapshot.keys = {{"k1", std::string(32, 'k'), true}};
    snapshot.adapters = {adapter};
    return snapshot;
}

[[noreturn]] void become_gateway(const std::string& folder, int main_socket, int admin_socket) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    // Upwards first, so that neither is overwritten by the other's copy.
    const int main_copy = fcntl(main_socket, F_DUPFD, 10);
    const int admin_copy = fcntl(admin_socket, F_DUPFD, 10);
    dup2(main_copy, kFirstInherited);
    dup2(admin_copy, kFirstInherited + 1);
    const int log = open((folder + "/log").c_str(), O_CREAT | O_WRONLY | O_APPEND, 0600);
    dup2(log, STDERR_FILENO);
    for (const int extra : {main_copy, admin_copy, log})
        close(extra);
    setenv("LISTEN_PID", std::to_string(getpid()).c_str(), 1);
    setenv("LISTEN_FDS", "2", 1);
    setenv("LISTEN_FDNAMES", "main:admin", 1);
    execl(MCPGW_DATAPLANE_PROGRAM, "mcp-gateway-dataplane", "--data-dir", folder.c_str(),
          "--workers", "1", static_cast<char*>(nullptr));
    _exit(127);
}

// The whole answer of one request whose connection ends with it.
std::string get(std::uint16_t port, const std::string& path) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    std::string text;
    if (connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) {
        const std::string request =
            "GET " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        static_cast<void>(send(socket, request.data(), request.size(), MSG_NOSIGNAL));
        std::array<char, 65536> buffer;
        for (ssize_t n = 1; n > 0;) {
            n = recv(socket, buffer.data(), buffer.size(), 0);
            if (n > 0) text.append(buffer.data(), static_cast<std::size_t>(n));
        }
    }
    close(socket);
    return text;
}

}  // namespace

GatewayProgram::GatewayProgram(std::uint16_t server_port) {
    check(SnapshotFile(folder_.path()).save(snapshot_for(server_port)).has_value(),
          "the snapshot is written");
    auto main_sockets = listen::bind_sockets("127.0.0.1:0", 1);
    auto admin_sockets = listen::bind_sockets("127.0.0.1:0", 1);
    port_ = port_of(main_sockets->front());
    admin_port_ = port_of(admin_sockets->front());
    child_ = fork();
    if (child_ == 0) become_gateway(folder_.path(), main_sockets->front(), admin_sockets->front());
    close(main_sockets->front());
    close(admin_sockets->front());
    // The request waits in the backlog until the program serves.
    check(get(port_, "/readyz").starts_with("HTTP/1.1 200"), "the data plane is ready");
}

GatewayProgram::~GatewayProgram() {
    kill(child_, SIGKILL);
    waitpid(child_, nullptr, 0);
}

std::size_t GatewayProgram::resident_bytes() const {
    std::ifstream in("/proc/" + std::to_string(child_) + "/statm");
    std::size_t size = 0;
    std::size_t resident = 0;
    in >> size >> resident;
    return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

std::size_t GatewayProgram::descriptors() const {
    const std::filesystem::directory_iterator entries("/proc/" + std::to_string(child_) + "/fd");
    return static_cast<std::size_t>(std::distance(begin(entries), end(entries)));
}

double GatewayProgram::metric(const std::string& name) const {
    std::istringstream lines(get(admin_port_, "/metrics"));
    double sum = 0;
    for (std::string line; std::getline(lines, line);) {
        const bool matches = line.starts_with(name) && line.size() > name.size() &&
                             (line[name.size()] == '{' || line[name.size()] == ' ');
        if (matches) sum += std::strtod(line.c_str() + line.rfind(' '), nullptr);
    }
    return sum;
}

std::string GatewayProgram::log() const {
    return fixture::read_file(folder_.file("log"));
}

}  // namespace mcpgw::load
