// Joins the endpoint and the children: a session that opens takes a child.
#include "tools/server/bridge.h"

#include <utility>

namespace mcpgw::server {

Bridge::Bridge(BridgeOptions options)
    : children_(std::move(options.children)),
      server_(std::move(options.server),
              [this](const std::shared_ptr<Session>& session) { return open(session); }) {}

Result<std::shared_ptr<SessionHandler>> Bridge::open(const std::shared_ptr<Session>& session) {
    auto child = children_.open(session);
    if (!child) return std::unexpected(std::move(child.error()));
    return std::shared_ptr<SessionHandler>(std::move(*child));
}

Bridge::~Bridge() {
    stop();
}

void Bridge::stop() {
    // In this order: each session that ends frees a place, which nobody shall take any more.
    children_.begin_stop();
    server_.stop();
    children_.stop();
}

}  // namespace mcpgw::server
