// Process descriptors (pidfd_open(2)): a process that cannot be mistaken for another.
//
// By system call, because the header of glibc 2.36 declares its functions for C only.
#pragma once

#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

namespace mcpgw::deploy {

// -1 and errno if there is no such process. Close-on-exec.
[[nodiscard]] inline int open_pidfd(pid_t pid) {
    return static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
}

// A process that has ended needs no signal, so there is nothing to report.
inline void signal_pidfd(int pidfd, int signal_number) {
    syscall(SYS_pidfd_send_signal, pidfd, signal_number, nullptr, 0);
}

}  // namespace mcpgw::deploy
