// A server for the tests of this room: listens, and does on request what servers do at the worst
// time.
//
//   deploy_test_server [--exit N] [--say TEXT] [--ignore-term] [--deaf]
//
// A connection is one line and its answer: "pid", "exit N", "say TEXT", "spam BYTES", "env NAME",
// "grandchild" (a process of another session that ignores SIGTERM; answers its pid), "args",
// "deaf" (stops listening until SIGUSR1), "touch PATH" (makes a file), "uid", "eat MIB" (memory,
// and keeps it), "health N" (answers health checks with this status from now on; 200 at first),
// "asked" (how many health checks there were). A connection without a line is a probe, one that
// begins with GET a health check.
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

namespace {

std::string all_arguments;
int health_status = 200;
int health_checks = 0;

int listen_on(int port) {
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    const int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
        listen(fd, 16) != 0) {
        std::perror("listen");
        std::exit(98);
    }
    return fd;
}

std::string read_line(int fd) {
    std::string line;
    for (char c = 0; read(fd, &c, 1) == 1 && c != '\n';)
        line += c;
    return line;
}

void wait_for_user_signal() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    int number = 0;
    sigwait(&set, &number);
}

pid_t make_grandchild() {
    int fds[2];
    if (pipe(fds) != 0) std::exit(99);
    if (const pid_t child = fork(); child == 0) {
        setsid();
        if (const pid_t grandchild = fork(); grandchild == 0) {
            signal(SIGTERM, SIG_IGN);
            const pid_t self = getpid();
            if (write(fds[1], &self, sizeof self) != sizeof self) _exit(1);
            for (;;)
                pause();
        }
        _exit(0);
    }
    pid_t pid = 0;
    if (read(fds[0], &pid, sizeof pid) != sizeof pid) std::exit(99);
    close(fds[0]);
    close(fds[1]);
    return pid;
}

std::string answer(const std::string& line) {
    const std::string word = line.substr(0, line.find(' '));
    const std::string rest = word.size() < line.size() ? line.substr(word.size() + 1) : "";
    if (word == "pid") return std::to_string(getpid());
    if (word == "exit") std::exit(std::atoi(rest.c_str()));
    if (word == "say") std::printf("%s\n", rest.c_str());
    if (word == "spam")
        for (long left = std::atol(rest.c_str()); left > 0; left -= 64)
            std::printf("%s\n", std::string(63, 'x').c_str());
    if (word == "grandchild") return std::to_string(make_grandchild());
    if (word == "uid") return std::to_string(getuid());
    if (word == "touch") {
        const int fd = open(rest.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        if (fd < 0) return std::strerror(errno);
        close(fd);
    }
    if (word == "eat") {
        const std::size_t bytes = static_cast<std::size_t>(std::atol(rest.c_str())) << 20;
        void* memory = std::malloc(bytes);
        if (memory == nullptr) return "no memory";
        std::memset(memory, 1, bytes);
    }
    if (word == "args") return all_arguments;
    if (word == "health") health_status = std::atoi(rest.c_str());
    if (word == "asked") return std::to_string(health_checks);
    if (word == "env") {
        const char* value = std::getenv(rest.c_str());
        return value != nullptr ? value : "(none)";
    }
    return "ok";
}

// The rest of the head is read, so that closing does not reset the connection.
void answer_health_check(int fd) {
    for (std::string line = "GET"; line.size() > 1;)
        line = read_line(fd);
    ++health_checks;
    const std::string text =
        "HTTP/1.1 " + std::to_string(health_status) + " As Told\r\nContent-Length: 3\r\n\r\nno\n";
    if (write(fd, text.data(), text.size()) < 0) std::perror("write");
}

}  // namespace

int main(int argc, char** argv) {
    setvbuf(stdout, nullptr, _IOLBF, 0);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, nullptr);
    bool deaf = false;
    for (int i = 1; i < argc; ++i) {
        const std::string_view word = argv[i];
        all_arguments += std::string(word) + " ";
        if (word == "--exit" && i + 1 < argc) {
            std::fprintf(stderr, "giving up\n");
            return std::atoi(argv[i + 1]);
        }
        if (word == "--say" && i + 1 < argc) std::printf("%s\n", argv[i + 1]);
        if (word == "--ignore-term") signal(SIGTERM, SIG_IGN);
        if (word == "--deaf") deaf = true;
    }
    if (deaf) wait_for_user_signal();
    const char* port = std::getenv("PORT");
    if (port == nullptr) return 97;
    int listener = listen_on(std::atoi(port));
    std::printf("listening on %s\n", port);
    for (;;) {
        const int fd = accept(listener, nullptr, nullptr);
        if (fd < 0) continue;
        // A test that asks cannot end its own probe meanwhile.
        const timeval patience{0, 200'000};
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        const std::string line = read_line(fd);
        if (line.starts_with("GET ")) {
            answer_health_check(fd);
        } else if (!line.empty()) {
            const std::string text = answer(line) + "\n";
            if (write(fd, text.data(), text.size()) < 0) std::perror("write");
        }
        close(fd);
        if (line == "deaf") {
            close(listener);
            wait_for_user_signal();
            listener = listen_on(std::atoi(port));
        }
    }
}
