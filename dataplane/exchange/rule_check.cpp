// First whether the message can be understood in one way only, then what it asks for.
#include "dataplane/exchange/rule_check.h"

#include <algorithm>
#include <array>

#include "common/bytes.h"
#include "common/protocol/jsonrpc_messages.h"

namespace mcpgw::exchange {
namespace {

constexpr std::string_view kToolsCall = "tools/call";
constexpr std::string_view kToolsList = "tools/list";

// Every `charset` in a Content-Type names one that is read like UTF-8 here: servers decode what
// they are told to, and in UTF-7 the same bytes say something else.
bool is_utf8(std::string_view content_type) {
    constexpr std::string_view name = "charset=";
    constexpr std::array<std::string_view, 3> same = {"utf-8", "utf8", "us-ascii"};
    for (; content_type.size() >= name.size(); content_type.remove_prefix(1)) {
        if (!starts_with_ignoring_case(content_type, name)) continue;
        std::string_view value = content_type.substr(name.size());
        if (value.starts_with('"')) value.remove_prefix(1);
        value = value.substr(0, value.find_first_of("\"; \t"));
        if (std::ranges::none_of(
                same, [value](std::string_view one) { return equals_ignoring_case(one, value); }))
            return false;
    }
    return true;
}

// Whether the server reads the bytes as they are.
bool is_plain(const http::Fields& fields) {
    return std::ranges::all_of(fields.all(), [](const http::Field& field) {
        if (field.known == http::FieldName::content_encoding)
            return equals_ignoring_case(field.value, "identity");
        return field.known != http::FieldName::content_type || is_utf8(field.value);
    });
}

// One message; `whole`: nothing of it is still to come.
RuleVerdict check_message(const jsonrpc::Peek& message, bool whole, auth::Rules rules,
                          std::uint64_t concerning) {
    if (message.is_doubtful()) return RuleVerdict::unclear;
    if (!message.has_method()) {
        if (!whole) return RuleVerdict::more_needed;
        // The client's answer to a question of the server.
        return message.kind() == jsonrpc::Kind::response ? RuleVerdict::allowed
                                                         : RuleVerdict::unclear;
    }
    if (!auth::method_is_allowed(rules, concerning, message.method()))
        return RuleVerdict::not_allowed;
    if (message.method() != kToolsCall || !auth::has_tool_rules(rules)) return RuleVerdict::allowed;
    if (message.name().empty()) return whole ? RuleVerdict::unclear : RuleVerdict::more_needed;
    return auth::tool_is_allowed(rules, concerning, message.name()) ? RuleVerdict::allowed
                                                                    : RuleVerdict::not_allowed;
}

class BatchCheck final : public jsonrpc::MessageSink {
  public:
    BatchCheck(auth::Rules rules, std::uint64_t concerning)
        : rules_(rules), concerning_(concerning) {}
    void on_message(const jsonrpc::Peek& message) override {
        if (verdict_ == RuleVerdict::allowed)
            verdict_ = check_message(message, true, rules_, concerning_);
    }
    [[nodiscard]] RuleVerdict verdict() const { return verdict_; }

  private:
    auth::Rules rules_;
    std::uint64_t concerning_;
    RuleVerdict verdict_ = RuleVerdict::allowed;
};

RuleVerdict check_batch(const transport::Segment* held, auth::Rules rules,
                        std::uint64_t concerning) {
    BatchCheck check(rules, concerning);
    jsonrpc::MessageReader reader;
    for (; held != nullptr; held = held->next)
        reader.feed(as_bytes({held->data, held->size}), check);
    return reader.is_broken() ? RuleVerdict::unclear : check.verdict();
}

bool has_body(const Question& question) {
    const http::RequestHead& head = question.head;
    return question.peek != nullptr || head.framing == http::Framing::chunked ||
           (head.framing == http::Framing::content_length && head.content_length > 0);
}

}  // namespace

RuleVerdict check_rules(const Question& question, auth::Rules rules, std::uint64_t concerning) {
    using State = jsonrpc::Peek::State;
    if (!has_body(question)) return RuleVerdict::allowed;
    const jsonrpc::Peek* peek = question.peek;
    if (peek == nullptr || !is_plain(question.head.fields)) return RuleVerdict::unclear;
    const bool whole = question.body_complete;
    if (peek->state() == State::malformed || (whole && peek->state() != State::complete))
        return RuleVerdict::unclear;
    if (peek->kind() == jsonrpc::Kind::batch)
        return whole ? check_batch(question.held, rules, concerning) : RuleVerdict::more_needed;
    return check_message(*peek, whole, rules, concerning);
}

bool asks_for_tools(const Question& question) {
    if (question.head.method == http::Method::get) return true;
    return question.peek != nullptr &&
           (question.peek->kind() == jsonrpc::Kind::batch || question.peek->method() == kToolsList);
}

}  // namespace mcpgw::exchange
