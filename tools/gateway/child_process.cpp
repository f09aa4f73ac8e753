// fork and exec. Between the two only what POSIX allows after a fork in a program with threads:
// everything that allocates happens before.
#include "tools/gateway/child_process.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <utility>

#include <fcntl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "common/check.h"
#include "tools/gateway/unique_fd.h"

namespace mcpgw::cli {
namespace {

constexpr int kFirstFd = 3;  // as in the systemd protocol
constexpr std::size_t kPidDigits = 20;

// What the child needs, ready for use; pointers into the spec and into itself.
struct Prepared {
    const char* path = nullptr;
    std::vector<char*> argv;
    std::vector<char*> envp;
    std::vector<int> fds;
    std::string listen_pid;
    char* listen_pid_digits = nullptr;
    int death_signal = 0;
    int null_fd = -1;
    int report_fd = -1;  // closed by a successful exec, else it carries errno
    pid_t parent = 0;
};

void write_pid(char* digits, pid_t pid) {
    std::array<char, kPidDigits> reversed{};
    std::size_t count = 0;
    for (; pid > 0; pid /= 10)
        reversed[count++] = static_cast<char>('0' + pid % 10);
    for (std::size_t i = 0; i < count; ++i)
        digits[i] = reversed[count - 1 - i];
    digits[count] = '\0';
}

void default_signals() {
    struct sigaction action{};
    action.sa_handler = SIG_DFL;
    for (int number = 1; number < NSIG; ++number)
        ::sigaction(number, &action, nullptr);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

[[noreturn]] void become(const Prepared& child) {
    const auto give_up = [&child] {
        const int why = errno;
        [[maybe_unused]] const ssize_t written = ::write(child.report_fd, &why, sizeof why);
        ::_exit(127);
    };
    ::setpgid(0, 0);
    if (::prctl(PR_SET_PDEATHSIG, child.death_signal) != 0) give_up();
    if (::getppid() != child.parent) ::_exit(127);  // it died before it could be noticed
    default_signals();
    if (::dup2(child.null_fd, STDIN_FILENO) < 0) give_up();
    if (::dup2(STDERR_FILENO, STDOUT_FILENO) < 0) give_up();
    for (std::size_t i = 0; i < child.fds.size(); ++i)
        if (::dup2(child.fds[i], kFirstFd + static_cast<int>(i)) < 0) give_up();
    if (child.listen_pid_digits != nullptr) write_pid(child.listen_pid_digits, ::getpid());
    ::execve(child.path, child.argv.data(), child.envp.data());
    give_up();
    std::unreachable();
}

// Copies `fd` above the numbers that the child will overwrite.
Result<UniqueFd> moved_up(int fd, int lowest) {
    UniqueFd copy(::fcntl(fd, F_DUPFD_CLOEXEC, lowest));
    if (!copy.is_open())
        return std::unexpected(error_from_errno(errno, "cannot copy a descriptor"));
    return copy;
}

char* as_argument(const std::string& text) {
    return const_cast<char*>(text.c_str());
}

void prepare_texts(const ChildSpec& spec, Prepared& out) {
    out.path = spec.path.c_str();
    out.argv.push_back(as_argument(spec.path));
    for (const std::string& argument : spec.arguments)
        out.argv.push_back(as_argument(argument));
    out.argv.push_back(nullptr);
    for (const std::string& variable : spec.environment)
        out.envp.push_back(as_argument(variable));
    if (spec.takes_listeners) {
        out.listen_pid = "LISTEN_PID=";
        const std::size_t name_size = out.listen_pid.size();
        out.listen_pid.append(kPidDigits + 1, '\0');
        out.listen_pid_digits = out.listen_pid.data() + name_size;
        out.envp.push_back(out.listen_pid.data());
    }
    out.envp.push_back(nullptr);
}

// After the fork: what the child reports if it cannot become the executable.
Result<pid_t> await_exec(pid_t pid, UniqueFd report, const std::string& path) {
    int why = 0;
    ssize_t count = 0;
    do {
        count = ::read(report.get(), &why, sizeof why);
    } while (count < 0 && errno == EINTR);
    if (count == 0) return pid;
    return std::unexpected(
        error_from_errno(count == sizeof why ? why : EIO, "cannot start " + path));
}

}  // namespace

Result<pid_t> start_child(const ChildSpec& spec) {
    check(!spec.path.empty() && spec.path[0] == '/', "an executable has an absolute path");
    const int lowest = kFirstFd + static_cast<int>(spec.fds.size());
    Prepared child;
    prepare_texts(spec, child);
    child.death_signal = spec.death_signal;
    child.parent = ::getpid();

    std::vector<UniqueFd> copies;
    for (const int fd : spec.fds) {
        auto copy = moved_up(fd, lowest);
        if (!copy) return std::unexpected(copy.error());
        child.fds.push_back(copy->get());
        copies.push_back(std::move(*copy));
    }
    UniqueFd null_fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    std::array<int, 2> ends{-1, -1};
    if (!null_fd.is_open() || ::pipe2(ends.data(), O_CLOEXEC) != 0)
        return std::unexpected(error_from_errno(errno, "cannot start " + spec.path));
    UniqueFd read_end(ends[0]);
    UniqueFd write_end(ends[1]);
    auto report = moved_up(write_end.get(), lowest);
    if (!report) return std::unexpected(report.error());
    write_end.reset();
    auto null_copy = moved_up(null_fd.get(), lowest);
    if (!null_copy) return std::unexpected(null_copy.error());
    child.null_fd = null_copy->get();
    child.report_fd = report->get();

    const pid_t pid = ::fork();
    if (pid < 0) return std::unexpected(error_from_errno(errno, "cannot start " + spec.path));
    if (pid == 0) become(child);
    report->reset();
    return await_exec(pid, std::move(read_end), spec.path);
}

}  // namespace mcpgw::cli
