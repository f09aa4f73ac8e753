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

// How many were found, and told to end.
int kill_once(std::string_view mark) {
    const int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (proc < 0) return 0;
    int killed = 0;
    alignas(DirectoryEntry) char entries[8 * 1024];
    for (;;) {
        const long size = syscall(SYS_getdents64, proc, entries, sizeof entries);
        if (size <= 0) break;
        for (long at = 0; at < size;) {
            const auto* entry = reinterpret_cast<const DirectoryEntry*>(entries + at);
            at += entry->length;
            const pid_t pid = pid_of(entry->name);
            if (pid > 0 && carries_mark(pid, mark) && kill(pid, SIGKILL) == 0) ++killed;
        }
    }
    close(proc);
    return killed;
}

}  // namespace

bool carries_mark(pid_t pid, std::string_view mark) {
    const int file = open(ProcPath(pid, "environ").text, O_RDONLY | O_CLOEXEC);
    if (file < 0) return false;
    Matcher matcher(mark);
    char bytes[4 * 1024];
    bool found = false;
    while (!found) {
        const ssize_t size = read(file, bytes, sizeof bytes);
        if (size < 0 && errno == EINTR) continue;
        if (size <= 0) break;
        found = matcher.found_in(bytes, size);
    }
    close(file);
    return found;
}

bool is_ending(pid_t pid) {
    const int file = open(ProcPath(pid, "cmdline").text, O_RDONLY | O_CLOEXEC);
    if (file < 0) return true;
    char byte = 0;
    const ssize_t size = read(file, &byte, 1);
    close(file);
    return size <= 0;
}

void kill_marked(std::string_view mark) {
    for (int pass = 0; pass < kPassesMax && kill_once(mark) > 0; ++pass) {
        const timespec time = {0, kPassNanos};
        nanosleep(&time, nullptr);
    }
}

}  // namespace mcpgw::server
