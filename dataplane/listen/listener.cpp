// Multishot accept, paused when the table is full.
#include "dataplane/listen/listener.h"

#include <cerrno>

#include "common/log.h"

namespace mcpgw::listen {
namespace {

// After a failure such as "too many open files" accepting waits so long before it tries again.
constexpr Nanos kRetryPause = 100 * kMillisecond;

}  // namespace

Listener::Listener(transport::Context& context, client::Table& table, int socket, bool loopback)
    : context_(context), table_(table), socket_(socket), loopback_(loopback) {}

void Listener::start() {
    context_.ring.accept(accept_operation_, socket_);
}

void Listener::stop() {
    stopped_ = true;
    if (accept_operation_.armed()) context_.ring.cancel(accept_operation_);
}

void Listener::settle() {
    if (stopped_) return;
    const bool wanted = !table_.full() && context_.now >= retry_at_;
    if (wanted && !accept_operation_.armed()) {
        cancelled_ = false;
        start();
    } else if (table_.full() && accept_operation_.armed() && !cancelled_) {
        cancelled_ = true;
        context_.metrics.rejected[RejectReason::connections_full].add();
        context_.ring.cancel(accept_operation_);
    }
}

void Listener::on_accepted(const io::Completion& completion) {
    if (completion.result >= 0) {
        const int socket = completion.result;
        if (stopped_ || !table_.adopt(socket, context_.ring.peer_address(socket), loopback_))
            context_.ring.close(socket);
        return;
    }
    if (completion.result == -ECANCELED) return;
    retry_at_ = context_.now + kRetryPause;
    log_warn("accepting a connection failed",
             {{"error", error_from_errno(-completion.result, "accept").detail}});
}

}  // namespace mcpgw::listen
