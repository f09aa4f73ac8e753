// What the audit log says of an exchange: gathered while it runs, handed over when it has finished.
//
// Only requests to MCP paths have a record, and only where there is a log; a management request is
// in the store's audit. Bytes are those of bodies: of an answer as its server sent it.
#include "common/bytes.h"
#include "common/time.h"
#include "dataplane/exchange/exchange.h"

namespace mcpgw::exchange {

void Exchange::begin_record(const Decision& decision) {
    const bool wanted = services_.audit != nullptr && target_facts(target_kind_).is_mcp() &&
                        decision.kind != Decision::Kind::local;
    if (!wanted || record_ != nullptr) return;
    record_ = services_.records.acquire();
    if (record_ == nullptr) return;
    const std::string_view of_adapter =
        decision.adapter == nullptr ? std::string_view() : decision.adapter->tenant;
    record_->http_method = http::method_name(method_);
    record_->user.set(decision.identity.user);
    record_->tenant.set(of_adapter.empty() ? decision.identity.tenant : of_adapter);
    record_->adapter.set(head_->target.adapter);
    record_->request_bytes = head_->held->bytes();
    if (request_peek_ == nullptr) return;
    record_->method.set(request_peek_->method());
    if (request_peek_->method() == "tools/call") record_->tool.set(request_peek_->name());
}

void Exchange::note_refusal(Refusal refusal) {
    // Before it was decided on, nobody has been asked who he is.
    if (head_ != nullptr) begin_record({});
    if (record_ != nullptr) record_->refusal = facts_of(refusal).message;
}

void Exchange::note_answer_bytes(std::uint64_t bytes) {
    if (record_ != nullptr) record_->response_bytes += bytes;
}

void Exchange::end_record() {
    if (record_ == nullptr) return;
    if (session_) record_->session = services_.sessions.table.public_id(session_);
    record_->status = status_;
    record_->unix_millis = unix_millis_now();
    record_->duration = services_.context.now - started_;
    services_.audit->push(*record_);
    services_.records.release(std::exchange(record_, nullptr));
}

}  // namespace mcpgw::exchange
