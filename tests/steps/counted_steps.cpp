// Preloaded into a program: counts what it does that others can see, and kills it at one of them.
//
// A step is a call of the C library that changes files, starts or signals processes, or sends to
// another process: the points between which a death leaves something different behind. What only
// reads, or wakes threads of the program itself, is none; nor is what it logs.
//
// MCPGW_STEPS_FILE names the board, a file that the test and the program have mapped or open at the
// same time (layout: Board). Nothing is counted while it is not armed. Children of the program
// are not concerned: it hands them an environment of their own.
#include <array>
#include <atomic>
#include <cstdarg>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

namespace {

constexpr std::uint32_t kNamesMax = 8'192;
constexpr std::size_t kNameBytes = 16;

// The test writes the first three, and reads the others.
struct Board {
    std::atomic<std::uint32_t> armed;
    std::uint32_t kill_at;     // the first step is 1; 0: none
    std::uint32_t kill_after;  // 1: when the call has been made, else instead of it
    std::atomic<std::uint32_t> taken;
    std::array<std::array<char, kNameBytes>, kNamesMax> names;
};

Board* open_board() {
    const char* path = std::getenv("MCPGW_STEPS_FILE");
    if (path == nullptr) return nullptr;
    const long fd = ::syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC);
    if (fd < 0) return nullptr;
    void* mapped =
        ::mmap(nullptr, sizeof(Board), PROT_READ | PROT_WRITE, MAP_SHARED, static_cast<int>(fd), 0);
    ::syscall(SYS_close, fd);
    return mapped == MAP_FAILED ? nullptr : static_cast<Board*>(mapped);
}

// Before main, because other threads come later.
Board* const board = open_board();

[[noreturn]] void die() {
    ::syscall(SYS_kill, ::syscall(SYS_getpid), SIGKILL);
    for (;;)
        ::syscall(SYS_pause);
}

// One step: counted on entry, and where the test wants the program to die.
class Step {
  public:
    explicit Step(std::string_view name) {
        // Null, too, until the constructors of this library have run.
        if (board == nullptr || board->armed.load() == 0) return;
        const std::uint32_t number = board->taken.fetch_add(1) + 1;
        if (number <= kNamesMax) {
            board->names[number - 1].fill('\0');
            name.copy(board->names[number - 1].data(), kNameBytes - 1);
        }
        if (number != board->kill_at) return;
        if (board->kill_after == 0) die();
        dies_ = true;
    }
    Step(const Step&) = delete;
    Step& operator=(const Step&) = delete;
    ~Step() {
        if (dies_) die();
    }

  private:
    bool dies_ = false;
};

template <class Function>
Function next(const char* name, Function /*type*/) {
    return reinterpret_cast<Function>(::dlsym(RTLD_NEXT, name));
}

// Whether open() has a third argument (open(2)).
bool has_mode(int flags) {
    return (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE;
}

// What is written to standard output and error is the log; pipes and eventfds wake only ourselves.
bool is_seen(int fd) {
    if (board == nullptr || board->armed.load() == 0 || fd <= 2) return false;
    struct stat info{};
    return ::fstat(fd, &info) == 0 && (S_ISREG(info.st_mode) || S_ISSOCK(info.st_mode));
}

}  // namespace

// A function of the C library that is a step whatever its arguments are.
#define MCPGW_STEP(result, name, parameters, arguments)    \
    extern "C" result name parameters {                    \
        static const auto original = next(#name, &::name); \
        const Step step(#name);                            \
        return original arguments;                         \
    }
// One that is a step only when the condition holds.
#define MCPGW_STEP_IF(condition, result, name, parameters, arguments) \
    extern "C" result name parameters {                               \
        static const auto original = next(#name, &::name);            \
        if (!(condition)) return original arguments;                  \
        const Step step(#name);                                       \
        return original arguments;                                    \
    }

MCPGW_STEP(int, mkdir, (const char* path, mode_t mode), (path, mode))
MCPGW_STEP(int, rmdir, (const char* path), (path))
MCPGW_STEP(int, unlink, (const char* path), (path))
MCPGW_STEP(int, unlinkat, (int fd, const char* path, int flags), (fd, path, flags))
MCPGW_STEP(int, remove, (const char* path), (path))
MCPGW_STEP(int, rename, (const char* from, const char* to), (from, to))
MCPGW_STEP(int, link, (const char* from, const char* to), (from, to))
MCPGW_STEP(int, symlink, (const char* to, const char* path), (to, path))
MCPGW_STEP(int, truncate, (const char* path, off_t size), (path, size))
MCPGW_STEP(int, ftruncate64, (int fd, off64_t size), (fd, size))
MCPGW_STEP(int, fchmod, (int fd, mode_t mode), (fd, mode))
MCPGW_STEP(int, fchmodat, (int fd, const char* path, mode_t mode, int flags),
           (fd, path, mode, flags))
MCPGW_STEP(int, fsync, (int fd), (fd))
MCPGW_STEP(int, fdatasync, (int fd), (fd))
MCPGW_STEP(int, kill, (pid_t pid, int number), (pid, number))
MCPGW_STEP(int, posix_spawn,
           (pid_t * pid, const char* path, const posix_spawn_file_actions_t* actions,
            const posix_spawnattr_t* attributes, char* const* argv, char* const* envp),
           (pid, path, actions, attributes, argv, envp))
MCPGW_STEP(int, posix_spawnp,
           (pid_t * pid, const char* file, const posix_spawn_file_actions_t* actions,
            const posix_spawnattr_t* attributes, char* const* argv, char* const* envp),
           (pid, file, actions, attributes, argv, envp))
MCPGW_STEP_IF(is_seen(fd), ssize_t, write, (int fd, const void* data, size_t size),
              (fd, data, size))
MCPGW_STEP_IF(is_seen(fd), ssize_t, writev, (int fd, const iovec* data, int count),
              (fd, data, count))
MCPGW_STEP_IF(is_seen(fd), ssize_t, pwrite64, (int fd, const void* data, size_t size, off64_t at),
              (fd, data, size, at))
MCPGW_STEP(ssize_t, send, (int fd, const void* data, size_t size, int flags),
           (fd, data, size, flags))
MCPGW_STEP(ssize_t, sendto,
           (int fd, const void* data, size_t size, int flags, const sockaddr* to, socklen_t bytes),
           (fd, data, size, flags, to, bytes))
MCPGW_STEP(ssize_t, sendmsg, (int fd, const msghdr* message, int flags), (fd, message, flags))
// A Unix socket that is bound is a file.
MCPGW_STEP_IF(address->sa_family == AF_UNIX, int, bind,
              (int fd, const sockaddr* address, socklen_t size), (fd, address, size))

// Those with arguments that may be missing.
#define MCPGW_OPEN(name)                                    \
    extern "C" int name(const char* path, int flags, ...) { \
        static const auto original = next(#name, &::name);  \
        if (!has_mode(flags)) return original(path, flags); \
        va_list rest;                                       \
        va_start(rest, flags);                              \
        const mode_t mode = va_arg(rest, mode_t);           \
        va_end(rest);                                       \
        const Step step(#name);                             \
        return original(path, flags, mode);                 \
    }
MCPGW_OPEN(open)
MCPGW_OPEN(open64)

extern "C" long syscall(long number, ...) {
    static const auto original = next("syscall", &::syscall);
    std::array<long, 6> given{};
    va_list rest;
    va_start(rest, number);
    for (long& one : given)
        one = va_arg(rest, long);
    va_end(rest);
    const auto call = [&] {
        return original(number, given[0], given[1], given[2], given[3], given[4], given[5]);
    };
    if (number != SYS_pidfd_send_signal) return call();
    const Step step("pidfd_send_signal");
    return call();
}
