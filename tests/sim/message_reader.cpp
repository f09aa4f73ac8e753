// Lines, lengths and chunks.
#include "tests/sim/message_reader.h"

#include <algorithm>
#include <charconv>

#include "common/bytes.h"

namespace mcpgw::sim {
namespace {

bool parse(std::string_view text, std::uint64_t& out, int base) {
    const auto done = std::from_chars(text.data(), text.data() + text.size(), out, base);
    return done.ec == std::errc{} && done.ptr == text.data() + text.size();
}

// Splits a head into its lines; false if a line is not valid.
bool parse_head(std::string_view text, MessageHead& out) {
    out = {};
    bool first = true;
    while (!text.starts_with("\r\n")) {
        const std::size_t end = text.find("\r\n");
        const std::string_view line = text.substr(0, end);
        text.remove_prefix(end + 2);
        if (first) {
            out.start = line;
            first = false;
            continue;
        }
        const std::size_t colon = line.find(": ");
        if (colon == std::string_view::npos || colon == 0) return false;
        out.fields.emplace_back(line.substr(0, colon), line.substr(colon + 2));
    }
    return !first;
}

}  // namespace

std::string_view MessageHead::find(std::string_view name) const {
    for (const auto& [key, value] : fields)
        if (equals_ignoring_case(key, name)) return value;
    return {};
}

std::size_t MessageHead::count(std::string_view name) const {
    return static_cast<std::size_t>(std::ranges::count_if(
        fields, [name](const auto& field) { return equals_ignoring_case(field.first, name); }));
}

int MessageHead::status() const {
    std::uint64_t status = 0;
    return start.starts_with("HTTP/1.1 ") && start.size() >= 12 &&
                   parse(std::string_view(start).substr(9, 3), status, 10)
               ? static_cast<int>(status)
               : 0;
}

MessageReader::Event MessageReader::fail() {
    state_ = State::broken;
    return Event::broken;
}

void MessageReader::choose_framing() {
    const std::string_view length = head_.find("Content-Length");
    const std::string_view coding = head_.find("Transfer-Encoding");
    const int status = kind_ == Kind::response ? head_.status() : 0;
    const bool bodiless = kind_ == Kind::response && (status == 204 || status == 304 || no_body_);
    const bool interim = kind_ == Kind::response && status >= 100 && status < 200;
    state_ = State::end;
    if (!interim) no_body_ = false;
    if (head_.count("Content-Length") + head_.count("Transfer-Encoding") > 1) {
        state_ = State::broken;
    } else if (interim) {
        state_ = State::head;
    } else if (bodiless) {
        state_ = State::end;
    } else if (!coding.empty()) {
        state_ = coding == "chunked" ? State::chunk_size : State::broken;
    } else if (!length.empty()) {
        if (!parse(length, left_, 10))
            state_ = State::broken;
        else if (left_ > 0)
            state_ = State::length;
    } else if (kind_ == Kind::response) {
        state_ = State::until_end;
    }
}

MessageReader::Event MessageReader::read_head(std::string_view& input) {
    const std::size_t before = text_.size();
    text_.append(input);
    const std::size_t from = before < 3 ? 0 : before - 3;
    const std::size_t end = text_.find("\r\n\r\n", from);
    if (end == std::string::npos) {
        input = {};
        return text_.size() > 256 * 1024 ? fail() : Event::needs_more;
    }
    input.remove_prefix(end + 4 - before);
    text_.resize(end + 4);
    if (!parse_head(text_, head_)) return fail();
    text_.clear();
    choose_framing();
    return state_ == State::broken ? Event::broken : Event::head;
}

MessageReader::Event MessageReader::read_data(std::string_view& input, State after) {
    if (input.empty()) return Event::needs_more;
    const std::size_t count =
        static_cast<std::size_t>(std::min<std::uint64_t>(left_, input.size()));
    piece_ = input.substr(0, count);
    input.remove_prefix(count);
    left_ -= count;
    if (left_ == 0) state_ = after;
    return Event::body;
}

// The lines of a chunked body: a size, the end of a chunk, or a trailer.
MessageReader::Event MessageReader::read_line(std::string_view& input) {
    const std::size_t end = input.find('\n');
    const std::size_t count = end == std::string_view::npos ? input.size() : end + 1;
    text_.append(input.substr(0, count));
    input.remove_prefix(count);
    if (text_.empty() || text_.back() != '\n')
        return text_.size() > 8 * 1024 ? fail() : Event::needs_more;
    if (!text_.ends_with("\r\n")) return fail();
    const std::string line = text_.substr(0, text_.size() - 2);
    text_.clear();
    switch (state_) {
        case State::chunk_size:
            if (!parse(line, left_, 16)) return fail();
            state_ = left_ == 0 ? State::trailers : State::chunk_data;
            return Event::needs_more;
        case State::chunk_end:
            if (!line.empty()) return fail();
            state_ = State::chunk_size;
            return Event::needs_more;
        default:
            if (line.empty()) state_ = State::end;
            return Event::needs_more;
    }
}

MessageReader::Event MessageReader::next(std::string_view& input) {
    while (true) {
        Event event = Event::needs_more;
        switch (state_) {
            case State::head:
                if (!input.empty()) event = read_head(input);
                return event;
            case State::length:
                return read_data(input, State::end);
            case State::chunk_data:
                return read_data(input, State::chunk_end);
            case State::until_end:
                left_ = UINT64_MAX;
                return read_data(input, State::end);
            case State::end:
                state_ = State::head;
                return Event::end;
            case State::broken:
                return Event::broken;
            case State::chunk_size:
            case State::chunk_end:
            case State::trailers:
                if (input.empty()) return event;
                event = read_line(input);
                if (event == Event::broken) return event;
                break;
        }
    }
}

}  // namespace mcpgw::sim
