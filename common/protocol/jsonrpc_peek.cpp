// The byte machine behind Peek.
//
// One byte class at a time: `expect_` says what the next byte belongs to. Strings, where nearly all
// bytes of real messages are, are passed in runs. Of the open objects at most three are *watched*:
// the message itself, its params and their _meta, or its result; they are always the outermost
// ones, so the member names matter exactly while depth_ == watched_. A member that comes again
// first forgets what its predecessor (and everything inside that) had left behind.
#include "common/protocol/jsonrpc_peek.h"

#include <new>
#include <type_traits>

#include "common/check.h"
#include "common/protocol/byte_scan.h"
#include "common/protocol/json_text.h"

namespace mcpgw::jsonrpc {

enum class Peek::Expect : std::uint8_t {
    value,
    value_or_end,  // after [
    key,           // after a comma in an object
    key_or_end,    // after {
    colon,
    comma_or_end,
    nothing,         // the message has ended
    string,          // from here on inside a value or key
    escape,          // the byte after a backslash
    unicode_escape,  // a digit of \uXXXX
    number,
    literal,
};

enum class Peek::Number : std::uint8_t {
    minus,
    zero,
    integer,
    point,
    fraction,
    exponent,
    exponent_sign,
    exponent_digits,
    ended,  // before the present byte
    wrong,
};

enum class Peek::Member : std::uint8_t {
    other,  // of no interest; as a target: collected nowhere
    key,    // as a target only
    id,
    method,
    error,
    result,
    result_task_id,
    params,
    name,
    uri,
    task_id,
    initialize_version,
    meta,
    meta_version,
};

namespace {

constexpr bool is_white_space(char c) {
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}
constexpr bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

constexpr std::array<std::string_view, 3> kLiterals = {"true", "false", "null"};

}  // namespace

// Built anew in place: only what begins with a value is written, not the room for texts.
void Peek::reset() {
    static_assert(std::is_trivially_destructible_v<Peek>);
    new (this) Peek;
}

void Peek::feed(Bytes input) {
    const char* at = as_text(input).data();
    const char* const end = at + input.size();
    while (at != end && state_ != State::malformed) {
        switch (expect_) {
            case Expect::string:
                at = in_string(at, end);
                break;
            case Expect::escape:
                in_escape(*at++);
                break;
            case Expect::unicode_escape:
                in_unicode_escape(*at++);
                break;
            case Expect::number:
                at = in_number(at, end);
                break;
            case Expect::literal:
                in_literal(*at++);
                break;
            case Expect::value:
            case Expect::value_or_end:
            case Expect::key:
            case Expect::key_or_end:
            case Expect::colon:
            case Expect::comma_or_end:
            case Expect::nothing:
                at = in_structure(at, end);
                break;
        }
    }
}

const char* Peek::in_structure(const char* at, const char* end) {
    while (at != end && expect_ < Expect::string && state_ != State::malformed) {
        const char c = *at++;
        if (!is_white_space(c)) token(c);
    }
    return at;
}

// One byte between values that is no white space.
inline void Peek::token(char c) {
    switch (expect_) {
        case Expect::value_or_end:
            if (c == ']') return close(false);
            return begin_value(c);
        case Expect::value:
            return begin_value(c);
        case Expect::key_or_end:
            if (c == '}') return close(true);
            [[fallthrough]];
        case Expect::key:
            if (c != '"') return fail();
            return begin_key();
        case Expect::colon:
            if (c != ':') return fail();
            expect_ = Expect::value;
            return;
        case Expect::comma_or_end:
            if (c == '}') return close(true);
            if (c == ']') return close(false);
            if (c != ',') return fail();
            expect_ = in_object_ ? Expect::key : Expect::value;
            return;
        case Expect::nothing:
            return fail();
        case Expect::string:
        case Expect::escape:
        case Expect::unicode_escape:
        case Expect::number:
        case Expect::literal:
            check(false, "bytes inside a value are no tokens");
    }
}

void Peek::begin_value(char c) {
    const Member member = at_watched_level() ? member_ : Member::other;
    if (member != Member::other) {
        note_given(member);
        forget(member);
    }
    if (c == '{') return open(true);
    if (c == '[') return open(false);
    if (depth_ == 0) return fail();
    if (c == '"') {
        const bool collected = member != Member::params && member != Member::meta &&
                               member != Member::result && member != Member::error;
        return begin_string(collected ? member : Member::other);
    }
    if (c == '-' || is_digit(c)) {
        target_ = member == Member::id ? Member::id : Member::other;
        return begin_number(c);
    }
    begin_literal(c);
}

void Peek::open(bool object) {
    if (depth_ == depth_max) return fail();
    const bool inner = at_watched_level() && (member_ == Member::params ||
                                              member_ == Member::meta || member_ == Member::result);
    const bool watched = object && (depth_ == 0 || inner);
    if (watched && depth_ == 1) in_result_ = member_ == Member::result;
    if (depth_ == 0) is_batch_ = !object;
    // Of the enclosing levels only the kind is kept, a bit for each.
    if (depth_ > 0) {
        const auto outer = static_cast<std::size_t>(depth_ - 1);
        const std::uint64_t bit = std::uint64_t{1} << (outer % 64);
        std::uint64_t& bits = object_at_depth_[outer / 64];
        bits = in_object_ ? bits | bit : bits & ~bit;
    }
    in_object_ = object;
    ++depth_;
    if (watched) watched_ = depth_;
    expect_ = object ? Expect::key_or_end : Expect::value_or_end;
}

void Peek::close(bool object) {
    check(depth_ > 0, "only what is open can be closed");
    if (in_object_ != object) return fail();
    if (watched_ == depth_) --watched_;
    --depth_;
    if (depth_ > 0) {
        const auto outer = static_cast<std::size_t>(depth_ - 1);
        in_object_ = (object_at_depth_[outer / 64] >> (outer % 64) & 1U) != 0;
    }
    end_value();
}

void Peek::end_value() {
    if (depth_ > 0) {
        expect_ = Expect::comma_or_end;
        return;
    }
    expect_ = Expect::nothing;
    state_ = State::complete;
}

// --- Collecting ---------------------------------------------------------------------------------

template <class Use>
void Peek::with_target(Use use) {
    switch (target_) {
        case Member::other:
        case Member::error:
        case Member::result:
        case Member::params:
        case Member::meta:
            return;
        case Member::key:
            return use(key_);
        case Member::id:
            return use(id_);
        case Member::method:
            return use(method_);
        case Member::name:
            return use(name_);
        case Member::uri:
            return use(uri_);
        case Member::task_id:
            return use(task_id_);
        case Member::result_task_id:
            return use(result_task_id_);
        case Member::initialize_version:
            return use(initialize_version_);
        case Member::meta_version:
            return use(meta_version_);
    }
}

void Peek::collect(std::string_view piece) {
    with_target([piece](auto& text) { text.append(piece); });
}

void Peek::finish_target() {
    with_target([](auto& text) { text.finish(); });
}

// --- Strings ------------------------------------------------------------------------------------

void Peek::begin_string(Member target) {
    target_ = target;
    expect_ = Expect::string;
    if (target == Member::id) collect("\"");
}

const char* Peek::in_string(const char* at, const char* end) {
    for (;;) {
        const char* const stop = http::skip_plain(at, end);
        const std::string_view run(at, static_cast<std::size_t>(stop - at));
        if (stop == end || *stop != '"') {
            if (target_ != Member::other && !run.empty()) {
                flush_lone_surrogate();
                collect(run);
            }
            if (stop == end) return end;
            if (*stop != '\\') fail();
            expect_ = Expect::escape;
            return stop + 1;
        }
        at = stop + 1;
        // Between two strings there is mostly just a colon or a comma: then straight on.
        const char between = in_key_ ? ':' : ',';
        const bool another = end - at >= 2 && at[0] == between && at[1] == '"';
        if (in_key_) {
            end_key(run);
            if (!another) return at;
            begin_value('"');
        } else {
            end_text(run);
            if (!another || !in_object_) return at;
            begin_key();
        }
        at += 2;
    }
}

void Peek::begin_key() {
    in_key_ = true;
    target_ = at_watched_level() ? Member::key : Member::other;
    key_.start();
    expect_ = Expect::string;
}

void Peek::end_text(std::string_view last_run) {
    if (target_ != Member::other) {
        flush_lone_surrogate();
        collect(last_run);
        if (target_ == Member::id) collect("\"");
        finish_target();
    }
    end_value();
}

// A key that came in one run, the usual case, is compared where it lies.
void Peek::end_key(std::string_view last_run) {
    in_key_ = false;
    expect_ = Expect::colon;
    if (target_ == Member::other) return;
    std::string_view key = last_run;
    if (!key_.empty() || high_surrogate_ != 0) {
        flush_lone_surrogate();
        key_.append(last_run);
        key_.finish();
        key = key_.view();
    }
    member_ = member_named(key);
    if (member_ == Member::other) note_look_alike(key);
}

void Peek::in_escape(char c) {
    constexpr std::string_view letters = "\"\\/bfnrt";
    constexpr std::string_view meanings = "\"\\/\b\f\n\r\t";
    const std::size_t which = letters.find(c);
    if (which == std::string_view::npos && c != 'u') return fail();
    if (target_ == Member::id) {
        collect("\\");
        collect({&c, 1});
    }
    if (c == 'u') {
        expect_ = Expect::unicode_escape;
        hex_digits_ = 0;
        code_unit_ = 0;
        return;
    }
    expect_ = Expect::string;
    if (target_ == Member::other || target_ == Member::id) return;
    flush_lone_surrogate();
    if (meanings[which] < ' ') note_odd_character();
    collect(meanings.substr(which, 1));
}

void Peek::in_unicode_escape(char c) {
    const char lower = to_lower(c);
    const bool letter = lower >= 'a' && lower <= 'f';
    if (!is_digit(c) && !letter) return fail();
    const int digit = letter ? lower - 'a' + 10 : c - '0';
    code_unit_ = static_cast<std::uint16_t>(code_unit_ << 4 | digit);
    if (target_ == Member::id) collect({&c, 1});
    if (++hex_digits_ < 4) return;
    expect_ = Expect::string;
    if (target_ != Member::other && target_ != Member::id) collect_code_unit();
}

// A UTF-16 code unit from an escape: half a pair, or a character of its own.
void Peek::collect_code_unit() {
    const bool high = code_unit_ >= 0xD800 && code_unit_ < 0xDC00;
    const bool low = code_unit_ >= 0xDC00 && code_unit_ < 0xE000;
    if (low && high_surrogate_ != 0) {
        collect_code_point(0x10000U + ((high_surrogate_ - 0xD800U) << 10) + (code_unit_ - 0xDC00U));
        high_surrogate_ = 0;
        return;
    }
    flush_lone_surrogate();
    if (code_unit_ < ' ' || low) note_odd_character();
    if (high)
        high_surrogate_ = code_unit_;
    else
        collect_code_point(low ? 0xFFFDU : code_unit_);
}

void Peek::flush_lone_surrogate() {
    if (high_surrogate_ == 0) return;
    high_surrogate_ = 0;
    note_odd_character();
    collect_code_point(0xFFFD);
}

void Peek::collect_code_point(std::uint32_t code_point) {
    std::array<char, 4> utf8{};
    std::size_t size = 0;
    const auto put = [&utf8, &size](std::uint32_t byte) { utf8[size++] = static_cast<char>(byte); };
    if (code_point < 0x80) {
        put(code_point);
    } else if (code_point < 0x800) {
        put(0xC0U | code_point >> 6);
        put(0x80U | (code_point & 0x3FU));
    } else if (code_point < 0x10000) {
        put(0xE0U | code_point >> 12);
        put(0x80U | (code_point >> 6 & 0x3FU));
        put(0x80U | (code_point & 0x3FU));
    } else {
        put(0xF0U | code_point >> 18);
        put(0x80U | (code_point >> 12 & 0x3FU));
        put(0x80U | (code_point >> 6 & 0x3FU));
        put(0x80U | (code_point & 0x3FU));
    }
    collect({utf8.data(), size});
}

// --- Numbers and literals -----------------------------------------------------------------------

void Peek::begin_number(char c) {
    expect_ = Expect::number;
    number_ = c == '-' ? Number::minus : c == '0' ? Number::zero : Number::integer;
    collect({&c, 1});
}

// The byte after a number is not part of it and is looked at as a token.
const char* Peek::in_number(const char* at, const char* end) {
    const char* const begin = at;
    Number next = number_;
    for (; at != end; ++at) {
        next = after(number_, *at);
        if (next == Number::wrong) {
            fail();
            return at;
        }
        if (next == Number::ended) break;
        number_ = next;
    }
    collect({begin, static_cast<std::size_t>(at - begin)});
    if (next == Number::ended) {
        finish_target();
        end_value();
    }
    return at;
}

// RFC 8259 section 6.
Peek::Number Peek::after(Number number, char c) {
    const bool digit = is_digit(c);
    const bool exponent = c == 'e' || c == 'E';
    switch (number) {
        case Number::minus:
            if (c == '0') return Number::zero;
            return digit ? Number::integer : Number::wrong;
        case Number::zero:
        case Number::integer:
            if (digit && number == Number::integer) return Number::integer;
            if (c == '.') return Number::point;
            return exponent ? Number::exponent : Number::ended;
        case Number::point:
            return digit ? Number::fraction : Number::wrong;
        case Number::fraction:
            if (digit) return Number::fraction;
            return exponent ? Number::exponent : Number::ended;
        case Number::exponent:
            if (c == '+' || c == '-') return Number::exponent_sign;
            return digit ? Number::exponent_digits : Number::wrong;
        case Number::exponent_sign:
            return digit ? Number::exponent_digits : Number::wrong;
        case Number::exponent_digits:
            return digit ? Number::exponent_digits : Number::ended;
        case Number::ended:
        case Number::wrong:
            break;
    }
    return Number::wrong;
}

void Peek::begin_literal(char c) {
    for (std::uint8_t i = 0; i < kLiterals.size(); ++i) {
        if (kLiterals[i].front() != c) continue;
        literal_ = i;
        literal_matched_ = 1;
        expect_ = Expect::literal;
        return;
    }
    fail();
}

void Peek::in_literal(char c) {
    const std::string_view literal = kLiterals[literal_];
    if (literal[literal_matched_] != c) return fail();
    if (++literal_matched_ == literal.size()) end_value();
}

// --- Members ------------------------------------------------------------------------------------

Peek::Member Peek::member_named(std::string_view key) const {
    switch (watched_) {
        case 1:
            if (key == "id") return Member::id;
            if (key == "method") return Member::method;
            if (key == "params") return Member::params;
            if (key == "result") return Member::result;
            if (key == "error") return Member::error;
            return Member::other;
        case 2:
            if (in_result_) return key == "taskId" ? Member::result_task_id : Member::other;
            if (key == "name") return Member::name;
            if (key == "uri") return Member::uri;
            if (key == "taskId") return Member::task_id;
            if (key == "_meta") return Member::meta;
            if (key == "protocolVersion") return Member::initialize_version;
            return Member::other;
        case 3:
            if (key == "io.modelcontextprotocol/protocolVersion") return Member::meta_version;
            return Member::other;
        default:
            return Member::other;
    }
}

// What is inside of params that are there again is not told apart: they are in doubt already.
void Peek::note_given(Member member) {
    const unsigned bit = member == Member::method   ? 1
                         : member == Member::params ? 2
                         : member == Member::name   ? 4
                                                    : 0;
    doubtful_ = doubtful_ || (given_ & bit) != 0;
    given_ = static_cast<std::uint8_t>(given_ | bit);
}

void Peek::note_look_alike(std::string_view key) {
    using json::resembles;
    const bool in_message = watched_ == 1 && (resembles(key, "method") || resembles(key, "params"));
    const bool in_params = watched_ == 2 && !in_result_ && resembles(key, "name");
    doubtful_ = doubtful_ || in_message || in_params;
}

void Peek::note_odd_character() {
    const bool matters =
        target_ == Member::key || target_ == Member::method || target_ == Member::name;
    doubtful_ = doubtful_ || matters;
}

void Peek::forget(Member member) {
    switch (member) {
        case Member::other:
        case Member::key:
            return;
        case Member::id:
            return id_.start();
        case Member::method:
            return method_.start();
        case Member::result:
            result_task_id_.start();
            [[fallthrough]];
        case Member::error:
            answered_ = true;
            return;
        case Member::result_task_id:
            return result_task_id_.start();
        case Member::params:
            name_.start();
            uri_.start();
            task_id_.start();
            initialize_version_.start();
            meta_version_.start();
            return;
        case Member::name:
            return name_.start();
        case Member::uri:
            return uri_.start();
        case Member::task_id:
            return task_id_.start();
        case Member::initialize_version:
            return initialize_version_.start();
        case Member::meta:
        case Member::meta_version:
            return meta_version_.start();
    }
}

// --- What was seen ------------------------------------------------------------------------------

// A method or id that is too long to be kept still makes its message a request.
Kind Peek::kind() const {
    if (is_batch_) return Kind::batch;
    if (method_.seen()) return id_.seen() ? Kind::request : Kind::notification;
    if (id_.seen() && answered_) return Kind::response;
    return Kind::unknown;
}

std::string_view Peek::name() const {
    const std::string_view method = method_.view();
    if (method == "tools/call" || method == "prompts/get") return name_.view();
    if (method == "resources/read") return uri_.view();
    if (method.starts_with("tasks/")) return task_id_.view();
    if (name_.present()) return name_.view();
    return uri_.present() ? uri_.view() : task_id_.view();
}

}  // namespace mcpgw::jsonrpc
