// One session of the bridge: a stdio server of its own.
//
// What the client posts becomes a line of the child's input; a line of its output goes where
// Session::route says. The child ends with the session, and the session with the child.
#pragma once

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
    BridgeSession(const std::shared_ptr<Session>& session, ProcessGuard* guard);

    [[nodiscard]] Result<> start(const ChildCommand& command) { return child_.start(command); }
    [[nodiscard]] bool gone() const { return child_.gone(); }

    Result<> receive(const Message& message) override;
    void end() override;

  private:
    ChildEvents events();
    void on_line(std::string_view line) const;

    const std::weak_ptr<Session> session_;
    ProcessGuard* const guard_;
    ChildProcess child_;  // last: its thread uses the others
};

}  // namespace mcpgw::server
