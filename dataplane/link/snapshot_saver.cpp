// Waiting for changes, coalescing them, and writing the current table as a snapshot.
#include "dataplane/link/snapshot_saver.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include <poll.h>
#include <sys/eventfd.h>

#include "common/check.h"
#include "common/limits.h"
#include "common/log.h"

namespace mcpgw {

SnapshotSaver::SnapshotSaver(SnapshotFile file, Publication& publication)
    : file_(std::move(file)),
      publication_(publication),
      change_fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      stop_fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

SnapshotSaver::~SnapshotSaver() {
    stop();
}

Result<> SnapshotSaver::start(std::string epoch, std::uint64_t version) {
    check(!thread_.joinable(), "a saver starts once");
    if (!change_fd_ || !stop_fd_) return std::unexpected(error_from_errno(errno, "eventfd"));
    saved_epoch_ = std::move(epoch);
    saved_version_ = version;
    thread_ = std::thread(&SnapshotSaver::run, this);
    return {};
}

void SnapshotSaver::note_change() {
    // A full eventfd is readable already, so a failed write loses nothing.
    [[maybe_unused]] const int written = ::eventfd_write(change_fd_.get(), 1);
}

void SnapshotSaver::stop() {
    if (!thread_.joinable()) return;
    [[maybe_unused]] const int written = ::eventfd_write(stop_fd_.get(), 1);
    thread_.join();
}

void SnapshotSaver::run() {
    bool is_saved = true;
    while (!is_saved || !wait_for_change()) {
        const Nanos begun = monotonic_now();
        is_saved = save_if_changed();
        const Nanos rest = limits::snapshot_save_rest_factor * (monotonic_now() - begun);
        if (wait_for_stop(std::max(rest, limits::snapshot_save_interval_ms * kMillisecond)))
            break;  // changes that come meanwhile are one save
    }
    // Nobody waits for another try.
    [[maybe_unused]] const bool last = save_if_changed();
}

bool SnapshotSaver::wait_for_change() {
    std::array<pollfd, 2> fds{pollfd{stop_fd_.get(), POLLIN, 0},
                              pollfd{change_fd_.get(), POLLIN, 0}};
    while (::poll(fds.data(), fds.size(), -1) < 0)
        check(errno == EINTR, "poll fails for no other reason");
    eventfd_t count = 0;
    [[maybe_unused]] const int drained = ::eventfd_read(change_fd_.get(), &count);
    return fds[0].revents != 0;
}

bool SnapshotSaver::wait_for_stop(Nanos patience) {
    pollfd stop{stop_fd_.get(), POLLIN, 0};
    int ready = 0;
    while ((ready = ::poll(&stop, 1, static_cast<int>(patience / kMillisecond))) < 0)
        check(errno == EINTR, "poll fails for no other reason");
    return ready > 0;
}

bool SnapshotSaver::save_if_changed() {
    const RouteTable* table = publication_.refresh(publication_.saver_reader());
    if (table == nullptr ||
        (table->version() == saved_version_ && table->epoch() == saved_epoch_)) {
        publication_.leave(publication_.saver_reader());
        return true;
    }
    const contract::Snapshot snapshot = table->to_snapshot();
    publication_.leave(publication_.saver_reader());
    const auto saved = file_.save(snapshot);
    if (!saved) {
        if (!last_save_failed_)
            log_warn("snapshot not saved",
                     {{"file", file_.path()}, {"error", saved.error().detail}});
        last_save_failed_ = true;
        return false;
    }
    last_save_failed_ = false;
    saved_epoch_ = snapshot.epoch;
    saved_version_ = snapshot.version;
    return true;
}

}  // namespace mcpgw
