// The directory of one instance, <data-dir>/instances/<adapter>/<ordinal>, and who is at work in
// it.
//
// `lock` is locked (flock) exactly as long as a shim lives, or is being started: the starter locks
// it and hands the open file down, so there is no moment in between. A pid that the files name is
// believed only together with its start time. The files themselves: shim/run_files.h.
#pragma once

#include <optional>
#include <string>

#include <sys/types.h>

#include "common/result.h"
#include "controlplane/shim/run_files.h"

namespace mcpgw::deploy {

// A file descriptor with an owner.
class Descriptor {
  public:
    Descriptor() = default;
    explicit Descriptor(int fd) : fd_(fd) {}
    Descriptor(Descriptor&& other) noexcept : fd_(other.release()) {}
    Descriptor& operator=(Descriptor&& other) noexcept;
    ~Descriptor() { reset(); }

    [[nodiscard]] int get() const { return fd_; }
    [[nodiscard]] explicit operator bool() const { return fd_ >= 0; }
    void reset();
    [[nodiscard]] int release();

  private:
    int fd_ = -1;
};

// The locked file; conflict: a shim lives.
[[nodiscard]] Result<Descriptor> lock_instance(const std::string& directory);

// A pidfd of the shim that this state names, if it is still that process and alive.
[[nodiscard]] Descriptor open_shim(const shim::RunState& state);

// The pid of a shim at work in the directory, found without the help of its files.
[[nodiscard]] std::optional<pid_t> find_shim(const std::string& directory);

// Kills whatever is left of a server whose shim was killed: processes that carry the mark of this
// start in their environment, or live in the session of its shim.
void kill_leftovers(const shim::RunState& state);

}  // namespace mcpgw::deploy
