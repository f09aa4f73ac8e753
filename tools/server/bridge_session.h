// One child of the bridge and, once it has one, its session.
//
//   waiting (started ahead) -> serving -> ending -> gone          each may be left out
//
// What the client posts becomes a line of the child's input; a line of its output goes where
// Session::route says. The child ends with the session, and the session with the child. A child
// that waits is not read, and neither is one whose client does not read.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "tools/server/child_process.h"
#include "tools/server/process_guard.h"
#include "tools/server/session.h"
#include "tools/server/strays.h"

namespace mcpgw::server {

// What the children of a bridge share; all of it outlives them.
struct ChildSurroundings {
    ProcessGuard* guard = nullptr;  // may be null
    Strays* strays = nullptr;       // may be null
    // A child goes to `ending` or `gone`. On its own thread; must not block.
    std::function<void()> on_change;
};

class BridgeSession final : public SessionHandler {
  public:
    enum class State : std::uint8_t { waiting, serving, ending, gone };

    explicit BridgeSession(const ChildSurroundings& around);

    [[nodiscard]] Result<> start(const ChildCommand& command);
    // Gives the child its session. False if it does not wait (any more).
    [[nodiscard]] bool attach(const std::shared_ptr<Session>& session);
    [[nodiscard]] State state() const { return state_; }
    // It has had a session.
    [[nodiscard]] bool used() const { return used_; }
    // Its owner calls this before it lets go, lest the child's thread be the last to hold it.
    void end_and_wait();

    Result<> receive(const Message& message, Deadline until) override;
    void end() override;
    void resume() override;

  private:
    ChildEvents events();
    bool may_read();
    Result<> on_line(std::string_view line);
    Result<> on_long_line(const jsonrpc::Peek& message);
    void on_lost(const std::string& why);
    void on_gone(pid_t pid, const std::string& how);
    bool leave(State state);  // to ending; false if it is there, or further, already
    std::shared_ptr<Session> session();

    const ChildSurroundings& around_;
    std::mutex mutex_;
    std::weak_ptr<Session> session_;
    std::atomic<State> state_ = State::waiting;
    std::atomic<bool> used_ = false;
    std::atomic<bool> paused_ = false;  // may_read() said no, and nobody has said otherwise yet
    std::string mark_;
    ChildProcess child_;  // last: its thread uses the others
};

}  // namespace mcpgw::server
