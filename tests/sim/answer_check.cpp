// Comparison of what came with what was sent.
#include "tests/sim/answer_check.h"

#include <algorithm>

namespace mcpgw::sim {
namespace {

constexpr std::string_view kComment = ": keepalive\n\n";
constexpr std::string_view kCut = "\nevent: cut\n\n";

bool is_border(std::string_view body, std::size_t at) {
    return at == 0 || body.substr(0, at).ends_with("\n\n");
}

// Whether an event with an id has ended; the servers here write the id first.
bool has_event_id(std::string_view stream) {
    constexpr std::string_view id = "id: ";
    while (!stream.empty()) {
        const std::size_t end = stream.find("\n\n");
        if (end == std::string_view::npos) return false;
        if (stream.starts_with(id)) return true;
        stream.remove_prefix(end + 2);
    }
    return false;
}

// Whether one of the two begins with the other.
bool agree(std::string_view a, std::string_view b) {
    const std::size_t count = std::min(a.size(), b.size());
    return a.substr(0, count) == b.substr(0, count);
}

}  // namespace

void AnswerCheck::begin(const Ask& ask, bool from_server) {
    ask_ = &ask;
    from_server_ = from_server;
    bytes_ = 0;
    text_.clear();
}

void AnswerCheck::take(std::string_view piece) {
    const std::size_t before = bytes_;
    bytes_ += piece.size();
    if (!from_server_ || ask_->answer.is_stream) {
        text_ += piece;
        return;
    }
    const std::string_view body = ask_->answer.body;
    if (bytes_ > body.size() || body.substr(before, piece.size()) != piece)
        fail_ask(*ask_, "the client gets other bytes than its server has sent, from byte " +
                            std::to_string(before));
}

bool AnswerCheck::judge(bool complete) {
    if (!from_server_) return false;
    if (ask_->answer.is_stream) return judge_stream(complete);
    return bytes_ == ask_->answer.body.size();
}

bool AnswerCheck::at_border() const {
    return text_.empty() || text_.ends_with("\n\n");
}

bool AnswerCheck::is_error_event(std::string_view tail, bool complete) const {
    const std::string begin =
        "event: message\ndata: {\"jsonrpc\":\"2.0\",\"id\":" + ask_->jsonrpc_id +
        ",\"error\":{\"code\":-32603,";
    if (!complete) return agree(tail, begin);
    return !ask_->jsonrpc_id.empty() && tail.starts_with(begin) && tail.ends_with("}}\n\n");
}

bool AnswerCheck::judge_stream(bool complete) {
    const std::string_view body = ask_->answer.body;
    std::string_view got = text_;
    std::size_t at = 0;
    while (!got.empty()) {
        if (is_border(body, at) && got.starts_with(':')) {
            if (!agree(got, kComment)) break;
            got.remove_prefix(std::min(got.size(), kComment.size()));
        } else if (at < body.size() && got.front() == body[at]) {
            got.remove_prefix(1);
            ++at;
        } else {
            break;
        }
    }
    const std::size_t result_end = ask_->answer.result_end;
    const bool has_result = result_end > 0 && at >= result_end;
    const bool owes_error = !ask_->jsonrpc_id.empty() && !has_result;
    if (got.empty()) {
        // A legacy client that has an event id may be left to poll for the rest.
        const bool may_poll = !ask_->modern && has_event_id(body.substr(0, at));
        if (complete && owes_error && !may_poll)
            fail_ask(*ask_, "the stream ends without the result, and nobody says so");
        return at == body.size();
    }
    // What is left over must be the gateway's own end.
    std::string_view tail = got;
    if (!is_border(body, at)) {
        const std::string_view cut = body[at - 1] == '\n' ? kCut.substr(1) : kCut;
        if (!agree(tail, cut)) fail_ask(*ask_, "foreign bytes in an event stream");
        tail.remove_prefix(std::min(tail.size(), cut.size()));
    }
    if (!owes_error || !is_error_event(tail, complete))
        fail_ask(*ask_, "foreign bytes at the end of an event stream");
    return at == body.size();
}

}  // namespace mcpgw::sim
