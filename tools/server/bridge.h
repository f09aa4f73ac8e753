// A stdio MCP server behind streamable HTTP, one process a session.
//
//   mcp-gateway bridge [--listen ADDRESS:PORT] [OPTION…] -- CMD ARGS…
//
// Bridge is the part without signals and command line; run_bridge() is the command. Children end
// with their session and with the bridge, and whatever they have started with them (strays); a
// bridge that is killed takes them along (spawn, process_guard). It speaks the revisions with
// sessions: a probe for the stateless one gets the 400 that makes its client fall back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "common/result.h"
#include "tools/server/child_pool.h"
#include "tools/server/streamable_server.h"

namespace mcpgw::server {

struct BridgeOptions {
    ServerOptions server;
    ChildPoolOptions children;
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

    // Children that are not gone yet, and those of them that were started ahead and wait.
    [[nodiscard]] std::size_t children() { return children_.children(); }
    [[nodiscard]] std::size_t waiting() { return children_.waiting(); }
    [[nodiscard]] std::size_t sessions() { return server_.sessions(); }

  private:
    Result<std::shared_ptr<SessionHandler>> open(const std::shared_ptr<Session>& session);

    ChildPool children_;
    StreamableServer server_;  // last: its threads use the children
};

// The command; argv[0] is not looked at. Returns the exit code. Called before any thread is started
// (also before log_start), because it decides which thread takes signals.
int run_bridge(int argc, char** argv);

}  // namespace mcpgw::server
