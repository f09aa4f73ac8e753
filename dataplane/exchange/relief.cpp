// What an exchange does when receive buffers are scarce: bodies are held for a shorter time, and
// small pieces that wait move to the spill. What no longer fits there is refused, because a body
// that may never be completed must not keep everybody else from being served.
#include "common/protocol/http1_head.h"
#include "dataplane/exchange/exchange.h"

namespace mcpgw::exchange {

std::size_t Exchange::hold_bytes_max() const {
    if (holds_longer_) return limits::rule_hold_bytes_max;
    return services_.context.pressure == transport::Pressure::none ? limits::peek_hold_bytes_max
                                                                   : limits::peek_hold_bytes_scarce;
}

void Exchange::relieve() {
    if (finished()) return;
    transport::Context& context = services_.context;
    if (head_ != nullptr) {
        move_head();
        const std::size_t copied =
            context.spill.take_over(*head_->held, 0, limits::spill_buffer_bytes);
        if (copied > 0) context.metrics.payload_copied_bytes.add(copied);
    }
    if (backend_ != nullptr) backend_->relieve();
    if (!is_undecided()) return;
    if (context.pressure == transport::Pressure::exhausted && context.spill.is_full()) {
        context.metrics.exhausted[Resource::spill].add();
        return refuse(Refusal::overloaded);
    }
    const bool is_full = head_->held->bytes() >= hold_bytes_max();
    if (state_ == State::receiving && is_full) context.mark(*this);
}

// The head holds the receive buffer it lies in until the request is on its way.
void Exchange::move_head() {
    if (head_->slice.empty()) return;
    io::Slice moved = services_.context.spill.copy(head_->slice);
    if (moved.empty()) return;
    std::string_view text = moved.text();
    while (text.starts_with("\r\n"))
        text.remove_prefix(2);
    const http::HeadError error = http::parse_request_head(text, head_->head);
    check(error == http::HeadError::none, "the same head has the same parts");
    head_->target = classify(head_->head.path);
    head_->slice = std::move(moved);
}

}  // namespace mcpgw::exchange
