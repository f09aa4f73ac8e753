// The data plane's end of the contract socket: takes snapshots, publishes tables, sends events.
//
//   waiting ──connect, peer is us or root──▶ connected ──hello──▶ frames ──▶ publish, ack or refuse
//      ▲  back-off 50 ms ... 2 s                 │
//      └────────── end, error, bad frame ────────┘        the table in force stays in force
//
// Two plain threads, both of this class: one talks (blocking poll), one writes the last good
// snapshot to <data dir>/snapshot.json, at most once a second and once more at stop. Workers touch
// only their EventQueue and the Publication. What a table means is left to route/.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "common/result.h"
#include "common/time.h"
#include "dataplane/link/event_queue.h"
#include "dataplane/route/publication.h"

namespace mcpgw {

struct ControlLinkOptions {
    std::string socket_path;
    std::string data_dir;         // empty: nothing is kept on disk
    std::string program_version;  // said in hello
    std::size_t workers = 1;
    // Called on the link thread after each publish, so that sleeping workers look; may be nullptr.
    void (*wake_workers)(void* context) = nullptr;
    void* wake_context = nullptr;
};

class ControlLink {
  public:
    // `publication` outlives the link.
    ControlLink(ControlLinkOptions options, Publication& publication);
    ControlLink(const ControlLink&) = delete;
    ControlLink& operator=(const ControlLink&) = delete;
    ~ControlLink();  // stops

    // Publishes the snapshot on disk, if there is a good one, and starts the threads. A control
    // plane that is not there yet is no error.
    [[nodiscard]] Result<> start();
    // Saves what is not saved yet and joins the threads. Idempotent.
    void stop();

    // The queue of one worker (its only producer).
    [[nodiscard]] EventQueue& events(std::size_t worker);

    // Any thread, for /readyz and /metrics.
    [[nodiscard]] bool connected() const;
    [[nodiscard]] bool has_snapshot() const;
    [[nodiscard]] std::uint64_t snapshot_version() const;  // 0 before the first
    // Since the version in force came from the control plane, time on disk included; 0 before.
    [[nodiscard]] double snapshot_age_seconds() const;
    [[nodiscard]] std::uint64_t events_dropped() const;

  private:
    class Talker;  // the link thread's state: control_link.cpp
    class Saver;   // the disk thread's state: snapshot_file.cpp knows the file format

    ControlLinkOptions options_;
    Publication& publication_;
    std::unique_ptr<Saver> saver_;
    std::unique_ptr<Talker> talker_;
    std::vector<std::unique_ptr<EventQueue>> queues_;
};

}  // namespace mcpgw
