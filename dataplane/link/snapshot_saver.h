// The thread that keeps the snapshot on disk up to date, so that neither encoding nor fsync delays
// the next table.
//
// It is a reader of the Publication like a worker: it takes whatever is current when it gets to it.
// Changes in between are one save; between two saves lies limits::snapshot_save_interval_ms, more
// after long ones; a save that failed is tried again after the same time. stop() saves what is not
// saved yet.
#pragma once

#include <cstdint>
#include <string>
#include <thread>

#include "common/time.h"
#include "dataplane/link/file_descriptor.h"
#include "dataplane/link/snapshot_file.h"
#include "dataplane/route/publication.h"

namespace mcpgw {

class SnapshotSaver {
  public:
    SnapshotSaver(SnapshotFile file, Publication& publication);
    SnapshotSaver(const SnapshotSaver&) = delete;
    SnapshotSaver& operator=(const SnapshotSaver&) = delete;
    ~SnapshotSaver();  // stops

    // `epoch` and `version`: what is on disk already.
    [[nodiscard]] Result<> start(std::string epoch, std::uint64_t version);
    // Link thread: something was published.
    void note_change();
    void stop();

  private:
    void run();
    // Both return true when it is time to stop.
    [[nodiscard]] bool wait_for_change();
    [[nodiscard]] bool wait_for_stop(Nanos patience);
    // False when it has to be tried again.
    [[nodiscard]] bool save_if_changed();

    SnapshotFile file_;
    Publication& publication_;
    std::string saved_epoch_;
    std::uint64_t saved_version_ = 0;
    bool last_save_failed_ = false;
    FileDescriptor change_fd_;
    FileDescriptor stop_fd_;
    std::thread thread_;
};

}  // namespace mcpgw
