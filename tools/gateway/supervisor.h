// Keeps the two planes running while `up` runs, and ends everything in order.
//
//   starting -> serving -> draining -> stopping -> ending -> over
//                              |          |          ^  \-> killing -^
//
//   starting   both planes started, not both ready yet
//   serving    a plane that ends is started again after a pause
//   draining   SIGTERM to the data plane, which ends its requests
//   stopping   SIGTERM to the control plane
//   ending     the lifeline is closed: shims end their servers
//   killing    SIGKILL to every descendant until none is left
//
// It only moves right; a second signal skips to killing. One thread, one loop: signals, readiness
// and deaths are noted, then advance() decides. The lifeline is a pipe: shims hold its read end,
// this object the only write end, so that they notice the end of `up` however it comes.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "common/time.h"
#include "tools/gateway/child_process.h"
#include "tools/gateway/descendants.h"
#include "tools/gateway/listeners.h"
#include "tools/gateway/notify_socket.h"
#include "tools/gateway/unique_fd.h"

namespace mcpgw::cli {

struct SupervisorPlan {
    ChildSpec dataplane;     // fds, LISTEN_* and NOTIFY_SOCKET are added by the supervisor
    ChildSpec controlplane;  // and the lifeline
    std::optional<ChildSpec> after_ready;  // runs once
    std::string ready_line;
    std::uint32_t drain_seconds = 0;
};

class Supervisor {
  public:
    // Takes over the signals of the process: to be made before any thread is. Errors: no more
    // descriptors.
    [[nodiscard]] static Result<UniqueFd> block_signals();

    Supervisor(SupervisorPlan plan, Listeners listeners, UniqueFd signals);
    // Until everything has ended; the exit status of `up`.
    [[nodiscard]] int run(NotifySocket dataplane_notify, NotifySocket controlplane_notify);

  private:
    enum class Phase : std::uint8_t {
        starting,
        serving,
        draining,
        stopping,
        ending,
        killing,
        over
    };
    struct Plane {
        const char* name = "";
        ChildSpec spec;
        NotifySocket* notify = nullptr;
        pid_t pid = 0;  // 0: does not run
        bool is_ready = false;
        bool was_ready = false;  // ever
        Nanos started_at = 0;
        Nanos restart_at = kNever;
        Nanos pause = 0;           // before the next start
        std::optional<int> ended;  // noted by reap(): the status of waitpid
    };

    [[nodiscard]] Result<> prepare();
    void wait_for_news();
    void take_signals();
    void reap();
    void advance();
    void advance_plane(Plane& plane);
    void note_end_of(Plane& plane);
    void start(Plane& plane);
    void announce_ready();
    void give_up(int exit_status);
    void enter(Phase phase);
    void kill_everything();
    [[nodiscard]] Nanos next_deadline() const;

    SupervisorPlan plan_;
    Listeners listeners_;
    UniqueFd signals_;
    UniqueFd lifeline_read_;
    UniqueFd lifeline_write_;
    Descendants descendants_;
    Plane data_;
    Plane control_;
    pid_t after_ready_pid_ = 0;
    Phase phase_ = Phase::starting;
    Nanos phase_ends_at_ = kNever;
    Nanos warn_slow_start_at_ = kNever;
    unsigned stop_signals_ = 0;  // noted by take_signals()
    unsigned stop_signals_obeyed_ = 0;
    int exit_status_ = 0;
};

}  // namespace mcpgw::cli
