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
    context_.timers.clear(retry_timer_);
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

void Listener::take(int socket) {
    using Adoption = client::Table::Adoption;
    const Adoption adoption =
        stopped_ ? Adoption::full
                 : table_.adopt(socket, context_.ring.peer_address(socket), loopback_);
    if (adoption == Adoption::adopted) return;
    if (!stopped_)
        context_.metrics
            .rejected[adoption == Adoption::full ? RejectReason::connections_full
                                                 : RejectReason::address_connections_full]
            .add();
    context_.ring.close(socket);
}

void Listener::on_accepted(const io::Completion& completion) {
    // The tick's time is still that of before the sleep, which may have been long: a deadline made
    // from it would have passed already.
    context_.now = context_.ring.now();
    if (completion.result >= 0) {
        take(completion.result);
        return;
    }
    if (completion.result == -ECANCELED) return;
    retry_at_ = context_.now + kRetryPause;
    context_.timers.set(retry_timer_, retry_at_);
    log_warn("accepting a connection failed",
             {{"error", error_from_errno(-completion.result, "accept").detail}});
}

}  // namespace mcpgw::listen
