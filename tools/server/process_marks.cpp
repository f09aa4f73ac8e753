// Reads /proc with system calls (proc(5), getdents64(2)).
#include "tools/server/process_marks.h"

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <ctime>

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace mcpgw::server {
namespace {

constexpr int kPassesMax = 100;
constexpr long kPassNanos = 10'000'000;

struct DirectoryEntry {  // as the kernel lays it out
    std::uint64_t inode;
    std::int64_t offset;
    unsigned short length;
    unsigned char type;
    char name[1];
};

// "/proc/<pid>/<name>"; pids have at most ten digits.
struct ProcPath {
    char text[32];

    ProcPath(pid_t pid, std::string_view name) {
        char digits[10];
        int count = 0;
        do {
            digits[count++] = static_cast<char>('0' + pid % 10);
            pid /= 10;
        } while (pid > 0);
        char* at = text;
        for (const char c : std::string_view("/proc/"))
            *at++ = c;
        while (count > 0)
            *at++ = digits[--count];
        *at++ = '/';
        for (const char c : name)
            *at++ = c;
        *at = '\0';
    }
};

// Looks for the mark at the beginnings of zero-terminated pieces.
class Matcher {
  public:
    explicit Matcher(std::string_view mark) : mark_(mark) {}

    bool found_in(const char* bytes, ssize_t size) {
        for (ssize_t i = 0; i < size; ++i) {
            if (bytes[i] == '\0')
                at_ = 0;
            else if (at_ != kElsewhere)
                at_ = bytes[i] == mark_[at_] ? at_ + 1 : kElsewhere;
            if (at_ == mark_.size()) return true;
        }
        return false;
    }

  private:
    static constexpr std::size_t kElsewhere = SIZE_MAX;
    const std::string_view mark_;
    std::size_t at_ = 0;
};

pid_t pid_of(const char* name) {
    pid_t pid = 0;
    for (; *name != '\0'; ++name) {
        if (*name < '0' || *name > '9') return 0;
        pid = pid * 10 + (*name - '0');
    }
    return pid;
}

// What was seen at one reading of all processes.
struct Pass {
    int killed = 0;
    // Which processes had no environment to read: zombies, the kernel's own, and those that ended
    // between being listed and being looked at.
    std::uint64_t silent = 0;
};

enum class Look { marked, unmarked, silent };

Look look_at(pid_t pid, std::string_view mark) {
    const int file = open(ProcPath(pid, "environ").text, O_RDONLY | O_CLOEXEC);
    if (file < 0) return Look::silent;
    Matcher matcher(mark);
    char bytes[4 * 1024];
    Look seen = Look::silent;
    while (seen != Look::marked) {
        const ssize_t size = read(file, bytes, sizeof bytes);
        if (size < 0 && errno == EINTR) continue;
        if (size <= 0) break;
        seen = matcher.found_in(bytes, size) ? Look::marked : Look::unmarked;
    }
    close(file);
    return seen;
}

// A number for a process id such that sums of different sets differ (the mixer of splitmix64).
std::uint64_t scattered(pid_t pid) {
    std::uint64_t value = static_cast<std::uint64_t>(pid) * 0x9E3779B97F4A7C15U;
    value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9U;
    value = (value ^ (value >> 27)) * 0x94D049BB133111EBU;
    return value ^ (value >> 31);
}

Pass kill_once(std::string_view mark) {
    Pass pass;
    const int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (proc < 0) return pass;
    alignas(DirectoryEntry) char entries[8 * 1024];
    for (;;) {
        const long size = syscall(SYS_getdents64, proc, entries, sizeof entries);
        if (size <= 0) break;
        for (long at = 0; at < size;) {
            const auto* entry = reinterpret_cast<const DirectoryEntry*>(entries + at);
            at += entry->length;
            const pid_t pid = pid_of(entry->name);
            if (pid == 0) continue;
            const Look seen = look_at(pid, mark);
            if (seen == Look::marked && kill(pid, SIGKILL) == 0) ++pass.killed;
            if (seen == Look::silent) pass.silent += scattered(pid);
        }
    }
    close(proc);
    return pass;
}

}  // namespace

bool carries_mark(pid_t pid, std::string_view mark) {
    return look_at(pid, mark) == Look::marked;
}

bool is_ending(pid_t pid) {
    const int file = open(ProcPath(pid, "cmdline").text, O_RDONLY | O_CLOEXEC);
    if (file < 0) return true;
    char byte = 0;
    const ssize_t size = read(file, &byte, 1);
    close(file);
    return size <= 0;
}

// A pass that finds none may still have missed one: a process that forks and ends between being
// listed and being looked at leaves a child that was not there to be listed. Such a parent is
// silent, and was not in the pass before; so only a pass with the same silent ones as the one
// before it is the last.
void kill_marked(std::string_view mark) {
    Pass before = kill_once(mark);
    for (int pass = 1; pass < kPassesMax; ++pass) {
        const timespec time = {0, kPassNanos};
        nanosleep(&time, nullptr);
        const Pass now = kill_once(mark);
        if (now.killed == 0 && now.silent == before.silent) return;
        before = now;
    }
}

}  // namespace mcpgw::server
