// The rules by which a session's messages find their stream.
#include "tools/server/session.h"

#include <utility>

#include "common/check.h"
#include "common/limits.h"
#include "common/log.h"
#include "common/protocol/mcp.h"

namespace mcpgw::server {
namespace {

constexpr StreamBounds kStandaloneBounds{limits::server_standalone_messages_max,
                                         limits::server_standalone_bytes_max};

}  // namespace

Session::Session(std::string id)
    : id_(std::move(id)),
      queued_(std::make_shared<std::atomic<std::size_t>>(0)),
      input_room_(limits::server_input_bytes_max, limits::server_input_requests_max),
      standalone_(std::make_shared<EventStream>(kStandaloneBounds)),
      used_at_(monotonic_now()) {}

bool Session::set_handler(std::shared_ptr<SessionHandler> handler) {
    check(handler != nullptr, "a session has a handler");
    const std::lock_guard lock(mutex_);
    check(handler_ == nullptr, "a session has one handler");
    if (ended_) return false;
    handler_ = std::move(handler);
    return true;
}

void Session::touch() {
    used_at_ = monotonic_now();
}

bool Session::ended() {
    const std::lock_guard lock(mutex_);
    return ended_;
}

std::size_t Session::pending() {
    const std::lock_guard lock(mutex_);
    return pending_.size();
}

bool Session::idle_since(Nanos before) {
    const std::lock_guard lock(mutex_);
    if (standalone_open_ || used_at_ >= before) return false;
    for (const auto& [key, request] : pending_)
        if (request.stream->is_open()) return false;
    return true;
}

Result<std::shared_ptr<EventStream>> Session::open_requests(const std::vector<Message>& messages) {
    const std::lock_guard lock(mutex_);
    if (ended_) return failure(Code::not_found, "Session not found", Side::client);
    std::size_t opened = 0;
    for (auto m = messages.begin(); m != messages.end(); ++m) {
        if (m->kind != MessageKind::request) continue;
        ++opened;
        bool taken = false;
        for (auto earlier = messages.begin(); earlier != m; ++earlier)
            taken |= earlier->kind == MessageKind::request && earlier->id_key == m->id_key;
        const auto at = pending_.find(m->id_key);
        // A request whose client has left blocks its id no longer.
        taken |= at != pending_.end() && at->second.stream->is_open();
        if (taken)
            return failure(Code::conflict, "Invalid Request: the id is in use", Side::client);
    }
    if (pending_.size() + opened > limits::server_pending_requests_max)
        return failure(Code::limit_exceeded, "too many requests are pending", Side::client);
    auto stream = std::make_shared<EventStream>(StreamBounds(), queued_);
    for (const Message& m : messages) {
        if (m.kind != MessageKind::request) continue;
        pending_.insert_or_assign(m.id_key,
                                  Pending{stream, m.id_json, m.progress_token, requests_++});
    }
    return stream;
}

Result<std::shared_ptr<EventStream>> Session::open_standalone() {
    const std::lock_guard lock(mutex_);
    if (ended_) return failure(Code::not_found, "Session not found", Side::client);
    if (standalone_open_)
        return failure(Code::conflict, "Conflict: Only one SSE stream is allowed per session",
                       Side::client);
    standalone_open_ = true;
    standalone_->set_read(true);
    if (const auto dropped = standalone_->dropped(); dropped > 0)
        log_warn("messages were dropped while no client listened", {{"count", dropped}});
    return standalone_;
}

void Session::stream_written(const std::shared_ptr<EventStream>& stream) {
    stream->written();
    resume_handler();
}

void Session::stream_gone(const std::shared_ptr<EventStream>& stream) {
    touch();
    {
        const std::lock_guard lock(mutex_);
        if (stream == standalone_ && !ended_) {
            standalone_open_ = false;
            stream->set_read(false);
        } else {
            stream->close();
        }
    }
    resume_handler();
}

void Session::resume_handler() {
    std::shared_ptr<SessionHandler> handler;
    {
        const std::lock_guard lock(mutex_);
        handler = handler_;
    }
    if (handler != nullptr) handler->resume();
}

Result<> Session::receive(const Message& message, Deadline until) {
    std::shared_ptr<SessionHandler> handler;
    {
        const std::lock_guard lock(mutex_);
        if (ended_) return failure(Code::not_found, "Session not found", Side::client);
        handler = handler_;
    }
    check(handler != nullptr, "a session in use has a handler");
    auto received = handler->receive(message, until);
    // The server owes no answer to a cancelled request, so its stream ends here.
    if (!message.cancelled_id.empty()) forget_request(message.cancelled_id);
    return received;
}

// What nobody reads on its stream holds the server no longer.
void Session::forget_request(const std::string& id_key) {
    {
        const std::lock_guard lock(mutex_);
        if (const auto at = pending_.find(id_key); at != pending_.end()) forget(at);
    }
    resume_handler();
}

// The stream of a POST ends with the last of its requests.
void Session::forget(PendingMap::iterator at) {
    const auto stream = at->second.stream;
    pending_.erase(at);
    for (const auto& [key, request] : pending_)
        if (request.stream == stream) return;
    stream->finish();
}

bool Session::answer(const std::string& id_key, std::string_view json) {
    const std::lock_guard lock(mutex_);
    const auto at = pending_.find(id_key);
    if (at == pending_.end()) return false;
    const bool taken = at->second.stream->push(json);
    forget(at);
    return taken;
}

bool Session::send_on(const std::string& id_key, std::string_view json) {
    const std::lock_guard lock(mutex_);
    const auto at = pending_.find(id_key);
    return at != pending_.end() && at->second.stream->push(json);
}

std::shared_ptr<EventStream> Session::stream_for(const Message& message) {
    if (!message.progress_token.empty() && message.kind == MessageKind::notification) {
        for (const auto& [key, request] : pending_)
            if (request.progress_token == message.progress_token) return request.stream;
    }
    std::size_t live = 0;
    const Pending* oldest = nullptr;
    for (const auto& [key, request] : pending_) {
        if (!request.stream->is_open()) continue;
        ++live;
        if (oldest == nullptr || request.order < oldest->order) oldest = &request;
    }
    if (live == 1 || (live > 1 && !standalone_open_)) return oldest->stream;
    return standalone_;
}

void Session::route(const Message& message) {
    if (message.kind == MessageKind::response) {
        if (!answer(message.id_key, message.text))
            log_debug("an answer that nobody waits for was dropped");
        return;
    }
    const std::lock_guard lock(mutex_);
    if (ended_) return;
    const auto stream = stream_for(message);
    if (!stream->push(message.text)) log_debug("a message to a client that left was dropped");
    if (!stream->has_room()) full_ = stream;
}

bool Session::has_room() {
    const std::lock_guard lock(mutex_);
    if (ended_) return true;
    if (*queued_ >= limits::server_session_queue_bytes_high) return false;
    if (full_ != nullptr && !full_->has_room()) return false;
    full_ = nullptr;
    return true;
}

bool Session::close_all(int code, std::string_view reason) {
    const std::lock_guard lock(mutex_);
    if (ended_) return false;
    ended_ = true;
    for (const auto& [key, request] : pending_)
        request.stream->push(error_text(request.id_json, code, reason));
    for (const auto& [key, request] : pending_)
        request.stream->finish();
    pending_.clear();
    standalone_->finish();
    return true;
}

void Session::server_ended(std::string_view reason) {
    close_all(mcp::kInternalError, reason);
    const std::lock_guard lock(mutex_);
    handler_ = nullptr;
}

void Session::end(std::string_view reason) {
    if (!close_all(mcp::kServerError, reason)) return;
    std::shared_ptr<SessionHandler> handler;
    {
        const std::lock_guard lock(mutex_);
        handler = std::move(handler_);
        handler_ = nullptr;
    }
    if (handler != nullptr) handler->end();
}

}  // namespace mcpgw::server
