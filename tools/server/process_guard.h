// Kills process groups when this process is gone, however it went.
//
// The parent-death signal reaches the children but not what they started (a server under `npx` is a
// grandchild). So a small forked process holds the other end of a pipe, is told which groups exist,
// and at the end of the pipe sends SIGKILL to those that are left, then to whatever has left its
// group but carries the mark (process_marks). One per bridge, made before it serves.
#pragma once

#include <mutex>
#include <string_view>

#include <sys/types.h>

#include "common/result.h"

namespace mcpgw::server {

class ProcessGuard {
  public:
    ProcessGuard() = default;
    ~ProcessGuard();  // ends the guarding process; groups that are left are killed
    ProcessGuard(const ProcessGuard&) = delete;
    ProcessGuard& operator=(const ProcessGuard&) = delete;

    // `mark` may be empty: then only groups are killed.
    [[nodiscard]] Result<> start(std::string_view mark);
    [[nodiscard]] pid_t pid() const { return pid_; }
    // The group is named by its leader, which must not have been reaped before it is removed.
    void add(pid_t group);
    void remove(pid_t group);

  private:
    void tell(pid_t group);

    std::mutex mutex_;
    int pipe_ = -1;
    pid_t pid_ = -1;
};

}  // namespace mcpgw::server
