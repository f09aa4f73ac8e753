// Writing heads. A line is put whole or not at all, and nothing follows what did not fit, so the
// text is always the beginning of the head that was asked for.
//
// Invariant: no name, value or start line can smuggle a line end into the head; that is asserted
// here, at the last place before the bytes leave. The room is the caller's.
#include "common/protocol/http1_writer.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <initializer_list>
#include <utility>

#include "common/check.h"
#include "common/protocol/byte_scan.h"
#include "common/protocol/http1_head.h"

namespace mcpgw::http {
namespace {

using Phrase = std::pair<std::uint16_t, std::string_view>;

// The registry of status codes: RFC 9110 section 15 and what other RFCs added to it.
constexpr auto kPhrases = std::to_array<Phrase>({
    {100, "Continue"},
    {101, "Switching Protocols"},
    {102, "Processing"},
    {103, "Early Hints"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {203, "Non-Authoritative Information"},
    {204, "No Content"},
    {205, "Reset Content"},
    {206, "Partial Content"},
    {207, "Multi-Status"},
    {208, "Already Reported"},
    {226, "IM Used"},
    {300, "Multiple Choices"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {305, "Use Proxy"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {402, "Payment Required"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {407, "Proxy Authentication Required"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {423, "Locked"},
    {424, "Failed Dependency"},
    {425, "Too Early"},
    {426, "Upgrade Required"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {451, "Unavailable For Legal Reasons"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
    {506, "Variant Also Negotiates"},
    {507, "Insufficient Storage"},
    {508, "Loop Detected"},
    {511, "Network Authentication Required"},
});
static_assert(std::ranges::is_sorted(kPhrases), "looked up by halving");

// No CR, LF or NUL, which would begin a new line somewhere.
bool stays_on_its_line(std::string_view text) {
    std::size_t at = find_control(text, 0);
    while (at < text.size()) {
        if (text[at] == '\r' || text[at] == '\n' || text[at] == '\0') return false;
        at = find_control(text, at + 1);
    }
    return true;
}

}  // namespace

std::string_view reason_phrase(std::uint16_t status) {
    const auto found = std::ranges::lower_bound(kPhrases, status, {}, &Phrase::first);
    return found != kPhrases.end() && found->first == status ? found->second : std::string_view{};
}

bool HeadWriter::has_room(std::size_t bytes) {
    if (bytes > room_.size() - size_) overflowed_ = true;
    return !overflowed_;
}

void HeadWriter::put(std::string_view piece) {
    if (piece.empty() || !has_room(piece.size())) return;
    std::memcpy(room_.data() + size_, piece.data(), piece.size());
    size_ += piece.size();
}

void HeadWriter::put(std::initializer_list<std::string_view> pieces) {
    std::size_t needed = 0;
    for (const std::string_view piece : pieces)
        needed += piece.size();
    if (!has_room(needed)) return;
    for (const std::string_view piece : pieces)
        put(piece);
    check(size_ <= room_.size(), "nothing is written outside the room");
}

void HeadWriter::request_line(std::string_view method, std::string_view target) {
    check(size_ == 0 && is_token(method), "a request begins with its method");
    check(is_visible_ascii(target), "a target holds no blank and no control character");
    put({method, " ", target, " HTTP/1.1\r\n"});
}

void HeadWriter::status_line(std::uint16_t status, std::string_view reason) {
    check(status >= 100 && status <= 999, "a status has three digits");
    check(size_ == 0 && stays_on_its_line(reason), "a response begins with its status");
    std::array<char, 3> digits{};
    std::to_chars(digits.data(), digits.data() + digits.size(), status);
    put({"HTTP/1.1 ",
         {digits.data(), digits.size()},
         " ",
         reason.empty() ? reason_phrase(status) : reason,
         "\r\n"});
}

void HeadWriter::field(std::string_view name, std::string_view value) {
    check(!in_value_ && is_token(name), "a field has a name, and the one before is ended");
    check(stays_on_its_line(value), "a field stays on its line");
    put({name, ": ", value, "\r\n"});
}

void HeadWriter::field(std::string_view name, std::uint64_t value) {
    std::array<char, 20> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value);
    check(end.ec == std::errc{}, "twenty digits hold every number");
    field(name, {digits.data(), static_cast<std::size_t>(end.ptr - digits.data())});
}

// Lines that followed each other in the head they came in are copied together.
void HeadWriter::fields(std::span<const Field> fields) {
    check(!in_value_, "the field before is ended");
    std::string_view lines;
    for (const Field& field : fields) {
        const std::string_view line = field.line();
        if (!lines.empty() && !line.empty() && lines.data() + lines.size() == line.data()) {
            lines = {lines.data(), lines.size() + line.size()};
            continue;
        }
        put(lines);
        lines = line;
        check(line.empty() || line.ends_with("\r\n"), "a parsed line has its end");
        if (line.empty()) this->field(field.name, field.value);
    }
    put(lines);
}

void HeadWriter::begin_field(std::string_view name) {
    check(!in_value_ && is_token(name), "a field has a name, and the one before is ended");
    in_value_ = true;
    put({name, ": "});
}

void HeadWriter::append(std::string_view piece) {
    check(in_value_ && stays_on_its_line(piece), "a field stays on its line");
    put({piece});
}

void HeadWriter::end_field() {
    check(in_value_, "the field was begun");
    in_value_ = false;
    put({"\r\n"});
}

void HeadWriter::finish() {
    check(!in_value_, "the last field is ended");
    put({"\r\n"});
}

}  // namespace mcpgw::http
