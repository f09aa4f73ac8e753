// Between a session and its child process.
#include "tools/server/bridge_session.h"

#include <utility>

#include "common/limits.h"
#include "common/log.h"
#include "common/protocol/mcp.h"

namespace mcpgw::server {
namespace {

// Of a line that is no message: enough to know it again.
constexpr std::size_t kShownBytes = 200;

const std::string kTooLong =
    "longer than " + std::to_string(limits::stdio_line_bytes_max) + " bytes";

std::unexpected<Error> dropped(std::string what) {
    return failure(Code::protocol, std::move(what), Side::backend);
}

}  // namespace

BridgeSession::BridgeSession(const ChildSurroundings& around) : around_(around), child_(events()) {}

ChildEvents BridgeSession::events() {
    ChildEvents events;
    events.on_start = [this](pid_t pid) {
        if (around_.guard != nullptr) around_.guard->add(pid);
        log_info("server process started", {{"pid", pid}});
    };
    events.may_read = [this] { return may_read(); };
    events.on_line = [this](std::string_view line) { return on_line(line); };
    events.on_long_line = [this](const jsonrpc::Peek& message) { return on_long_line(message); };
    events.on_lost = [this](const std::string& why) { on_lost(why); };
    events.on_end = [this](pid_t pid) {
        if (around_.guard != nullptr) around_.guard->remove(pid);
        if (around_.strays != nullptr) around_.strays->end(mark_);
    };
    events.on_gone = [this](pid_t pid, const std::string& how) { on_gone(pid, how); };
    return events;
}

Result<> BridgeSession::start(const ChildCommand& command) {
    mark_ = command.mark;
    return child_.start(command);
}

bool BridgeSession::attach(const std::shared_ptr<Session>& session) {
    {
        const std::lock_guard lock(mutex_);
        State expected = State::waiting;
        if (!state_.compare_exchange_strong(expected, State::serving)) return false;
        session_ = session;
        used_ = true;
    }
    child_.look_again();
    return true;
}

std::shared_ptr<Session> BridgeSession::session() {
    const std::lock_guard lock(mutex_);
    return session_.lock();
}

bool BridgeSession::may_read() {
    switch (state_) {
        case State::waiting:
            return false;
        case State::serving:
            break;
        case State::ending:
        case State::gone:
            return true;  // so that it can write what it likes, and end
    }
    // In this order: room that comes after the look finds the pause, and ends it.
    paused_ = true;
    const auto held = session();
    const bool room = held == nullptr || held->has_room();
    if (room) paused_ = false;
    return room;
}

void BridgeSession::resume() {
    if (paused_) child_.look_again();
}

Result<> BridgeSession::on_line(std::string_view line) {
    const auto messages = parse_messages(line, limits::server_batch_messages_max);
    if (!messages) {
        // Some servers greet on standard output. It is not MCP, so it may be shown.
        const bool greeting = messages.error().code == Code::invalid_argument;
        std::string what = "a line of " + std::to_string(line.size()) +
                           " bytes on standard output was dropped: " + messages.error().detail;
        if (greeting) what.append(": ").append(line.substr(0, kShownBytes));
        return dropped(std::move(what));
    }
    const auto held = session();
    if (held == nullptr) return {};
    for (const Message& message : messages->list)
        held->route(message);
    return {};
}

Result<> BridgeSession::on_long_line(const jsonrpc::Peek& message) {
    const std::string error =
        error_text(message.id(), mcp::kInternalError, "the message of the server is " + kTooLong);
    switch (message.kind()) {
        case jsonrpc::Kind::response: {
            const auto answer = parse_messages(error, 1);
            if (const auto held = session(); held != nullptr && answer)
                held->route(answer->list.front());
            return dropped("an answer on standard output was dropped: it is " + kTooLong);
        }
        case jsonrpc::Kind::request:
            // At once or not at all: this thread reads what the child writes.
            if (!child_.write_line(error, std::chrono::steady_clock::now()))
                return dropped("a request on standard output was dropped, unanswered: it is " +
                               kTooLong);
            return dropped("a request on standard output was refused: it is " + kTooLong);
        case jsonrpc::Kind::unknown:
        case jsonrpc::Kind::notification:
        case jsonrpc::Kind::batch:
            break;
    }
    return dropped("a notification on standard output was dropped: it is " + kTooLong);
}

bool BridgeSession::leave(State state) {
    const std::lock_guard lock(mutex_);
    if (state_ >= state) return false;
    state_ = state;
    return true;
}

void BridgeSession::on_lost(const std::string& why) {
    log_warn("server process lost", {{"reason", why}});
    leave(State::ending);
    if (const auto held = session(); held != nullptr) held->server_ended(why);
    around_.on_change();
}

void BridgeSession::on_gone(pid_t pid, const std::string& how) {
    log_info("server process ended", {{"pid", pid}, {"how", how}});
    leave(State::gone);
    around_.on_change();
}

Result<> BridgeSession::receive(const Message& message, Deadline until) {
    return child_.write_line(message.text, until);
}

void BridgeSession::end() {
    leave(State::ending);
    child_.end();
}

void BridgeSession::end_and_wait() {
    leave(State::ending);
    child_.end_and_wait();
}

}  // namespace mcpgw::server
