// The line machine behind the SSE scanner.
//
//   start ─▶ line_start ─▶ field_name ─▶ data_begin ─▶ data
//                 │             └──▶ ignored
//                 ├──▶ id_name ─▶ id_begin ─▶ ignored
//                 └──▶ ignored (comments and other fields)
//
// Every line end leads back to line_start. The rest of a line is found with memchr, so that long
// data lines cost next to nothing and reach the sink as one range per input.
#include "common/protocol/sse.h"

#include <cstring>

namespace mcpgw::sse {

enum class Scanner::State : std::uint8_t {
    start,  // no byte yet, or the first ones of a byte order mark
    line_start,
    field_name,  // its first name_matched_ bytes are those of "data"
    data_begin,  // after the colon, where one space does not count
    data,
    id_name,   // its first name_matched_ bytes are those of "id"
    id_begin,  // after the colon, where one space does not count
    ignored,   // the rest of the line is of no interest
};

namespace {

constexpr std::string_view kData = "data";
constexpr std::string_view kId = "id";

constexpr bool is_line_end(char c) {
    return c == '\n' || c == '\r';
}

const char* find_or_end(const char* at, const char* end, char c) {
    const void* found = std::memchr(at, c, static_cast<std::size_t>(end - at));
    return found == nullptr ? end : static_cast<const char*>(found);
}

// Finds line ends in one input. The LF that was found is remembered: without that, a stream with
// CR only would be searched to its end again for every line.
class LineEnds {
  public:
    LineEnds(const char* begin, const char* end) : end_(end), lf_(find_or_end(begin, end, '\n')) {}

    // The first CR or LF at or after `at`, or the end. `at` never goes back.
    const char* next(const char* at) {
        if (lf_ < at) lf_ = find_or_end(at, end_, '\n');
        return find_or_end(at, lf_, '\r');
    }

  private:
    const char* end_;
    const char* lf_;
};

}  // namespace

bool Scanner::at_border() const {
    if (state_ == State::start) return bom_matched_ == 0;
    return state_ == State::line_start && !event_has_fields_ && !after_cr_;
}

bool Scanner::at_line_start() const {
    return state_ == State::line_start || at_border();
}

void Scanner::feed(Bytes input, Sink& sink) {
    if (input.empty()) return;
    const char* at = as_text(input).data();
    const char* const end = at + input.size();
    LineEnds ends(at, end);
    while (at != end) {
        const char c = *at;
        if (after_cr_ && c == '\n') {
            after_cr_ = false;
            ++at;
            continue;
        }
        after_cr_ = false;
        switch (state_) {
            case State::start:
                if (in_byte_order_mark(c)) ++at;
                break;
            case State::line_start:
            case State::field_name:
                if (is_line_end(c))
                    end_line(c, sink);
                else if (state_ == State::line_start)
                    begin_line(c);
                else
                    in_field_name(c, sink);
                ++at;
                break;
            case State::id_name:
                if (is_line_end(c))
                    end_line(c, sink);
                else
                    in_id_name(c);
                ++at;
                break;
            case State::id_begin:
                // An empty value is no id: it makes the reader forget the one it has.
                event_has_id_ = c != ' ' && !is_line_end(c);
                if (c == ' ') ++at;
                if (event_has_id_ || is_line_end(c)) state_ = State::ignored;
                break;
            case State::data_begin:
                if (c == ' ') ++at;
                state_ = State::data;
                break;
            case State::data:
            case State::ignored: {
                const char* const stop = ends.next(at);
                if (state_ == State::data && stop != at)
                    sink.on_data({at, static_cast<std::size_t>(stop - at)});
                at = stop;
                if (at != end) end_line(*at++, sink);
                break;
            }
        }
    }
}

// Whether `c` belongs to a byte order mark. If a mark breaks off, its bytes were the beginning of
// the name of some field that is not ours.
bool Scanner::in_byte_order_mark(char c) {
    if (c == kByteOrderMark[bom_matched_]) {
        if (++bom_matched_ == kByteOrderMark.size()) state_ = State::line_start;
        return true;
    }
    event_has_fields_ = bom_matched_ > 0;
    state_ = bom_matched_ > 0 ? State::ignored : State::line_start;
    return false;
}

void Scanner::begin_line(char c) {
    event_has_fields_ = event_has_fields_ || c != ':';
    name_matched_ = 1;
    state_ = c == kData.front() ? State::field_name
             : c == kId.front() ? State::id_name
                                : State::ignored;
}

void Scanner::in_field_name(char c, Sink& sink) {
    if (name_matched_ < kData.size()) {
        if (c == kData[name_matched_])
            ++name_matched_;
        else
            state_ = State::ignored;
        return;
    }
    state_ = c == ':' ? State::data_begin : State::ignored;
    if (c == ':') begin_data_line(sink);
}

void Scanner::in_id_name(char c) {
    if (name_matched_ < kId.size() && c == kId[name_matched_]) {
        ++name_matched_;
        return;
    }
    const bool is_id = name_matched_ == kId.size() && c == ':';
    state_ = is_id ? State::id_begin : State::ignored;
}

void Scanner::begin_data_line(Sink& sink) {
    const bool another = event_has_data_;
    event_has_data_ = true;
    if (another) sink.on_data("\n");
}

void Scanner::end_line(char c, Sink& sink) {
    const State line = state_;
    state_ = State::line_start;
    after_cr_ = c == '\r';
    // A line "data" without a colon is a field with an empty value.
    if (line == State::field_name && name_matched_ == kData.size()) begin_data_line(sink);
    if (line != State::line_start) return;
    const bool event = event_has_fields_;
    event_has_fields_ = false;
    event_has_data_ = false;
    is_resumable_ = is_resumable_ || event_has_id_;
    event_has_id_ = false;
    if (event) sink.on_event_end();
}

}  // namespace mcpgw::sse
