// One session of the bridge: a stdio server of its own.
//
// What the client posts becomes a line of the child's input; a line of its output goes where
// Session::route says. The child ends with the session, and the session with the child.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "tools/server/child_process.h"
#include "tools/server/process_guard.h"
#include "tools/server/session.h"

namespace mcpgw::server {

class BridgeSession final : public SessionHandler {
  public:
    // `guard` must outlive it; may be null.
    BridgeSession(const std::shared_ptr<Session>& session, ProcessGuard* guard,
                  std::chrono::milliseconds input_timeout);

    [[nodiscard]] Result<> start(const ChildCommand& command) { return child_.start(command); }
    // Its owner calls this before it lets go, lest the child's thread be the last to hold it.
    void end_and_wait() { child_.end_and_wait(); }
    [[nodiscard]] bool gone() const { return child_.gone(); }

    Result<> receive(const Message& message) override;
    void end() override;

  private:
    ChildEvents events();
    void on_line(std::string_view line) const;

    const std::weak_ptr<Session> session_;
    ProcessGuard* const guard_;
    const std::chrono::milliseconds input_timeout_;
    ChildProcess child_;  // last: its thread uses the others
};

}  // namespace mcpgw::server
