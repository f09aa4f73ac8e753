// Reads and writes JSON trees (RFC 8259, and the comments and trailing commas of JSONC).
#include "tools/gateway/json_tree.h"

#include <utility>

#include "common/json_writer.h"
#include "tools/gateway/text_cursor.h"

namespace mcpgw::cli {
namespace {

constexpr std::size_t kDepthMax = 64;  // far more than any configuration, far less than the stack

class Parser {
  public:
    Parser(std::string_view text, JsonDialect dialect)
        : cursor_(text), allows_comments_(dialect == JsonDialect::with_comments) {}

    std::expected<JsonValue, TextError> parse() {
        JsonValue value;
        if (cursor_.looking_at("\xEF\xBB\xBF")) cursor_.take(3);
        if (skip_blanks() && parse_value(value, 0) && skip_blanks()) {
            if (cursor_.at_end()) return value;
            wrong("expected the end of the text, not " + cursor_.name_of_next());
        }
        return std::unexpected(error_);
    }

  private:
    bool wrong(std::string what) { return wrong_at(cursor_.position(), std::move(what)); }
    bool wrong_at(Position at, std::string what) {
        if (error_.what.empty()) error_ = TextError{at, std::move(what)};  // the first one counts
        return false;
    }

    // Also comments, where they are allowed.
    bool skip_blanks() {
        for (;;) {
            const char c = cursor_.peek();
            if (!cursor_.at_end() && (c == ' ' || c == '\t' || c == '\n' || c == '\r')) {
                cursor_.take();
            } else if (c == '/' && allows_comments_) {
                if (!skip_comment()) return false;
            } else {
                return true;
            }
        }
    }

    bool skip_comment() {
        const Position start = cursor_.position();
        if (cursor_.peek(1) == '/') {
            while (!cursor_.at_end() && cursor_.peek() != '\n')
                cursor_.take();
            return true;
        }
        if (cursor_.peek(1) != '*') return wrong("expected a value, not '/'");
        cursor_.take(2);
        while (!cursor_.looking_at("*/")) {
            if (cursor_.at_end()) return wrong_at(start, "this comment has no end");
            cursor_.take();
        }
        cursor_.take(2);
        return true;
    }

    bool parse_value(JsonValue& value, std::size_t depth) {
        value.at = cursor_.position();
        if (depth > kDepthMax) return wrong("nested too deeply");
        switch (cursor_.peek()) {
            case '{':
                return parse_object(value, depth);
            case '[':
                return parse_array(value, depth);
            case '"':
                value.kind = JsonValue::Kind::string;
                return parse_string(value.text);
            case 't':
                return parse_word(value, "true", JsonValue::Kind::boolean);
            case 'f':
                return parse_word(value, "false", JsonValue::Kind::boolean);
            case 'n':
                return parse_word(value, "null", JsonValue::Kind::null);
            default:
                return parse_number(value);
        }
    }

    bool parse_word(JsonValue& value, std::string_view word, JsonValue::Kind kind) {
        if (!cursor_.looking_at(word)) return wrong("expected a value");
        cursor_.take(word.size());
        value.kind = kind;
        if (kind == JsonValue::Kind::boolean) value.text = word;
        return true;
    }

    bool take_digits(std::string& out) {
        const std::size_t before = out.size();
        while (cursor_.peek() >= '0' && cursor_.peek() <= '9')
            out.push_back(cursor_.take());
        return out.size() > before;
    }

    bool parse_number(JsonValue& value) {
        value.kind = JsonValue::Kind::number;
        std::string& out = value.text;
        if (cursor_.peek() == '-') out.push_back(cursor_.take());
        const bool starts_with_zero = cursor_.peek() == '0';
        const std::size_t sign = out.size();
        if (!take_digits(out)) return wrong("expected a value, not " + cursor_.name_of_next());
        if (starts_with_zero && out.size() > sign + 1)
            return wrong_at(value.at, "a number does not start with 0");
        if (cursor_.peek() == '.') {
            out.push_back(cursor_.take());
            if (!take_digits(out)) return wrong("expected digits after the decimal point");
        }
        if (cursor_.peek() == 'e' || cursor_.peek() == 'E') {
            out.push_back(cursor_.take());
            if (cursor_.peek() == '+' || cursor_.peek() == '-') out.push_back(cursor_.take());
            if (!take_digits(out)) return wrong("expected digits of the exponent");
        }
        return true;
    }

    bool parse_string(std::string& out) {
        const Position start = cursor_.position();
        cursor_.take();
        for (;;) {
            if (cursor_.at_end() || cursor_.peek() == '\n')
                return wrong_at(start, "this string has no end");
            const char c = cursor_.peek();
            if (c == '"') {
                cursor_.take();
                return true;
            }
            if (static_cast<unsigned char>(c) < 0x20)
                return wrong("a control character inside a string must be escaped");
            if (c == '\\') {
                if (!parse_escape(out)) return false;
                continue;
            }
            const std::size_t length = cursor_.utf8_length();
            if (length == 0) return wrong("this is not UTF-8");
            for (std::size_t i = 0; i < length; ++i)
                out.push_back(cursor_.take());
        }
    }

    bool parse_escape(std::string& out) {
        const Position start = cursor_.position();
        cursor_.take();
        switch (cursor_.take()) {
            case '"':
                out.push_back('"');
                return true;
            case '\\':
                out.push_back('\\');
                return true;
            case '/':
                out.push_back('/');
                return true;
            case 'b':
                out.push_back('\b');
                return true;
            case 'f':
                out.push_back('\f');
                return true;
            case 'n':
                out.push_back('\n');
                return true;
            case 'r':
                out.push_back('\r');
                return true;
            case 't':
                out.push_back('\t');
                return true;
            case 'u':
                return parse_unicode_escape(out, start);
            default:
                return wrong_at(start, "no such escape in JSON");
        }
    }

    bool take_four_digits(char32_t& unit) {
        unit = 0;
        for (int i = 0; i < 4; ++i) {
            const int digit = hex_digit(cursor_.peek());
            if (digit < 0) return wrong("\\u needs four hexadecimal digits");
            unit = unit * 16 + static_cast<char32_t>(digit);
            cursor_.take();
        }
        return true;
    }

    bool parse_unicode_escape(std::string& out, Position start) {
        char32_t point = 0;
        if (!take_four_digits(point)) return false;
        if (point >= 0xDC00 && point <= 0xDFFF)
            return wrong_at(start, "the second half of a surrogate pair without the first");
        if (point >= 0xD800 && point <= 0xDBFF) {
            char32_t low = 0;
            if (!cursor_.looking_at("\\u")) return wrong_at(start, "half of a surrogate pair");
            cursor_.take(2);
            if (!take_four_digits(low)) return false;
            if (low < 0xDC00 || low > 0xDFFF) return wrong_at(start, "half of a surrogate pair");
            point = 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00);
        }
        append_utf8(out, point);
        return true;
    }

    // After an element: true if another follows; `closed` says that the bracket was taken.
    bool parse_separator(char bracket, bool& closed) {
        if (!skip_blanks()) return false;
        closed = cursor_.peek() == bracket;
        if (closed) {
            cursor_.take();
            return true;
        }
        if (cursor_.peek() != ',')
            return wrong(std::string("expected ',' or '") + bracket + "', not " +
                         cursor_.name_of_next());
        cursor_.take();
        if (!skip_blanks()) return false;
        if (cursor_.peek() != bracket) return true;
        if (!allows_comments_) return wrong(std::string("a comma before '") + bracket + "'");
        cursor_.take();
        closed = true;
        return true;
    }

    bool opens_empty(char bracket) {
        cursor_.take();
        if (!skip_blanks() || cursor_.peek() != bracket) return false;
        cursor_.take();
        return true;
    }

    bool parse_array(JsonValue& value, std::size_t depth) {
        value.kind = JsonValue::Kind::array;
        if (opens_empty(']')) return true;
        for (bool closed = false; !closed;) {
            if (!skip_blanks() || !parse_value(value.items.emplace_back(), depth + 1)) return false;
            if (!parse_separator(']', closed)) return false;
        }
        return true;
    }

    bool parse_object(JsonValue& value, std::size_t depth) {
        value.kind = JsonValue::Kind::object;
        if (opens_empty('}')) return true;
        for (bool closed = false; !closed;) {
            if (!parse_member(value, depth) || !parse_separator('}', closed)) return false;
        }
        return true;
    }

    bool parse_member(JsonValue& object, std::size_t depth) {
        if (!skip_blanks()) return false;
        JsonMember member;
        member.at = cursor_.position();
        if (cursor_.peek() != '"')
            return wrong("expected a key in quotes, not " + cursor_.name_of_next());
        if (!parse_string(member.key)) return false;
        if (object.find(member.key) != nullptr)
            return wrong_at(member.at, "the key \"" + member.key + "\" appears twice");
        if (!skip_blanks()) return false;
        if (cursor_.peek() != ':') return wrong("expected ':', not " + cursor_.name_of_next());
        cursor_.take();
        if (!skip_blanks() || !parse_value(member.value, depth + 1)) return false;
        object.members.push_back(std::move(member));
        return true;
    }

    TextCursor cursor_;
    bool allows_comments_;
    TextError error_;
};

void line_break(std::string& out, std::size_t depth, bool is_pretty) {
    if (!is_pretty) return;
    out.push_back('\n');
    out.append(2 * depth, ' ');
}

void write(std::string& out, const JsonValue& value, std::size_t depth, bool is_pretty) {
    switch (value.kind) {
        case JsonValue::Kind::null:
            out += "null";
            return;
        case JsonValue::Kind::boolean:
        case JsonValue::Kind::number:
            out += value.text;
            return;
        case JsonValue::Kind::string:
            append_json_string(out, value.text);
            return;
        case JsonValue::Kind::array:
        case JsonValue::Kind::object:
            break;
    }
    const bool is_array = value.kind == JsonValue::Kind::array;
    const std::size_t count = is_array ? value.items.size() : value.members.size();
    out.push_back(is_array ? '[' : '{');
    for (std::size_t i = 0; i < count; ++i) {
        if (i > 0) out.push_back(',');
        line_break(out, depth + 1, is_pretty);
        if (!is_array) {
            append_json_string(out, value.members[i].key);
            out += is_pretty ? ": " : ":";
        }
        write(out, is_array ? value.items[i] : value.members[i].value, depth + 1, is_pretty);
    }
    if (count > 0) line_break(out, depth, is_pretty);
    out.push_back(is_array ? ']' : '}');
}

}  // namespace

const JsonMember* JsonValue::member(std::string_view key) const {
    for (const JsonMember& candidate : members)
        if (candidate.key == key) return &candidate;
    return nullptr;
}

const JsonValue* JsonValue::find(std::string_view key) const {
    const JsonMember* found = member(key);
    return found == nullptr ? nullptr : &found->value;
}

std::string_view JsonValue::string_or(std::string_view key, std::string_view fallback) const {
    const JsonValue* found = find(key);
    return found != nullptr && found->is(Kind::string) ? std::string_view(found->text) : fallback;
}

std::expected<JsonValue, TextError> parse_json_tree(std::string_view text, JsonDialect dialect) {
    return Parser(text, dialect).parse();
}

std::string_view kind_name(JsonValue::Kind kind) {
    switch (kind) {
        case JsonValue::Kind::null:
            return "null";
        case JsonValue::Kind::boolean:
            return "true or false";
        case JsonValue::Kind::number:
            return "a number";
        case JsonValue::Kind::string:
            return "a string";
        case JsonValue::Kind::array:
            return "an array";
        case JsonValue::Kind::object:
            return "an object";
    }
    return "a value";
}

std::string to_json(const JsonValue& value) {
    std::string out;
    write(out, value, 0, false);
    return out;
}

std::string to_pretty_json(const JsonValue& value) {
    std::string out;
    write(out, value, 0, true);
    return out;
}

JsonValue json_string(std::string_view text) {
    JsonValue value;
    value.kind = JsonValue::Kind::string;
    value.text = text;
    return value;
}
JsonValue json_object() {
    JsonValue value;
    value.kind = JsonValue::Kind::object;
    return value;
}
JsonValue json_array() {
    JsonValue value;
    value.kind = JsonValue::Kind::array;
    return value;
}
void add_member(JsonValue& object, std::string_view key, JsonValue value) {
    object.members.push_back(JsonMember{std::string(key), {}, std::move(value)});
}

}  // namespace mcpgw::cli
