// Lines and fields of the beginning of a stream, and references relative to it.
#include "common/protocol/sse_endpoint.h"

#include <algorithm>

#include "common/bytes.h"
#include "common/protocol/authority.h"
#include "common/protocol/sse.h"

namespace mcpgw::sse {
namespace {

struct Line {
    std::size_t begin;
    std::size_t end;   // without its ending
    std::size_t next;  // where the next one begins
};

// False if the line that begins at `at` has not ended. A CR that comes last ends its line, too; an
// LF that may follow is no line of its own (`after_cr`).
bool next_line(std::string_view text, std::size_t at, bool& after_cr, Line& line) {
    if (after_cr && at < text.size() && text[at] == '\n') ++at;
    after_cr = false;
    const std::size_t end = text.find_first_of("\r\n", at);
    if (end == std::string_view::npos) return false;
    const bool cr = text[end] == '\r';
    const bool both = cr && end + 1 < text.size() && text[end + 1] == '\n';
    after_cr = cr && !both;
    line = {at, end, end + (both ? 2 : 1)};
    return true;
}

struct Field {
    std::string_view name;
    std::size_t value_begin;  // within the line
};

Field field_of(std::string_view line) {
    const std::size_t colon = std::min(line.find(':'), line.size());
    std::size_t value = std::min(colon + 1, line.size());
    if (value < line.size() && line[value] == ' ') ++value;
    return {line.substr(0, colon), value};
}

bool is_visible_ascii(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f; });
}

bool is_scheme_char(char c) {
    const char lower = to_lower(c);
    return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '-' ||
           c == '.';
}

// The scheme of a reference, empty if it has none (RFC 3986 section 3.1).
std::string_view scheme_of(std::string_view reference) {
    std::size_t size = 0;
    while (size < reference.size() && is_scheme_char(reference[size]))
        ++size;
    const bool has_scheme = size > 0 && size < reference.size() && reference[size] == ':' &&
                            to_lower(reference[0]) >= 'a' && to_lower(reference[0]) <= 'z';
    return has_scheme ? reference.substr(0, size) : std::string_view();
}

// A path that is put together segment by segment in the caller's room.
class Path {
  public:
    explicit Path(std::span<char> room) : room_(room) {}

    void put(std::string_view text) {
        if (text.size() > room_.size() - size_) overflowed_ = true;
        if (overflowed_) return;
        size_ += text.copy(room_.data() + size_, text.size());
    }
    // Adds segments, resolving "." and ".." (RFC 3986 section 5.2.4), each with a slash before it.
    void put_segments(std::string_view path) {
        while (!path.empty()) {
            if (path[0] == '/') path.remove_prefix(1);
            const std::string_view segment = path.substr(0, path.find('/'));
            path.remove_prefix(segment.size());
            if (segment == "..") drop_last();
            if (segment != "." && segment != "..") {
                put("/");
                put(segment);
            } else if (path.empty()) {
                put("/");
            }
        }
    }
    [[nodiscard]] std::size_t size() const { return overflowed_ ? 0 : size_; }

  private:
    void drop_last() {
        while (size_ > 0 && room_[--size_] != '/') {
        }
    }
    std::span<char> room_;
    std::size_t size_ = 0;
    bool overflowed_ = false;
};

}  // namespace

EndpointEvent find_endpoint(std::string_view stream) {
    std::size_t at = stream.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0;
    bool after_cr = false;
    bool is_endpoint = false;
    std::size_t data_lines = 0;
    EndpointEvent event;
    Line line{};
    while (next_line(stream, at, after_cr, line)) {
        const std::string_view text = stream.substr(line.begin, line.end - line.begin);
        at = line.next;
        if (text.empty()) {
            if (is_endpoint) {
                event.state =
                    data_lines == 1 ? EndpointEvent::State::found : EndpointEvent::State::broken;
                return event;
            }
            data_lines = 0;
            continue;
        }
        const Field field = field_of(text);
        if (field.name == "event") is_endpoint = text.substr(field.value_begin) == "endpoint";
        if (field.name != "data") continue;
        ++data_lines;
        event.value_begin = line.begin + field.value_begin;
        event.value_end = line.end;
    }
    return {};
}

std::size_t resolve_endpoint(std::string_view reference, std::string_view authority,
                             std::string_view base, std::span<char> out) {
    reference = reference.substr(0, reference.find('#'));
    if (!is_visible_ascii(reference) || reference.find('\\') != std::string_view::npos) return 0;
    if (const std::string_view scheme = scheme_of(reference); !scheme.empty()) {
        if (!equals_ignoring_case(scheme, "http")) return 0;
        reference.remove_prefix(scheme.size() + 1);
        if (!reference.starts_with("//")) return 0;
    }
    base = base.substr(0, base.find('?'));
    if (reference.starts_with("//")) {
        const std::size_t end = std::min(reference.find_first_of("/?", 2), reference.size());
        if (!http::same_http_origin(reference.substr(2, end - 2), authority)) return 0;
        reference.remove_prefix(end);
        base = "/";
    }
    const std::string_view directory = base.substr(0, base.rfind('/') + 1);
    const std::size_t query = std::min(reference.find('?'), reference.size());
    const std::string_view path = reference.substr(0, query);
    Path target(out);
    if (path.empty()) {
        target.put(base);
    } else {
        // The directory ends in a slash, which the next segment brings itself.
        if (!path.starts_with('/')) target.put_segments(directory.substr(0, directory.size() - 1));
        target.put_segments(path);
    }
    target.put(reference.substr(query));
    return target.size();
}

}  // namespace mcpgw::sse
