// The last good snapshot on disk: what the data plane serves from when it starts without a control
// plane.
//
// The file is <data dir>/snapshot.json, mode 0600, because it holds keys and secrets. It is
// replaced by rename after the new content is on disk, so that a reader (and a crash) meets the old
// one or the new one, whole. Owned by the link's saver thread; loaded once before that thread
// starts.
#pragma once

#include <cstdint>
#include <string>

#include "common/contract/snapshot.h"
#include "common/result.h"

namespace mcpgw {

class SnapshotFile {
  public:
    explicit SnapshotFile(const std::string& data_dir);

    struct Loaded {
        contract::Snapshot snapshot;
        double age_seconds = 0;  // since it was written, by the clock on the wall
    };
    // Code::not_found when there is none. Code::corrupt when it cannot be understood; it is then
    // moved to snapshot.json.corrupt, so that the next start does not meet it again.
    [[nodiscard]] Result<Loaded> load();
    [[nodiscard]] Result<> save(const contract::Snapshot& snapshot);

    // For a snapshot that decodes but cannot be used.
    void move_aside();
    [[nodiscard]] const std::string& path() const { return path_; }

  private:
    std::string directory_;
    std::string path_;
};

}  // namespace mcpgw
