// The data plane's end of the contract socket: takes snapshots, publishes tables, sends events.
//
//   waiting ──connect, peer is us or root──▶ connected ──hello──▶ frames ──▶ publish, ack or refuse
//      ▲  back-off 50 ms ... 2 s                 │
//      └────────── end, error, bad frame ────────┘        the table in force stays in force
//
// A plain thread with a blocking poll; a SnapshotSaver beside it keeps the last good snapshot on
// disk. A bad frame ends the connection; a snapshot or delta that cannot be used is refused and
// leaves the table in force. Workers and janitor touch only their EventQueue and the Publication.
// What a table means is left to route/.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_set>
#include <vector>

#include "common/result.h"
#include "common/time.h"
#include "dataplane/link/control_socket.h"
#include "dataplane/link/event_queue.h"
#include "dataplane/link/file_descriptor.h"
#include "dataplane/link/session_directory.h"
#include "dataplane/link/snapshot_saver.h"
#include "dataplane/link/usage_directory.h"
#include "dataplane/route/publication.h"

namespace mcpgw {

struct ControlLinkOptions {
    std::string socket_path;
    std::string data_dir;         // empty: nothing is kept on disk
    std::string program_version;  // said in hello
    std::size_t workers = 1;
    // Called after each publish (on the link thread, and in start() for the snapshot on disk), so
    // that sleeping workers look; may be nullptr.
    void (*wake_workers)(void* context) = nullptr;
    void* wake_context = nullptr;
    // Answers questions about sessions; outlives the link. nullptr: there are none.
    SessionDirectory* sessions = nullptr;
    UsageDirectory* usage = nullptr;  // the same for usage
};

// Ends after the workers have: its builder owns the load blocks, and its queues are theirs.
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

    // Before start(): who answers questions about sessions. Without it there are none.
    void answer_with(SessionDirectory& sessions) { options_.sessions = &sessions; }
    // The same about usage.
    void answer_with(UsageDirectory& usage) { options_.usage = &usage; }

    // The queue of one worker (its only producer).
    [[nodiscard]] EventQueue& events(std::size_t worker);
    // What is in it when a connection begins is not sent: the janitor says it again.
    [[nodiscard]] EventQueue& janitor_events() { return *queues_.back(); }

    // Any thread, for /readyz and /metrics.
    [[nodiscard]] bool connected() const;
    [[nodiscard]] bool has_snapshot() const;
    [[nodiscard]] std::uint64_t snapshot_version() const;  // 0 before the first
    // Since the version in force came from the control plane, time on disk included; 0 before.
    [[nodiscard]] double snapshot_age_seconds() const;
    [[nodiscard]] std::uint64_t events_dropped() const;

  private:
    void publish(std::unique_ptr<const RouteTable> table);
    void load_from_disk();

    // The link thread.
    void run();
    void open_socket();
    void drop_socket(const Error& why);
    void sleep_until_needed();
    [[nodiscard]] bool arm_queues();
    [[nodiscard]] Result<> serve_socket();
    [[nodiscard]] Result<> on_frame(std::string_view json);
    [[nodiscard]] Result<> on_table(std::uint64_t version,
                                    Result<std::unique_ptr<const RouteTable>> table);
    [[nodiscard]] Result<> on_sessions_query(std::string_view json);
    [[nodiscard]] Result<> on_session_end(std::string_view json);
    [[nodiscard]] Result<> on_usage_query(std::string_view json);
    [[nodiscard]] Result<> send_events();
    [[nodiscard]] Result<> send_unknown_key(std::uint64_t issuer_hash);
    [[nodiscard]] bool is_repeated(const InstanceEvent& event);

    ControlLinkOptions options_;
    const std::string process_;  // names this process before the ids of its sessions
    Publication& publication_;
    RouteBuilder builder_;
    std::unique_ptr<SnapshotSaver> saver_;             // none without a data directory
    FileDescriptor wake_fd_;                           // events and stop()
    std::vector<std::unique_ptr<EventQueue>> queues_;  // of the workers, then of the janitor
    std::thread thread_;

    std::optional<ControlSocket> socket_;
    Nanos retry_at_ = 0;
    std::uint32_t retry_ms_ = 0;
    bool failure_told_ = false;  // one line in the log for a control plane that is away
    std::size_t tables_waiting_ = 0;
    std::unordered_set<std::uint64_t> told_;  // failures since told_since_
    Nanos told_since_ = 0;

    std::atomic<bool> stopping_{false};
    std::atomic<bool> connected_{false};
    std::atomic<bool> has_snapshot_{false};
    std::atomic<std::uint64_t> version_{0};
    std::atomic<std::int64_t> taken_at_{0};  // monotonic; may be before the machine started
};

}  // namespace mcpgw
