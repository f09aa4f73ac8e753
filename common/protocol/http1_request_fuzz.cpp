// Any bytes as a request: the same result for every cutting, views inside the head, one reading of
// the framing, and what was read can be written and read again.
#include "common/protocol/http1_head_properties.h"
#include "common/protocol/http1_writer.h"

namespace mcpgw::http {
namespace {

void check_target(const RequestHead& head) {
    for (const std::string_view view : {head.target, head.path})
        check(is_visible_ascii(view), "targets are visible ASCII");
    check(head.target.size() <= limits::target_bytes_max, "the limit of targets holds");
    check(head.path == "*" ? head.method == Method::options : head.path.starts_with('/'),
          "a path begins with a slash");
    check(head.target.starts_with(head.path), "the target begins with its path");
    check(head.target.find_first_of("# \"<>") == head.target.npos, "nothing that needs an escape");
}

void check_framing(const RequestHead& head) {
    const std::size_t lengths = head.fields.count_of("content-length");
    const std::size_t codings = head.fields.count_of("transfer-encoding");
    check(lengths + codings <= 1, "one field decides the framing");
    check((lengths == 1) == (head.framing == Framing::content_length), "by its length");
    check((codings == 1) == (head.framing == Framing::chunked), "or by chunks");
    check(head.framing != Framing::until_close, "a request never ends with the connection");
    check(head.framing == Framing::content_length || head.content_length == 0, "else no length");
    check(head.fields.count_of("host") == 1 || head.minor_version == 0, "one host");
    check(head.host.find_first_of("/@ \t?#\\") == head.host.npos, "a host is only a host");
    if (head.fields.count_of("connection") == 0)
        check(head.keep_alive == (head.minor_version == 1), "kept by version");
}

void check_round_trip(const RequestHead& head, std::size_t bytes) {
    std::vector<char> room(bytes + 4 * head.fields.size() + 32);
    HeadWriter writer(room);
    writer.request_line(head.method_text, head.target);
    for (const Field& field : head.fields.all())
        writer.field(field.name, field.value);
    writer.finish();
    check(!writer.overflowed(), "writing adds little");
    if (head.minor_version == 0) return;  // written as HTTP/1.1, where other rules hold
    RequestHead again;
    check(parse_request_head(writer.text(), again) == HeadError::none, "read back");
    check(again.method == head.method && again.method_text == head.method_text, "the method");
    check(again.target == head.target && again.path == head.path && again.query == head.query,
          "the target");
    check(again.framing == head.framing && again.content_length == head.content_length &&
              again.keep_alive == head.keep_alive && again.expect_continue == head.expect_continue,
          "the meaning");
    check(same_fields(again.fields, head.fields), "the fields");
}

void parse(std::string_view text) {
    const std::vector<char> copy = exact_copy(text);
    const std::string_view head(copy.data(), copy.size());
    RequestHead out;
    const HeadError error = parse_request_head(head, out);
    if (error != HeadError::none) {
        check(status_of(error) >= 400 && !sentence_of(error).empty(), "a refusal has an answer");
        return;
    }
    check_scanner_agrees(head);
    for (const std::string_view view : {out.method_text, out.target, out.path, out.query, out.host})
        check_inside(view, head);
    check_fields(out.fields, head);
    check_target(out);
    check_framing(out);
    check_round_trip(out, head.size());
}

}  // namespace
}  // namespace mcpgw::http

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace mcpgw::http;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    scan_in_many_ways(text, 128);
    const Scan seen = scan_in_many_ways(text, mcpgw::limits::head_bytes_max);
    if (seen.state == HeadScanner::State::complete)
        parse(text.substr(seen.leading_bytes, seen.head_bytes - seen.leading_bytes));
    parse(text);
    return 0;
}
