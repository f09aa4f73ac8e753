// The head parser. One pass over the bytes: names run along a table of token characters, values run
// to the next control byte, and what decides the framing is noted on the way.
//
// Invariants: nothing is read outside the head; a head that is accepted here has exactly one
// reading, so that no neighbour can be made to see another message border than we do. Nobody owns
// anything here: all results are views. What a request is for is left to the exchange.
//
// HeadScanner (-> complete on the LF of `ending`, -> failed on anything that is not drawn):
//
//   fresh --CR--> fresh_cr --LF--> fresh
//     '--other--> inside --CR--> inside_cr --LF--> line_start --CR--> ending --LF--> complete
//                   ^-------------- not SP or HTAB ----'
#include "common/protocol/http1_head.h"

#include <algorithm>
#include <array>

#include "common/check.h"
#include "common/protocol/byte_scan.h"

namespace mcpgw::http {
namespace {

// Classes of characters.
constexpr std::uint8_t kToken = 1;  // RFC 9110 section 5.6.2
// RFC 3986 pchar, '/', and what URL libraries of browsers and Node leave as it is in a path.
constexpr std::uint8_t kPath = 2;
constexpr std::uint8_t kQuery = 4;  // likewise in a query
constexpr std::uint8_t kRegName = 8;
constexpr std::uint8_t kHex = 16;
constexpr std::uint8_t kDigit = 32;
constexpr std::uint8_t kIpLiteral = 64;  // between the brackets of an IPv6 address

constexpr std::array<std::uint8_t, 256> make_classes() {
    std::array<std::uint8_t, 256> table{};
    const auto add = [&table](std::string_view characters, unsigned classes) {
        for (const char c : characters) {
            auto& entry = table[static_cast<std::uint8_t>(c)];
            entry = static_cast<std::uint8_t>(entry | classes);
        }
    };
    const auto everywhere = kPath | kQuery | kRegName;
    add("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", kToken | everywhere);
    add("0123456789", kToken | everywhere | kHex | kDigit | kIpLiteral);
    add("abcdefABCDEF", kHex | kIpLiteral);
    add("!#$%&'*+-.^_`|~", kToken);
    add("-._~!$&'()*+,;=%", everywhere);
    add(":@/[]|^", kPath | kQuery);
    add("?\\`{}", kQuery);
    add(":.", kIpLiteral);
    return table;
}
constexpr auto kClasses = make_classes();

constexpr bool has_class(char c, std::uint8_t wanted) {
    return (kClasses[static_cast<std::uint8_t>(c)] & wanted) != 0;
}
bool all_have_class(std::string_view text, std::uint8_t wanted) {
    return std::ranges::all_of(text, [wanted](char c) { return has_class(c, wanted); });
}

bool percent_signs_are_escapes(std::string_view text) {
    for (std::size_t at = text.find('%'); at != std::string_view::npos; at = text.find('%', at + 3))
        if (at + 2 >= text.size() || !all_have_class(text.substr(at + 1, 2), kHex)) return false;
    return true;
}

bool is_port(std::string_view text) {
    if (text.size() > 5 || !all_have_class(text, kDigit)) return false;
    unsigned value = 0;
    for (const char c : text)
        value = value * 10 + static_cast<unsigned>(c - '0');
    return value <= 65535;
}

// uri-host [ ":" port ] of RFC 9110 section 7.2, never empty. Of the IP literals only IPv6.
bool is_host(std::string_view text) {
    std::size_t end = 0;
    if (text.starts_with('[')) {
        end = text.find(']');
        if (end == std::string_view::npos) return false;
        const std::string_view literal = text.substr(1, end - 1);
        if (!all_have_class(literal, kIpLiteral) || std::ranges::count(literal, ':') < 2)
            return false;
        ++end;
    } else {
        end = std::min(text.find(':'), text.size());
        const std::string_view name = text.substr(0, end);
        if (name.empty() || !all_have_class(name, kRegName) || !percent_signs_are_escapes(name))
            return false;
    }
    return end == text.size() || (text[end] == ':' && is_port(text.substr(end + 1)));
}

// What the fields say about framing and the connection. Counted first, judged once all are known.
struct Facts {
    std::string_view host;
    std::uint64_t content_length = 0;
    std::size_t hosts = 0;
    std::size_t content_lengths = 0;
    std::size_t transfer_encodings = 0;
    bool chunked = false;          // it is the only coding
    bool chunked_is_last = false;  // and without it no body has an end
    bool close = false;
    bool keep_alive = false;
    bool expects_continue = false;
    bool expects_other = false;
};

// 1*DIGIT (RFC 9110 section 8.6). Lists such as "5, 5" are refused like any other character.
bool parse_content_length(std::string_view text, std::uint64_t& out) {
    if (text.empty()) return false;
    std::uint64_t value = 0;
    for (const char c : text) {
        if (!has_class(c, kDigit)) return false;
        const auto digit = static_cast<std::uint64_t>(c - '0');
        if (value > (UINT64_MAX - digit) / 10) return false;
        value = value * 10 + digit;
    }
    out = value;
    return true;
}

HeadError note_content_length(std::string_view value, Facts& facts) {
    if (++facts.content_lengths > 1) return HeadError::conflicting_content_length;
    return parse_content_length(value, facts.content_length) ? HeadError::none
                                                             : HeadError::bad_content_length;
}

void note_connection(std::string_view value, Facts& facts) {
    if (list_has_token(value, "close")) facts.close = true;
    if (list_has_token(value, "keep-alive")) facts.keep_alive = true;
}

HeadError note(const Field& field, Facts& facts) {
    constexpr FieldSet noted{FieldName::host, FieldName::expect, FieldName::connection,
                             FieldName::content_length, FieldName::transfer_encoding};
    if (!noted.has(field.known)) return HeadError::none;
    if (field.known == FieldName::host) {
        ++facts.hosts;
        facts.host = field.value;
    } else if (field.known == FieldName::expect) {
        const bool known = equals_ignoring_case(field.value, "100-continue");
        (known ? facts.expects_continue : facts.expects_other) = true;
    } else if (field.known == FieldName::connection) {
        note_connection(field.value, facts);
    } else if (field.known == FieldName::content_length) {
        return note_content_length(field.value, facts);
    } else {
        ++facts.transfer_encodings;
        facts.chunked = equals_ignoring_case(field.value, "chunked");
        const std::string_view last = field.value.substr(field.value.rfind(',') + 1);
        facts.chunked_is_last = equals_ignoring_case(without_blanks(last), "chunked");
    }
    return HeadError::none;
}

HeadError error_of_control(char c) {
    return c == '\r' || c == '\n' ? HeadError::bad_line_ending : HeadError::bad_field_value;
}

// Moves `at` from somewhere in a line behind its CR LF and sets `end` to the CR.
HeadError find_line_end(std::string_view head, std::size_t& at, std::size_t& end) {
    end = find_control(head, at);
    if (end == head.size()) return HeadError::bad_line_ending;
    if (head[end] != '\r') return error_of_control(head[end]);
    if (end + 1 == head.size() || head[end + 1] != '\n') return HeadError::bad_line_ending;
    at = end + 2;
    return HeadError::none;
}

// The first control byte that is not a line end with an ordinary line behind it, all of it in this
// piece: the usual head, which arrives at once, is crossed here without a change of state.
std::size_t find_stop(std::string_view text, std::size_t at) {
    at = find_control(text, at);
    while (at + 2 < text.size() && text[at] == '\r' && text[at + 1] == '\n' &&
           has_class(text[at + 2], kToken))
        at = find_control(text, at + 2);
    return at;
}

// `at` stands on the first byte of a field line and is moved behind it.
HeadError parse_field(std::string_view head, std::size_t& at, Field& out) {
    check(at < head.size(), "a field line has a first byte");
    if (is_blank(head[at])) return HeadError::obs_fold;
    const std::size_t begin = at;
    std::size_t colon = at;
    while (colon < head.size() && has_class(head[colon], kToken))
        ++colon;
    if (colon == at || colon == head.size() || head[colon] != ':') return HeadError::bad_field_name;
    out.name = head.substr(at, colon - at);
    at = colon + 1;
    std::size_t end = 0;
    if (const HeadError error = find_line_end(head, at, end); error != HeadError::none)
        return error;
    out.value = without_blanks(head.substr(colon + 1, end - colon - 1));
    out.line_bytes = static_cast<std::uint32_t>(at - begin);
    out.known = field_name_of(out.name);
    return HeadError::none;
}

HeadError parse_fields(std::string_view head, std::size_t at, Fields& out, Facts& facts) {
    out.clear();
    while (at < head.size() && head[at] != '\r') {
        Field field;
        HeadError error = parse_field(head, at, field);
        if (error == HeadError::none) error = note(field, facts);
        if (error == HeadError::none && !out.add(field)) error = HeadError::too_many_fields;
        if (error != HeadError::none) return error;
    }
    return head.substr(at) == "\r\n" ? HeadError::none : HeadError::bad_line_ending;
}

// "HTTP/" DIGIT "." DIGIT. A minor version above ours is answered as ours (RFC 9110 section 2.5).
HeadError parse_version(std::string_view text, std::uint8_t& minor) {
    const bool formed = text.size() == 8 && text.starts_with("HTTP/") && text[6] == '.' &&
                        has_class(text[5], kDigit) && has_class(text[7], kDigit);
    if (!formed) return HeadError::bad_version;
    if (text[5] != '1') return HeadError::version_not_supported;
    minor = text[7] == '0' ? 0 : 1;
    return HeadError::none;
}

Method method_of(std::string_view text) {
    for (const Method method : {Method::post, Method::get, Method::del, Method::put, Method::head,
                                Method::options, Method::patch})
        if (text == method_name(method)) return method;
    return Method::other;
}

HeadError parse_path_and_query(std::string_view text, RequestHead& out) {
    check(text.starts_with('/'), "origin-form begins with a slash");
    const std::size_t mark = std::min(text.find('?'), text.size());
    out.target = text;
    out.path = text.substr(0, mark);
    out.query = mark == text.size() ? std::string_view{} : text.substr(mark + 1);
    const bool clean = all_have_class(out.path, kPath) && all_have_class(out.query, kQuery) &&
                       percent_signs_are_escapes(out.path);
    return clean ? HeadError::none : HeadError::bad_target;
}

// RFC 9112 section 3.2. authority-form belongs to CONNECT, which is refused before.
HeadError parse_target(std::string_view text, RequestHead& out) {
    if (text.size() > limits::target_bytes_max) return HeadError::target_too_long;
    if (text.starts_with('/')) return parse_path_and_query(text, out);
    if (text == "*") {
        if (out.method != Method::options) return HeadError::bad_target;
        out.target = out.path = text;
        return HeadError::none;
    }
    std::size_t begin = 0;
    for (const std::string_view scheme : {"http://", "https://"})
        if (starts_with_ignoring_case(text, scheme)) begin = scheme.size();
    if (begin == 0) return HeadError::bad_target;
    const std::size_t end = std::min(text.find_first_of("/?", begin), text.size());
    out.host = text.substr(begin, end - begin);
    if (!is_host(out.host)) return HeadError::bad_target;
    // An empty path means "/" (RFC 9110 section 4.2.3), which stands just before the authority.
    if (end == text.size()) return parse_path_and_query(text.substr(begin - 1, 1), out);
    // With a query but no path, origin-form would not be a part of the head; no client sends that.
    return text[end] == '/' ? parse_path_and_query(text.substr(end), out) : HeadError::bad_target;
}

HeadError parse_request_line(std::string_view line, RequestHead& out) {
    const std::size_t method_end = line.find(' ');
    if (method_end == std::string_view::npos) return HeadError::bad_request_line;
    const std::size_t target_end = line.find(' ', method_end + 1);
    if (target_end == std::string_view::npos) return HeadError::bad_request_line;
    out.method_text = line.substr(0, method_end);
    const std::string_view target = line.substr(method_end + 1, target_end - method_end - 1);
    const std::string_view version = line.substr(target_end + 1);
    if (!is_token(out.method_text) || target.empty() || version.find(' ') != version.npos)
        return HeadError::bad_request_line;
    out.method = method_of(out.method_text);
    if (const HeadError error = parse_version(version, out.minor_version); error != HeadError::none)
        return error;
    if (out.method_text == "CONNECT" || out.method_text == "TRACE")
        return HeadError::unsupported_method;
    return parse_target(target, out);
}

bool parse_status_line(std::string_view line, ResponseHead& out) {
    constexpr std::size_t status_at = 9;
    constexpr std::size_t status_end = 12;
    if (line.size() < status_end || line[status_at - 1] != ' ') return false;
    const std::string_view digits = line.substr(status_at, status_end - status_at);
    if (!all_have_class(digits, kDigit) || digits[0] == '0') return false;
    // The space before an empty reason is owed by the server, but not worth an answer.
    if (line.size() > status_end && line[status_end] != ' ') return false;
    out.status = static_cast<std::uint16_t>((digits[0] - '0') * 100 + (digits[1] - '0') * 10 +
                                            (digits[2] - '0'));
    out.reason = line.substr(std::min(line.size(), status_end + 1));
    return true;
}

// Rules that hold in both directions. RFC 9112 section 6.1 lets a server guess in some of these
// cases; whoever guesses can be made to guess otherwise than his neighbour.
HeadError judge_framing(const Facts& facts, std::uint8_t minor_version) {
    if (facts.transfer_encodings == 0) return HeadError::none;
    if (facts.content_lengths > 0) return HeadError::content_length_with_transfer_encoding;
    if (minor_version == 0) return HeadError::transfer_encoding_in_http10;
    if (!facts.chunked_is_last) return HeadError::body_without_end;
    if (facts.transfer_encodings > 1 || !facts.chunked) return HeadError::unknown_transfer_coding;
    return HeadError::none;
}

bool connection_stays(const Facts& facts, std::uint8_t minor_version) {
    return !facts.close && (minor_version > 0 || facts.keep_alive);
}

HeadError judge_host(const Facts& facts, RequestHead& out) {
    if (facts.hosts > 1) return HeadError::repeated_host;
    if (facts.hosts == 0) return out.minor_version == 0 ? HeadError::none : HeadError::missing_host;
    if (!is_host(facts.host)) return HeadError::bad_host;
    // The authority of an absolute-form target wins (RFC 9112 section 3.2.2).
    if (out.host.empty()) out.host = facts.host;
    return HeadError::none;
}

HeadError judge_request(const Facts& facts, RequestHead& out) {
    if (const HeadError error = judge_framing(facts, out.minor_version); error != HeadError::none)
        return error;
    if (const HeadError error = judge_host(facts, out); error != HeadError::none) return error;
    if (facts.expects_other) return HeadError::unsupported_expectation;
    if (facts.chunked) out.framing = Framing::chunked;
    if (facts.content_lengths > 0) out.framing = Framing::content_length;
    out.content_length = facts.content_length;
    out.keep_alive = connection_stays(facts, out.minor_version);
    // RFC 9110 section 10.1.1: of an HTTP/1.0 client the expectation is ignored.
    out.expect_continue = facts.expects_continue && out.minor_version > 0;
    return HeadError::none;
}

Framing response_framing(const Facts& facts, Method request_method, std::uint16_t status) {
    if (request_method == Method::head || status < 200 || status == 204 || status == 304)
        return Framing::none;
    if (facts.chunked) return Framing::chunked;
    return facts.content_lengths > 0 ? Framing::content_length : Framing::until_close;
}

}  // namespace

enum class HeadScanner::Line : std::uint8_t {
    fresh,  // nothing but empty lines so far
    fresh_cr,
    inside,  // in the start line or a field line
    inside_cr,
    line_start,  // a field line or the last line begins
    ending,      // the CR of the last line was seen
};

void HeadScanner::reset() {
    seen_ = leading_ = 0;
    state_ = State::scanning;
    error_ = HeadError::none;
    line_ = Line::fresh;
}

void HeadScanner::fail(HeadError error) {
    check(state_ == State::scanning && error != HeadError::none, "fails once, for a reason");
    state_ = State::failed;
    error_ = error;
}

std::size_t HeadScanner::feed(Bytes input) {
    if (state_ != State::scanning) return 0;
    const std::size_t room = bytes_max_ - seen_;
    const std::string_view text = as_text(input.first(std::min(input.size(), room)));
    std::size_t at = 0;
    while (at < text.size() && state_ == State::scanning)
        at = advance(text, at);
    seen_ += at;
    check(seen_ <= bytes_max_ && leading_ <= seen_, "the limit holds");
    if (state_ == State::scanning && seen_ == bytes_max_) fail(HeadError::head_too_large);
    return at;
}

// Takes one step at text[at]; returns where the next one begins.
std::size_t HeadScanner::advance(std::string_view text, std::size_t at) {
    const char c = text[at];
    switch (line_) {
        case Line::fresh:
            line_ = c == '\r' ? Line::fresh_cr : Line::inside;
            return c == '\r' ? at + 1 : at;
        case Line::inside:
            at = find_stop(text, at);
            if (at == text.size()) return at;
            if (text[at] != '\r') {
                fail(error_of_control(text[at]));
                return at;
            }
            line_ = Line::inside_cr;
            return at + 1;
        case Line::line_start:
            if (is_blank(c)) {
                fail(HeadError::obs_fold);
                return at;
            }
            line_ = c == '\r' ? Line::ending : Line::inside;
            return c == '\r' ? at + 1 : at;
        case Line::fresh_cr:
        case Line::inside_cr:
        case Line::ending:
            break;
    }
    if (c != '\n') {
        fail(HeadError::bad_line_ending);
        return at;
    }
    if (line_ == Line::ending) state_ = State::complete;
    // The CR may have come in an earlier piece; both bytes are counted when the line is known.
    if (line_ == Line::fresh_cr) leading_ += 2;
    line_ = line_ == Line::fresh_cr ? Line::fresh : Line::line_start;
    return at + 1;
}

HeadError parse_request_head(std::string_view head, RequestHead& out) {
    out.host = out.query = {};
    out.framing = Framing::none;
    std::size_t at = 0;
    std::size_t end = 0;
    Facts facts;
    HeadError error = find_line_end(head, at, end);
    if (error == HeadError::none) error = parse_request_line(head.substr(0, end), out);
    if (error == HeadError::none) error = parse_fields(head, at, out.fields, facts);
    if (error == HeadError::none) error = judge_request(facts, out);
    return error;
}

HeadError parse_response_head(std::string_view head, Method request_method, ResponseHead& out) {
    std::size_t at = 0;
    std::size_t end = 0;
    Facts facts;
    HeadError error = find_line_end(head, at, end);
    if (error != HeadError::none) return error;
    const std::string_view line = head.substr(0, end);
    error = parse_version(line.substr(0, std::min(line.size(), line.find(' '))), out.minor_version);
    if (error != HeadError::none) return error;
    if (!parse_status_line(line, out)) return HeadError::bad_status_line;
    error = parse_fields(head, at, out.fields, facts);
    if (error == HeadError::none) error = judge_framing(facts, out.minor_version);
    if (error != HeadError::none) return error;
    out.framing = response_framing(facts, request_method, out.status);
    out.content_length = out.framing == Framing::content_length ? facts.content_length : 0;
    // Whoever announces a body where none can be (RFC 9110 section 8.6) may well send it: what
    // follows would be taken for the next answer.
    const bool owes_nothing = out.status != 204 || (!facts.chunked && facts.content_length == 0);
    out.keep_alive = owes_nothing && out.framing != Framing::until_close &&
                     connection_stays(facts, out.minor_version);
    return HeadError::none;
}

bool list_has_token(std::string_view list, std::string_view token) {
    while (!list.empty()) {
        const std::size_t comma = std::min(list.find(','), list.size());
        if (equals_ignoring_case(without_blanks(list.substr(0, comma)), token)) return true;
        list.remove_prefix(std::min(comma + 1, list.size()));
    }
    return false;
}

bool is_token(std::string_view text) {
    return !text.empty() && all_have_class(text, kToken);
}

bool is_visible_ascii(std::string_view text) {
    return !text.empty() &&
           std::ranges::all_of(text, [](char c) { return c >= 0x21 && c <= 0x7E; });
}

}  // namespace mcpgw::http
