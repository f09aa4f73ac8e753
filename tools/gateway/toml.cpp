// The reader of flat TOML files, line by line.
#include "tools/gateway/toml.h"

#include <algorithm>
#include <utility>

#include "tools/gateway/text_cursor.h"

namespace mcpgw::cli {
namespace {

[[nodiscard]] bool is_bare_key_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
}

class Reader {
  public:
    explicit Reader(std::string_view text) : cursor_(text) {}

    std::expected<std::vector<TomlEntry>, TextError> read() {
        if (cursor_.looking_at("\xEF\xBB\xBF")) cursor_.take(3);
        for (skip_empty_lines(); !cursor_.at_end(); skip_empty_lines())
            if (!read_entry() || !expect_line_end()) return std::unexpected(error_);
        return std::move(entries_);
    }

  private:
    bool wrong(std::string what) { return wrong_at(cursor_.position(), std::move(what)); }
    bool wrong_at(Position at, std::string what) {
        error_ = TextError{at, std::move(what)};
        return false;
    }

    void skip_spaces() {
        while (cursor_.peek() == ' ' || cursor_.peek() == '\t')
            cursor_.take();
    }
    void skip_comment() {
        if (cursor_.peek() != '#') return;
        while (!cursor_.at_end() && cursor_.peek() != '\n')
            cursor_.take();
    }
    void skip_empty_lines() {
        for (;;) {
            skip_spaces();
            skip_comment();
            if (cursor_.looking_at("\r\n"))
                cursor_.take(2);
            else if (cursor_.peek() == '\n')
                cursor_.take();
            else
                return;
        }
    }

    bool expect_line_end() {
        skip_spaces();
        skip_comment();
        if (cursor_.at_end() || cursor_.peek() == '\n' || cursor_.looking_at("\r\n")) return true;
        return wrong("expected the end of the line, not " + cursor_.name_of_next());
    }

    bool read_entry() {
        TomlEntry entry;
        entry.at = cursor_.position();
        if (cursor_.peek() == '[') return wrong("tables are not used here; write key = value");
        while (is_bare_key_char(cursor_.peek()))
            entry.key.push_back(cursor_.take());
        if (entry.key.empty()) return wrong("expected a key, not " + cursor_.name_of_next());
        skip_spaces();
        if (cursor_.peek() != '=')
            return wrong("expected '=' after '" + entry.key + "', not " + cursor_.name_of_next());
        cursor_.take();
        skip_spaces();
        const auto same_key = [&entry](const TomlEntry& e) { return e.key == entry.key; };
        if (std::ranges::any_of(entries_, same_key))
            return wrong_at(entry.at, "the key '" + entry.key + "' appears twice");
        entry.is_array = cursor_.peek() == '[';
        if (entry.is_array ? !read_array(entry.values) : !read_scalar(entry.values.emplace_back()))
            return false;
        entries_.push_back(std::move(entry));
        return true;
    }

    bool read_array(std::vector<std::string>& values) {
        const Position start = cursor_.position();
        cursor_.take();
        for (;;) {
            skip_empty_lines();
            if (cursor_.at_end()) return wrong_at(start, "this array has no end");
            if (cursor_.peek() == ']') break;
            if (cursor_.peek() == '[') return wrong("an array inside an array");
            if (!read_scalar(values.emplace_back())) return false;
            skip_empty_lines();
            if (cursor_.peek() == ']') break;
            if (cursor_.at_end()) return wrong_at(start, "this array has no end");
            if (cursor_.peek() != ',')
                return wrong("expected ',' or ']', not " + cursor_.name_of_next());
            cursor_.take();
        }
        cursor_.take();
        return true;
    }

    bool read_scalar(std::string& out) {
        if (cursor_.looking_at("\"\"\"") || cursor_.looking_at("'''"))
            return wrong("strings of several lines are not used here");
        if (cursor_.peek() == '"') return read_basic_string(out);
        if (cursor_.peek() == '\'') return read_literal_string(out);
        return read_plain(out);
    }

    // true, false or an integer; anything else that stands without quotes is a mistake.
    bool read_plain(std::string& out) {
        const Position start = cursor_.position();
        std::string word;
        constexpr std::string_view kEnds = " \t\r\n#,]";
        while (!cursor_.at_end() && !kEnds.contains(cursor_.peek()))
            word.push_back(cursor_.take());
        if (word.empty()) return wrong_at(start, "expected a value, not " + cursor_.name_of_next());
        if (word == "true" || word == "false") {
            out = std::move(word);
            return true;
        }
        std::size_t first = word[0] == '+' || word[0] == '-' ? 1 : 0;
        if (word[0] == '-') out.push_back('-');
        const std::size_t digits_from = first;
        for (; first < word.size(); ++first) {
            const bool is_digit = word[first] >= '0' && word[first] <= '9';
            const bool is_inner_underscore = word[first] == '_' && first > digits_from &&
                                             word[first - 1] != '_' && first + 1 < word.size();
            if (!is_digit && !is_inner_underscore) break;
            if (is_digit) out.push_back(word[first]);
        }
        const bool is_whole = first == word.size() && first > digits_from;
        if (!is_whole)
            return wrong_at(start, "'" + word +
                                       "' is no value: text stands in quotes, numbers are "
                                       "whole, the rest is true or false");
        if (word[digits_from] == '0' && word.size() > digits_from + 1)
            return wrong_at(start, "a number does not start with 0");
        return true;
    }

    bool take_string_char(std::string& out, Position start) {
        if (cursor_.at_end() || cursor_.peek() == '\n' || cursor_.peek() == '\r')
            return wrong_at(start, "this string has no end");
        const auto c = static_cast<unsigned char>(cursor_.peek());
        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return wrong("a control character inside a string must be escaped");
        const std::size_t length = cursor_.utf8_length();
        if (length == 0) return wrong("this is not UTF-8");
        for (std::size_t i = 0; i < length; ++i)
            out.push_back(cursor_.take());
        return true;
    }

    bool read_literal_string(std::string& out) {
        const Position start = cursor_.position();
        cursor_.take();
        while (cursor_.peek() != '\'')
            if (!take_string_char(out, start)) return false;
        cursor_.take();
        return true;
    }

    bool read_basic_string(std::string& out) {
        const Position start = cursor_.position();
        cursor_.take();
        while (cursor_.peek() != '"') {
            if (cursor_.peek() == '\\' ? !read_escape(out) : !take_string_char(out, start))
                return false;
        }
        cursor_.take();
        return true;
    }

    bool read_escape(std::string& out) {
        const Position start = cursor_.position();
        cursor_.take();
        switch (cursor_.take()) {
            case '"':
                out.push_back('"');
                return true;
            case '\\':
                out.push_back('\\');
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
                return read_unicode_escape(out, start, 4);
            case 'U':
                return read_unicode_escape(out, start, 8);
            default:
                return wrong_at(start, "no such escape in TOML");
        }
    }

    bool read_unicode_escape(std::string& out, Position start, int digits) {
        char32_t point = 0;
        for (int i = 0; i < digits; ++i) {
            const int digit = hex_digit(cursor_.peek());
            if (digit < 0) return wrong_at(start, "an escape with too few hexadecimal digits");
            point = (point << 4) + static_cast<char32_t>(digit);
            cursor_.take();
        }
        if (point > 0x10FFFF || (point >= 0xD800 && point <= 0xDFFF))
            return wrong_at(start, "an escape that is no character");
        append_utf8(out, point);
        return true;
    }

    TextCursor cursor_;
    std::vector<TomlEntry> entries_;
    TextError error_;
};

}  // namespace

std::expected<std::vector<TomlEntry>, TextError> parse_toml(std::string_view text) {
    return Reader(text).read();
}

}  // namespace mcpgw::cli
