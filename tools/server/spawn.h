// Starts a program with pipes on its standard streams, in a process group of its own, and such that
// the kernel kills it when the calling thread ends before it does.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "common/result.h"

namespace mcpgw::server {

struct ChildCommand {
    std::string path;                    // of the executable
    std::vector<std::string> arguments;  // with the name in front
    std::string mark;                    // an assignment that its environment begins with, or none
};

// Our ends of the pipes, all non-blocking, and the process. The owner closes them.
struct Spawned {
    pid_t pid = -1;
    int process = -1;  // a pidfd: readable when the process has ended
    int input = -1;
    int output = -1;
    int errors = -1;
};

// Where execvp would find `name`. Error not_found names the PATH it looked in.
[[nodiscard]] Result<std::string> find_executable(std::string_view name);

// Returns when the program has been executed, or says why it was not.
[[nodiscard]] Result<Spawned> spawn(const ChildCommand& command);

// Raises the soft limit on open files to the hard one. Children get back what it was.
void raise_file_limit();

// Waits for a process that has ended; "exit status 1", "signal 9 (Killed)".
[[nodiscard]] std::string reap(pid_t pid);

// Closes the descriptor if it is open, and forgets it.
void close_fd(int& fd);

}  // namespace mcpgw::server
