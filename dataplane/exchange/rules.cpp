// Access rules after the decision: the rest of a body that was decided by its beginning, and tools
// that are left out of answers.
//
// A long body is on its way to the server before its end has come, and could still say another
// method or tool: a member that comes again, or once more in other letters. It is looked at until
// it ends. What is in doubt is cut before the bytes that make it so go out; the server then has no
// complete message, and no complete request either.
//
// Which tools a caller sees is no secret that protects anything: he could not call the others. So
// any answer that may be a list is filtered: of a POST that asks for one, or is a batch, and every
// event of a stream that a GET has asked for. What is left of it goes on as it came, in slices of
// the same buffers.
#include "common/bytes.h"
#include "dataplane/auth/access_rules.h"
#include "dataplane/exchange/exchange.h"
#include "dataplane/exchange/heads.h"

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
    note_refusal(Refusal::unclear_message);
    services_.context.metrics.rejected[RejectReason::bad_request].add();
    client_.break_off();
    finish();
}

// --- Lists of tools -----------------------------------------------------------------------------

// What goes on to the client of one piece of the answer. Between the data of an event lies its
// framing, which passes at once: line ends are white space to what is held.
class Exchange::ToolsOut final : public mcp::ToolsSink, public sse::Sink {
  public:
    ToolsOut(Exchange& exchange, std::string_view payload, const io::Slice* slice)
        : exchange_(exchange), payload_(payload), slice_(slice), from_(payload.data()) {}

    // Feeds it as a stream's, or as a part of one message. False: the answer has to be cut.
    [[nodiscard]] bool feed() {
        if (exchange_.is_stream_) {
            exchange_.scanner_.feed(as_bytes(payload_), *this);
            pass_framing(payload_.data() + payload_.size());
        } else {
            failed_ = !filter().feed(payload_, *this) || failed_;
        }
        return !failed_;
    }

    void on_data(std::string_view piece) override {
        if (failed_) return;
        exchange_.on_data(piece);
        if (!is_of_payload(piece)) return;
        pass_framing(piece.data());
        from_ = piece.data() + piece.size();
        failed_ = !filter().feed(piece, *this) || failed_;
    }
    void on_event_end() override {
        if (failed_) return;
        failed_ = !filter().end(*this);
        if (!failed_) exchange_.on_event_end();
    }

    void pass(std::string_view piece) override {
        if (failed_) return;
        if (slice_ == nullptr || !is_of_payload(piece)) return exchange_.client_.send_text(piece);
        const auto offset = static_cast<std::size_t>(as_bytes(piece).data() - slice_->data());
        exchange_.client_.send_body({.bytes = slice_->share(offset, piece.size())});
    }
    bool shows(std::string_view tool) override {
        const Adapter* adapter = exchange_.adapter_now();
        const VisibleTools& visible = *exchange_.visible_tools();
        failed_ = failed_ || adapter == nullptr ||
                  adapter->rules_fingerprint != visible.rules_fingerprint;
        return !failed_ &&
               auth::tool_is_shown(adapter->access_rules, visible.rules_concerning, tool);
    }
    std::span<char> room() override {
        io::Block& held = exchange_.visible_tools()->held;
        held = exchange_.services_.context.blocks.take();
        return held ? held.room() : std::span<char>();
    }
    void release_room() override { exchange_.visible_tools()->held.reset(); }

  private:
    [[nodiscard]] mcp::ToolsFilter& filter() { return exchange_.visible_tools()->filter; }
    [[nodiscard]] bool is_of_payload(std::string_view piece) const {
        return piece.data() >= payload_.data() && piece.data() < payload_.data() + payload_.size();
    }
    void pass_framing(const char* until) {
        if (until != from_) pass({from_, static_cast<std::size_t>(until - from_)});
    }

    Exchange& exchange_;
    std::string_view payload_;
    const io::Slice* slice_;  // in which the payload lies; nullptr: it is copied
    const char* from_;        // of a stream, what is neither data nor passed
    bool failed_ = false;
};

bool Exchange::watch_for_tools(const Decision& decision) {
    if (visible_tools() == nullptr) extras().visible_tools = services_.visible_tools.acquire();
    if (visible_tools() == nullptr) return false;
    visible_tools()->rules_concerning = decision.rules_concerning;
    visible_tools()->rules_fingerprint = decision.adapter->rules_fingerprint;
    return true;
}

// A GET that brings no event stream brings no list.
std::optional<Refusal> Exchange::expect_tools(const http::ResponseHead& head) {
    const bool may_be_list = head.framing != http::Framing::none &&
                             (method_ != http::Method::get || is_event_stream(head));
    if (!may_be_list) {
        release_visible_tools();
        return std::nullopt;
    }
    return is_encoded(head) ? std::optional(Refusal::unreadable_list) : std::nullopt;
}

void Exchange::filter_answer(Bytes payload, const io::Slice* slice) {
    if (payload.empty()) return;
    ToolsOut out(*this, as_text(payload), slice);
    if (!out.feed()) cut_answer("The list of tools could not be filtered for you");
}

// Of an answer that is no stream.
bool Exchange::end_of_filtered() {
    ToolsOut out(*this, {}, nullptr);
    return visible_tools()->filter.end(out);
}

void Exchange::release_visible_tools() {
    if (visible_tools() == nullptr) return;
    services_.visible_tools.release(std::exchange(extras_->visible_tools, nullptr));
    release_extras();
}

}  // namespace mcpgw::exchange
