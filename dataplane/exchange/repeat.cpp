// Second tries. A request goes out again at most once, and only if its server cannot have acted on
// it, or it does no harm twice (RFC 9110 section 9.2.2, RFC 9112 section 9.3.1):
//
//   connection    failed how                            who is repeated       where
//   reused        not one byte was taken by the kernel  every request         same server, new
//   reused        no byte of an answer has come         GET HEAD OPTIONS DEL  connection
//   new           could not be established              without a session     another instance
//
// Everything else is answered with 502, because nobody knows what the server has done. A POST is
// never delivered twice. Queued body bytes move to the other connection; they are not copied.
#include "dataplane/exchange/exchange.h"

namespace mcpgw::exchange {

bool Exchange::repeat(Code code, Retry retry) {
    if (retry == Retry::never || repeated_ || backend_ == nullptr) return false;
    if (state_ != State::awaiting_answer) return false;
    return backend_->is_reused() ? repeat_at_same_server() : repeat_elsewhere(code);
}

// The server has closed a connection that was idle: no failure of the server.
bool Exchange::repeat_at_same_server() {
    flow::BackendEnd* fresh = backend_->repeat();
    if (fresh == nullptr) return false;
    release_backend();
    backend_ = fresh;
    repeated_ = true;
    services_.context.metrics.backend_retries[RetryReason::stale_connection].add();
    return true;
}

// The instance cannot be reached; one that can may serve a request that belongs to no session.
bool Exchange::repeat_elsewhere(Code code) {
    if (head_ == nullptr || session_bound_ || to_control_plane_) return false;
    std::array<std::byte, Sealer::kScratchBytes> scratch;
    const Decision decision =
        decide(question(request_peek_, load_->instance_id), services_, scratch);
    if (decision.kind != Decision::Kind::forward || decision.session_bound) return false;
    note_failure(code);
    backend_->take_back(*head_->held);
    release_backend();
    release_load();
    repeated_ = true;
    services_.context.metrics.backend_retries[RetryReason::connect_failed].add();
    forward(decision);
    return true;
}

}  // namespace mcpgw::exchange
