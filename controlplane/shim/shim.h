// The keeper of one server: starts it, writes its log, and ends it with everything it started.
//
// The control plane starts one shim per instance. The shim outlives the control plane, so that the
// server and its sessions do; it does not outlive `mcp-gateway up`, whose end it sees as the end of
// file of the lifeline. Invariants: as long as the shim lives, `lock` in the instance's directory
// is locked; when it has ended in any way but SIGKILL, no descendant of its server is left (it is
// their subreaper); the server itself dies even with a SIGKILL of the shim (PDEATHSIG).
//
//   starting --> running --stop, lifeline--> stopping --> ended
//       |            \------server ended-------------------/
//       \--> failed
//
// One thread, one poll loop. Restarting is the control plane's business: a shim runs one server
// once.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <sys/types.h>

#include "common/result.h"
#include "common/time.h"
#include "controlplane/shim/run_files.h"
#include "controlplane/shim/server_log.h"

namespace mcpgw::shim {

class Shim {
  public:
    // `lifeline_fd` is -1 if there is none.
    Shim(std::string directory, Launch launch, ServerLog log, int lifeline_fd);
    Shim(const Shim&) = delete;
    Shim& operator=(const Shim&) = delete;
    ~Shim();

    // Returns when nothing of the server is left and state.json says how it ended.
    [[nodiscard]] Result<> run();

  private:
    [[nodiscard]] Result<> watch_signals();
    // The errno of what kept the server from running, 0 if it runs; an Error is ours.
    [[nodiscard]] Result<int> start_server();
    [[nodiscard]] Result<> keep();
    void begin_stop(std::string_view why);
    void take_signals();
    void take_output();
    void collect_children();
    void end_the_rest();
    [[nodiscard]] bool nothing_left();
    [[nodiscard]] int patience_ms() const;
    [[nodiscard]] Result<> record(Phase phase, std::string reason);

    const std::string directory_;
    const Launch launch_;
    ServerLog log_;
    int lifeline_fd_;
    int signal_fd_ = -1;
    int output_fd_ = -1;
    RunState state_;
    bool server_collected_ = false;
    bool told_the_rest_ = false;  // descendants outside the server's group got their SIGTERM
    Nanos kill_at_ = kNever;
};

}  // namespace mcpgw::shim
