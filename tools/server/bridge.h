// A stdio MCP server behind streamable HTTP, one process a session.
//
//   mcp-gateway bridge [--listen ADDRESS:PORT] [--children-max N] -- CMD ARGS…
//
// Bridge is the part without signals and command line; run_bridge() is the command. Children end
// with their session and with the bridge; a bridge that is killed takes them along (spawn,
// process_guard).
#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <mutex>

#include "common/limits.h"
#include "common/result.h"
#include "tools/server/bridge_session.h"
#include "tools/server/process_guard.h"
#include "tools/server/streamable_server.h"

namespace mcpgw::server {

struct BridgeOptions {
    ChildCommand command;
    ServerOptions server;
    std::size_t children_max = limits::bridge_children_max;
    std::uint32_t input_timeout_ms = limits::bridge_input_timeout_ms;
    ProcessGuard* guard = nullptr;  // must outlive the bridge
};

class Bridge {
  public:
    explicit Bridge(BridgeOptions options);
    ~Bridge();  // stops
    Bridge(const Bridge&) = delete;
    Bridge& operator=(const Bridge&) = delete;

    [[nodiscard]] Result<std::uint16_t> listen() { return server_.listen(); }
    void serve() { server_.serve(); }
    // Ends the sessions and waits until the last child is gone.
    void stop();

    // Children that are not gone yet.
    [[nodiscard]] std::size_t children();
    [[nodiscard]] std::size_t sessions() { return server_.sessions(); }

  private:
    Result<std::shared_ptr<SessionHandler>> open(const std::shared_ptr<Session>& session);

    const BridgeOptions options_;
    std::mutex mutex_;
    // Kept until the child is gone, so that it is never waited for on its own thread.
    std::list<std::shared_ptr<BridgeSession>> sessions_;
    std::size_t starting_ = 0;
    StreamableServer server_;  // last: its threads use the others
};

// The command; argv[0] is not looked at. Returns the exit code. Called before any thread is started
// (also before log_start), because it decides which thread takes signals.
int run_bridge(int argc, char** argv);

}  // namespace mcpgw::server
