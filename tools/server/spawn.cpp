// fork and exec. Between the two only calls that are safe after a fork of a threaded process.
#include "tools/server/spawn.h"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/check.h"

namespace mcpgw::server {
namespace {

constexpr int kExecFailed = 127;

// Set once, before there are threads.
rlimit file_limit_of_children = {};

struct Pipe {
    int read = -1;
    int write = -1;
};

struct Pipes {
    Pipe input, output, errors, status;

    bool open() {
        for (Pipe* pipe : {&input, &output, &errors, &status}) {
            int fds[2];
            if (pipe2(fds, O_CLOEXEC) != 0) return false;
            *pipe = {fds[0], fds[1]};
        }
        return true;
    }
    void close_all() {
        for (Pipe* pipe : {&input, &output, &errors, &status}) {
            close_fd(pipe->read);
            close_fd(pipe->write);
        }
    }
};

// Zero-terminated, as execve wants them. They point into what they were made of.
struct Program {
    const char* path;
    std::vector<char*> arguments;
    std::vector<char*> environment;
};

Program program_of(const ChildCommand& command) {
    Program program{command.path.c_str(), {}, {}};
    for (const std::string& argument : command.arguments)
        program.arguments.push_back(const_cast<char*>(argument.c_str()));
    program.arguments.push_back(nullptr);
    if (!command.mark.empty())
        program.environment.push_back(const_cast<char*>(command.mark.c_str()));
    for (char** variable = environ; *variable != nullptr; ++variable)
        program.environment.push_back(*variable);
    program.environment.push_back(nullptr);
    return program;
}

[[noreturn]] void become(const Program& program, const Pipes& pipes, pid_t parent) {
    // Killed rather than terminated, because nobody will be there to insist.
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setpgid(0, 0);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    signal(SIGPIPE, SIG_DFL);
    if (file_limit_of_children.rlim_max > 0) setrlimit(RLIMIT_NOFILE, &file_limit_of_children);
    // The parent may have died before the signal was asked for.
    if (getppid() == parent && dup2(pipes.input.read, 0) == 0 && dup2(pipes.output.write, 1) == 1 &&
        dup2(pipes.errors.write, 2) == 2) {
        // Not all of our descriptors are close-on-exec: accepted sockets are not ours to make.
        syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC);
        execve(program.path, program.arguments.data(), program.environment.data());
    }
    const int why = errno;
    if (write(pipes.status.write, &why, sizeof why) < 0) _exit(kExecFailed);
    _exit(kExecFailed);
}

void make_non_blocking(int fd) {
    const int flags = fcntl(fd, F_GETFL);
    check(flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0, "a pipe can be non-blocking");
}

bool is_executable_file(const std::string& path) {
    struct stat about = {};
    return stat(path.c_str(), &about) == 0 && S_ISREG(about.st_mode) &&
           access(path.c_str(), X_OK) == 0;
}

// 0 once the program runs, else the errno of the failure.
int read_status(int fd) {
    int why = 0;
    ssize_t got = 0;
    do {
        got = read(fd, &why, sizeof why);
    } while (got < 0 && errno == EINTR);
    return got == 0 ? 0 : why;
}

}  // namespace

void close_fd(int& fd) {
    if (fd >= 0) close(fd);
    fd = -1;
}

Result<std::string> find_executable(std::string_view name) {
    if (name.empty()) return failure(Code::invalid_argument, "the command is empty");
    if (name.find('/') != std::string_view::npos) {
        if (std::string path(name); is_executable_file(path)) return path;
        return failure(Code::not_found, "\"" + std::string(name) + "\" is not an executable file");
    }
    const char* variable = std::getenv("PATH");
    const std::string_view path = variable != nullptr ? variable : "/usr/bin:/bin";
    for (std::string_view rest = path;;) {
        const auto colon = rest.find(':');
        std::string candidate(rest.substr(0, colon));
        if (candidate.empty()) candidate = ".";
        candidate.append("/").append(name);
        if (is_executable_file(candidate)) return candidate;
        if (colon == std::string_view::npos) break;
        rest = rest.substr(colon + 1);
    }
    return failure(Code::not_found, "the command \"" + std::string(name) +
                                        "\" is not in the PATH (" + std::string(path) + ")");
}

Result<Spawned> spawn(const ChildCommand& command) {
    check(!command.arguments.empty(), "a program has a name");
    const Program program = program_of(command);
    const std::string what = "cannot start " + command.path;
    Pipes pipes;
    if (!pipes.open()) {
        const int why = errno;
        pipes.close_all();
        return std::unexpected(error_from_errno(why, what));
    }
    const pid_t parent = getpid();
    const pid_t pid = fork();
    if (pid == 0) become(program, pipes, parent);
    const int fork_error = errno;
    close_fd(pipes.status.write);
    const int why = pid < 0 ? fork_error : read_status(pipes.status.read);
    const int process = why == 0 ? static_cast<int>(syscall(SYS_pidfd_open, pid, 0)) : -1;
    const int pidfd_error = errno;
    if (process < 0) {
        if (pid > 0) {
            kill(pid, SIGKILL);
            waitpid(pid, nullptr, 0);
        }
        pipes.close_all();
        return std::unexpected(error_from_errno(why != 0 ? why : pidfd_error, what));
    }
    Spawned child{pid, process, pipes.input.write, pipes.output.read, pipes.errors.read};
    pipes.input.write = pipes.output.read = pipes.errors.read = -1;
    pipes.close_all();
    for (const int fd : {child.input, child.output, child.errors})
        make_non_blocking(fd);
    return child;
}

void raise_file_limit() {
    rlimit limit = {};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    file_limit_of_children = limit;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

std::string reap(pid_t pid) {
    int status = 0;
    pid_t reaped = 0;
    do {
        reaped = waitpid(pid, &status, 0);
    } while (reaped < 0 && errno == EINTR);
    check(reaped == pid, "a child is reaped once, by its owner");
    if (WIFEXITED(status)) return "exit status " + std::to_string(WEXITSTATUS(status));
    const int signal = WTERMSIG(status);
    const char* name = sigdescr_np(signal);
    return "signal " + std::to_string(signal) + " (" + (name != nullptr ? name : "unknown") + ")";
}

}  // namespace mcpgw::server
