// Any bytes as a response: the same result for every cutting, views inside the head, and one
// reading of the framing, whatever the request was.
#include "common/protocol/http1_head_properties.h"
#include "common/protocol/http1_writer.h"

namespace mcpgw::http {
namespace {

void check_framing(const ResponseHead& head, Method method) {
    const std::size_t lengths = head.fields.count_of("content-length");
    const std::size_t codings = head.fields.count_of("transfer-encoding");
    check(lengths + codings <= 1, "at most one field speaks of the framing");
    const bool bodiless =
        method == Method::head || head.status < 200 || head.status == 204 || head.status == 304;
    check(bodiless == (head.framing == Framing::none), "these have no body, all others have");
    if (!bodiless) {
        check((lengths == 1) == (head.framing == Framing::content_length), "by its length");
        check((codings == 1) == (head.framing == Framing::chunked), "or by chunks");
    }
    check(head.framing == Framing::content_length || head.content_length == 0, "else no length");
    check(head.framing != Framing::until_close || !head.keep_alive, "the end ends the connection");
}

void check_round_trip(const ResponseHead& head, std::size_t bytes) {
    std::vector<char> room(bytes + 4 * head.fields.size() + 64);
    HeadWriter writer(room);
    writer.status_line(head.status, head.reason);
    for (const Field& field : head.fields.all())
        writer.field(field.name, field.value);
    writer.finish();
    check(!writer.overflowed(), "writing adds little");
    if (head.minor_version == 0) return;  // written as HTTP/1.1, where other rules hold
    ResponseHead again;
    check(parse_response_head(writer.text(), Method::get, again) == HeadError::none, "read back");
    check(again.status == head.status, "the status");
    check(head.reason.empty() || again.reason == head.reason, "the reason");
    check(same_fields(again.fields, head.fields), "the fields");
}

void parse(std::string_view text) {
    const std::vector<char> copy = exact_copy(text);
    const std::string_view head(copy.data(), copy.size());
    for (const Method method : {Method::get, Method::head, Method::post}) {
        ResponseHead out;
        if (parse_response_head(head, method, out) != HeadError::none) continue;
        check_scanner_agrees(head);
        check_inside(out.reason, head);
        check(find_control(out.reason, 0) == out.reason.size(), "no control in the reason");
        check(out.status >= 100 && out.status <= 999, "three digits");
        check_fields(out.fields, head);
        check_framing(out, method);
        check_round_trip(out, head.size());
    }
}

}  // namespace
}  // namespace mcpgw::http

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace mcpgw::http;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const Scan seen = scan_in_many_ways(text, mcpgw::limits::head_bytes_max);
    if (seen.state == HeadScanner::State::complete)
        parse(text.substr(seen.leading_bytes, seen.head_bytes - seen.leading_bytes));
    parse(text);
    return 0;
}
