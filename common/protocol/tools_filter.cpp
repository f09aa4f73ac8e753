// One pass over the bytes. The commas between the elements of a list are never passed but written
// anew, so that it does not matter which of them are left out.
#include "common/protocol/tools_filter.h"

#include <new>
#include <type_traits>

#include "common/protocol/byte_scan.h"
#include "common/protocol/json_text.h"

namespace mcpgw::mcp {
namespace {

constexpr std::string_view kPrivate = "\"private\"";

// A byte order mark, which may only be at the beginning, is taken for white space.
bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\xEF' || c == '\xBB' ||
           c == '\xBF';
}

}  // namespace

bool ToolsFilter::feed(std::string_view input, ToolsSink& sink) {
    if (failed_) return false;
    const char* at = input.data();
    const char* const end = at + input.size();
    from_ = at;
    while (at != end && !is_opaque_) {
        if (text_ != Text::none) {
            at = in_text(at, end, sink);
            if (failed_) return false;
            continue;
        }
        in_structure(*at, at, sink);
        ++at;
    }
    const std::string_view rest(from_, static_cast<std::size_t>(end - from_));
    if (flow_ == Flow::passing && !rest.empty()) sink.pass(rest);
    if (flow_ == Flow::holding) hold(rest, sink);
    return true;
}

bool ToolsFilter::end(ToolsSink& sink) {
    const bool sound = !failed_ && !in_tools_ && flow_ == Flow::passing;
    forget_held(sink);
    const bool failed = failed_;
    static_assert(std::is_trivially_destructible_v<ToolsFilter>);
    new (this) ToolsFilter;  // in place: the room for texts is not written
    failed_ = failed;
    return sound;
}

// The innermost of the levels that matter, if it is the innermost of all.
ToolsFilter::Place ToolsFilter::place() const {
    switch (depth_ - base_) {
        case 1:
            return in_message_ ? Place::message : Place::nothing;
        case 2:
            return in_result_ ? Place::result : Place::nothing;
        case 3:
            return in_tools_ ? Place::tools : Place::nothing;
        case 4:
            return in_element_ ? Place::element : Place::nothing;
        default:
            return Place::nothing;
    }
}

// --- Structure ----------------------------------------------------------------------------------

void ToolsFilter::in_structure(char c, const char* at, ToolsSink& sink) {
    if (is_space(c)) return;
    if (!began_) {
        began_ = true;
        is_opaque_ = c != '{' && c != '[';
        if (is_opaque_) return;
    }
    const bool in_list = place() == Place::tools;
    if (in_list && c == ',') return end_element(at, false, sink);
    if (in_list && c != ']') has_element_ = true;
    switch (c) {
        case '{':
        case '[':
            return open(c == '{', at + 1, sink);
        case '}':
        case ']':
            return close(at, sink);
        case '"':
            return begin_text(at, sink);
        case ',':
            key_next_ = place() != Place::nothing;
            return;
        case ':':
            key_next_ = false;
            return;
        default:
            return;
    }
}

void ToolsFilter::open(bool object, const char* behind, ToolsSink& sink) {
    const Place around = place();
    const bool is_batch = depth_ == 0 && !object;
    ++depth_;
    if (is_batch) {
        base_ = 1;
        return;
    }
    const std::uint32_t level = depth_ - base_;
    if (level == 1) in_message_ = object;
    if (around == Place::message) in_result_ = object && key_ == Key::result;
    if (around == Place::result) in_tools_ = !object && key_ == Key::tools;
    if (around == Place::tools) in_element_ = object;
    key_ = Key::other;
    key_next_ = object && place() != Place::nothing;
    if (around != Place::result || !in_tools_) return;
    sink.pass({from_, static_cast<std::size_t>(behind - from_)});
    shown_one_ = false;
    begin_element(behind);
}

void ToolsFilter::close(const char* at, ToolsSink& sink) {
    if (depth_ == 0) return;
    switch (place()) {
        case Place::nothing:
            break;
        case Place::message:
            in_message_ = false;
            break;
        case Place::result:
            in_result_ = false;
            break;
        case Place::tools:
            end_element(at, true, sink);
            in_tools_ = false;
            break;
        case Place::element:
            in_element_ = false;
            break;
    }
    --depth_;
    if (depth_ == 0) base_ = 0;
    key_next_ = false;
}

// --- Elements of a list -------------------------------------------------------------------------

void ToolsFilter::begin_element(const char* from) {
    from_ = from;
    flow_ = Flow::holding;
    verdict_ = Verdict::open;
    has_element_ = false;
}

// `at` is the comma or bracket behind it. An empty list holds nothing but white space.
void ToolsFilter::end_element(const char* at, bool is_last, ToolsSink& sink) {
    const std::string_view rest(from_, static_cast<std::size_t>(at - from_));
    const bool only_space = is_last && !has_element_ && !shown_one_;
    if (flow_ == Flow::holding && only_space) pass_held(sink);
    if ((flow_ == Flow::passing || only_space) && !rest.empty()) sink.pass(rest);
    forget_held(sink);
    begin_element(at + 1);
    if (!is_last) return;
    from_ = at;
    flow_ = Flow::passing;
}

// The name has ended. One that comes again does not show what was hidden, nor hide what was shown.
void ToolsFilter::judge(ToolsSink& sink) {
    std::array<char, limits::mcp_name_bytes_max> room;
    const auto name =
        raw_overflowed_ ? std::nullopt : json::unescape({raw_.data(), raw_bytes_}, room);
    const bool is_shown = name && name->size() <= limits::mcp_name_bytes_max && sink.shows(*name);
    if (verdict_ == Verdict::left_out) return;
    if (verdict_ == Verdict::shown) {
        failed_ = !is_shown;
        return;
    }
    verdict_ = is_shown ? Verdict::shown : Verdict::left_out;
    if (!is_shown) {
        flow_ = Flow::dropping;
        return forget_held(sink);
    }
    if (shown_one_) sink.pass(",");
    shown_one_ = true;
    pass_held(sink);
    flow_ = Flow::passing;
}

void ToolsFilter::hold(std::string_view piece, ToolsSink& sink) {
    if (piece.empty()) return;
    if (room_.empty()) room_ = sink.room();
    if (piece.size() > room_.size() - held_bytes_) {
        verdict_ = Verdict::left_out;
        flow_ = Flow::dropping;
        has_element_ = true;
        return forget_held(sink);
    }
    piece.copy(room_.data() + held_bytes_, piece.size());
    held_bytes_ += piece.size();
}

void ToolsFilter::pass_held(ToolsSink& sink) {
    if (held_bytes_ > 0) sink.pass({room_.data(), held_bytes_});
    forget_held(sink);
}

void ToolsFilter::forget_held(ToolsSink& sink) {
    if (!room_.empty()) sink.release_room();
    room_ = {};
    held_bytes_ = 0;
}

// --- Texts --------------------------------------------------------------------------------------

void ToolsFilter::begin_text(const char* at, ToolsSink& sink) {
    text_ = Text::ignored;
    escaped_ = false;
    raw_bytes_ = 0;
    raw_overflowed_ = false;
    if (place() == Place::nothing || place() == Place::tools) return;
    if (key_next_) {
        text_ = Text::key;
        return;
    }
    if (place() == Place::element && key_ == Key::name) text_ = Text::name;
    if (place() != Place::result || key_ != Key::cache_scope) return;
    text_ = Text::scope;
    if (at != from_) sink.pass({from_, static_cast<std::size_t>(at - from_)});
    sink.pass(kPrivate);
    flow_ = Flow::dropping;
}

// A run of plain characters, or one other.
const char* ToolsFilter::in_text(const char* at, const char* end, ToolsSink& sink) {
    const char* stop = escaped_ ? at : http::skip_plain(at, end);
    const bool ends = stop != end && *stop == '"' && !escaped_;
    escaped_ = stop != end && *stop == '\\' && !escaped_;
    if (stop != end && !ends) ++stop;
    if (text_ == Text::key || text_ == Text::name) {
        const std::string_view piece(at, static_cast<std::size_t>(stop - at));
        raw_overflowed_ = raw_overflowed_ || piece.size() > raw_.size() - raw_bytes_;
        if (!raw_overflowed_) {
            piece.copy(raw_.data() + raw_bytes_, piece.size());
            raw_bytes_ = static_cast<std::uint16_t>(raw_bytes_ + piece.size());
        }
    }
    if (!ends) return stop;
    end_text(stop, sink);
    return stop + 1;
}

// `quote` is the byte that ends it.
void ToolsFilter::end_text(const char* quote, ToolsSink& sink) {
    const Text text = text_;
    text_ = Text::none;
    switch (text) {
        case Text::none:
        case Text::ignored:
            return;
        case Text::key:
            key_ = key_of_text();
            return;
        case Text::name:
            key_ = Key::other;
            return judge(sink);
        case Text::scope:
            key_ = Key::other;
            flow_ = Flow::passing;
            from_ = quote + 1;
            return;
    }
}

ToolsFilter::Key ToolsFilter::key_of_text() const {
    std::array<char, 16> room;
    if (raw_overflowed_) return Key::other;
    const auto key = json::unescape({raw_.data(), raw_bytes_}, room);
    if (!key) return Key::other;
    switch (place()) {
        case Place::message:
            return *key == "result" ? Key::result : Key::other;
        case Place::result:
            if (*key == "tools") return Key::tools;
            return *key == "cacheScope" ? Key::cache_scope : Key::other;
        case Place::element:
            return *key == "name" ? Key::name : Key::other;
        case Place::nothing:
        case Place::tools:
            break;
    }
    return Key::other;
}

}  // namespace mcpgw::mcp
