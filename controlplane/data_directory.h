// The data directory of a control plane, locked as long as this object lives.
//
// Two control planes on one directory would both start servers; the lock (flock on
// DIR/controlplane.lock) keeps the second one out and goes with the process however it ends.
// Programs that are started do not inherit it.
#pragma once

#include <string>

#include "common/result.h"

namespace mcpgw {

class DataDirectory {
  public:
    // Makes the directory (mode 0700, with parents) if it is missing. conflict: another control
    // plane has it.
    [[nodiscard]] static Result<DataDirectory> open(const std::string& path);
    DataDirectory(DataDirectory&& other) noexcept;
    DataDirectory& operator=(DataDirectory&&) = delete;
    ~DataDirectory();

  private:
    explicit DataDirectory(int lock) : lock_(lock) {}
    int lock_;
};

}  // namespace mcpgw
