// Writing answers: the client end as the exchange sees it.
//
// Everything goes into the out-queue; a queue that takes no more ends the connection, which the
// exchange learns on the next advance, never inside the call.
#include <array>
#include <cstring>
#include <memory>

#include "dataplane/client/http1_client.h"
#include "dataplane/client/table.h"
#include "dataplane/flow/head_block.h"

namespace mcpgw::client {

using transport::PauseReason;

void Http1Client::send_interim(const flow::ResponseOut& head) {
    const bool had_it = head.status == 100 && continue_sent_;
    if (state_ == State::ended || answer_begun_ || minor_version_ == 0 || had_it) return;
    if (connection_.output_is_high()) return;  // it is only news, and this client takes none
    continue_sent_ = continue_sent_ || head.status == 100;
    auto [block, size] = flow::write_head(services_.context, [&head](http::HeadWriter& writer) {
        writer.status_line(head.status, head.reason);
        writer.fields(head.fields->all());
        writer.finish();
    });
    if (!block || !connection_.output().push(std::move(block), size)) return;
    connection_.touch();
}

void Http1Client::send_head(const flow::ResponseOut& head) {
    if (state_ == State::ended) return;
    answer_begun_ = true;
    // The rest of a request that is answered early would have to be read away: close instead.
    if (body_state() != http::BodyDecoder::State::complete) keep_alive_ = false;
    if (services_.draining) keep_alive_ = false;
    answer_is_chunked_ = head.framing == http::Framing::chunked;
    if (answer_is_chunked_ && minor_version_ == 0) {
        answer_is_chunked_ = false;  // HTTP/1.0: the end of the connection ends the body
        keep_alive_ = false;
    }
    auto [block, size] =
        flow::write_head(services_.context, [&](http::HeadWriter& writer) { write(head, writer); });
    if (!block || !connection_.output().push(std::move(block), size)) return break_off();
    connection_.touch();
}

void Http1Client::write(const flow::ResponseOut& head, http::HeadWriter& writer) {
    writer.status_line(head.status, head.reason);
    writer.fields(head.fields->all());
    if (!head.fields->has(http::FieldName::date)) writer.field("Date", table_.date());
    if (head.framing == http::Framing::content_length)
        writer.field("Content-Length", head.content_length);
    if (answer_is_chunked_) writer.field("Transfer-Encoding", "chunked");
    if (!keep_alive_)
        writer.field("Connection", "close");
    else if (minor_version_ == 0)
        writer.field("Connection", "keep-alive");
    writer.finish();
}

void Http1Client::push_text(std::string_view text) {
    if (state_ == State::ended) return;
    if (text.size() <= transport::Segment::text_bytes_max) {
        if (!connection_.output().push_text(text)) return break_off();
    } else {
        // What the gateway itself writes is rare and may take memory of its own.
        auto memory = std::make_unique_for_overwrite<char[]>(text.size());
        std::memcpy(memory.get(), text.data(), text.size());
        if (!connection_.output().push_owned(std::move(memory), text.size())) return break_off();
    }
    connection_.touch();
}

void Http1Client::send_body(flow::BodyPiece piece) {
    if (state_ == State::ended || piece.payload().empty() || method_ == http::Method::head) return;
    const bool has_frame = piece.chunk_head_bytes > 0;
    const bool needs_frame = answer_is_chunked_ && !has_frame;
    if (has_frame && !answer_is_chunked_)
        piece.bytes = piece.bytes.share(piece.chunk_head_bytes, piece.payload().size());
    if (needs_frame) {
        std::array<char, http::chunk_head_bytes_max> head{};
        push_text({head.data(), http::write_chunk_head(piece.bytes.size(), head.data())});
    }
    if (!connection_.output().push(std::move(piece.bytes))) return break_off();
    if (needs_frame) push_text(http::kChunkEnd);
    connection_.touch();
}

void Http1Client::send_text(std::string_view text) {
    if (state_ == State::ended || text.empty() || method_ == http::Method::head) return;
    if (answer_is_chunked_) {
        std::array<char, http::chunk_head_bytes_max> head{};
        push_text({head.data(), http::write_chunk_head(text.size(), head.data())});
    }
    push_text(text);
    if (answer_is_chunked_) push_text(http::kChunkEnd);
}

void Http1Client::finish() {
    if (answer_is_chunked_ && method_ != http::Method::head) push_text(http::kLastChunk);
    answer_done_ = true;
    services_.context.mark(*this);
}

// What is queued still goes out: it may be the end of an earlier answer, and of this one the client
// gets what there is. That it is not complete shows in its framing.
void Http1Client::break_off() {
    end_after_output();
}

bool Http1Client::is_full() {
    if (!connection_.output_is_high()) return false;
    connection_.want_room();
    return true;
}

void Http1Client::pause_request() {
    request_paused_ = true;
    connection_.pause(PauseReason::peer_full);
}

void Http1Client::resume_request() {
    request_paused_ = false;
    connection_.resume(PauseReason::peer_full);
    services_.context.mark(*this);
}

void Http1Client::splice_request(flow::BackendEnd& to) {
    if (incoming_ == nullptr || incoming_->body.framing() != http::Framing::content_length ||
        incoming_->body.remaining() < limits::splice_body_bytes_min)
        return;
    transport::Connection* output = to.plain_output();
    if (output != nullptr && services_.context.splices.arrange(connection_, *output) != nullptr)
        services_.context.mark(*this);
}

}  // namespace mcpgw::client
