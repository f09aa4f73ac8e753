// Between a session and its child process.
#include "tools/server/bridge_session.h"

#include <utility>

#include "common/limits.h"
#include "common/log.h"

namespace mcpgw::server {

BridgeSession::BridgeSession(const std::shared_ptr<Session>& session, ProcessGuard* guard,
                             std::chrono::milliseconds input_timeout)
    : session_(session), guard_(guard), input_timeout_(input_timeout), child_(events()) {}

ChildEvents BridgeSession::events() {
    ChildEvents events;
    events.on_start = [this](pid_t pid) {
        if (guard_ != nullptr) guard_->add(pid);
        log_info("server process started", {{"pid", pid}});
    };
    events.on_line = [this](std::string_view line) { on_line(line); };
    events.on_lost = [this](const std::string& why) {
        log_warn("server process lost", {{"reason", why}});
        if (const auto session = session_.lock()) session->server_ended(why);
    };
    events.on_gone = [this](pid_t pid, const std::string& how) {
        if (guard_ != nullptr) guard_->remove(pid);
        log_info("server process ended", {{"pid", pid}, {"how", how}});
    };
    return events;
}

void BridgeSession::on_line(std::string_view line) const {
    const auto messages = parse_messages(line, limits::server_batch_messages_max);
    if (!messages) {
        // Some servers greet on standard output. It is not MCP, so it may be shown.
        const bool greeting = messages.error().code == Code::invalid_argument;
        log_warn("a line of the server that is no JSON-RPC message was dropped",
                 {{"bytes", line.size()},
                  {"reason", messages.error().detail},
                  {"line", greeting ? line.substr(0, 200) : std::string_view()}});
        return;
    }
    const auto session = session_.lock();
    if (session == nullptr) return;
    for (const Message& message : messages->list)
        session->route(message);
}

Result<> BridgeSession::receive(const Message& message) {
    return child_.write_line(message.text, input_timeout_);
}

void BridgeSession::end() {
    child_.end();
}

}  // namespace mcpgw::server
