// Counts the children of a bridge, and opens one for each session.
#include "tools/server/bridge.h"

#include <chrono>
#include <utility>

#include "common/log.h"

namespace mcpgw::server {

Bridge::Bridge(BridgeOptions options)
    : options_(std::move(options)),
      server_(options_.server,
              [this](const std::shared_ptr<Session>& session) { return open(session); }) {}

Bridge::~Bridge() {
    stop();
}

void Bridge::stop() {
    server_.stop();
    std::list<std::shared_ptr<BridgeSession>> sessions;
    {
        const std::lock_guard lock(mutex_);
        sessions.swap(sessions_);
    }
    // All are told first, so that they end side by side.
    for (const auto& session : sessions)
        session->end();
    for (const auto& session : sessions)
        session->end_and_wait();
}

std::size_t Bridge::children() {
    const std::lock_guard lock(mutex_);
    sessions_.remove_if([](const auto& session) { return session->gone(); });
    return sessions_.size() + starting_;
}

Result<std::shared_ptr<SessionHandler>> Bridge::open(const std::shared_ptr<Session>& session) {
    {
        const std::lock_guard lock(mutex_);
        sessions_.remove_if([](const auto& other) { return other->gone(); });
        if (sessions_.size() + starting_ >= options_.children_max)
            return failure(Code::limit_exceeded, "too many sessions");
        ++starting_;
    }
    auto opened = std::make_shared<BridgeSession>(
        session, options_.guard, std::chrono::milliseconds(options_.input_timeout_ms));
    auto started = opened->start(options_.command);
    const std::lock_guard lock(mutex_);
    --starting_;
    if (!started) {
        log_error("the server cannot be started", {{"reason", started.error().detail}});
        return std::unexpected(std::move(started.error()));
    }
    sessions_.push_back(opened);
    return std::shared_ptr<SessionHandler>(std::move(opened));
}

}  // namespace mcpgw::server
