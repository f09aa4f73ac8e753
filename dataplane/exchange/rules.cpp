// Access rules after the decision: the rest of a body that was decided by its beginning.
//
// A long body is on its way to the server before its end has come, and could still say another
// method or tool: a member that comes again, or once more in other letters. It is looked at until
// it ends. What is in doubt is cut before the bytes that make it so go out; the server then has no
// complete message, and no complete request either.
#include "dataplane/exchange/exchange.h"

namespace mcpgw::exchange {

// Whether the body still is the one message that was decided on; at its end, the whole of it. An
// answer that came before has ended the looking, so there is nothing to go by.
bool Exchange::body_is_sound() const {
    using Reading = jsonrpc::Peek::State;
    if (request_peek_ == nullptr || peeks_answer_) return false;
    const Reading reading = request_peek_->state();
    if (request_peek_->is_doubtful() || reading == Reading::malformed) return false;
    return !body_complete_ || reading == Reading::complete;
}

void Exchange::cut_request() {
    if (finished()) return;
    if (state_ != State::answering) return refuse(Refusal::unclear_message);
    services_.context.metrics.rejected[RejectReason::bad_request].add();
    client_.break_off();
    finish();
}

}  // namespace mcpgw::exchange
