// JSON text, value by value.
#include "common/json_writer.h"

#include <array>
#include <cmath>
#include <cstdio>

#include "common/check.h"

namespace mcpgw {
namespace {

// The length of the UTF-8 sequence that starts at `text[at]`, 0 if it is none (RFC 3629: no
// overlong forms, no surrogates, nothing above U+10FFFF).
std::size_t utf8_sequence(std::string_view text, std::size_t at) {
    const auto byte = [text](std::size_t i) {
        return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
    };
    const unsigned first = byte(at);
    const auto follows = [&byte](std::size_t i) { return (byte(i) & 0xC0U) == 0x80U; };
    if (first < 0x80) return 1;
    if (first >= 0xC2 && first <= 0xDF) return follows(at + 1) ? 2 : 0;
    if (first >= 0xE0 && first <= 0xEF) {
        if (!follows(at + 1) || !follows(at + 2)) return 0;
        if (first == 0xE0 && byte(at + 1) < 0xA0) return 0;
        if (first == 0xED && byte(at + 1) > 0x9F) return 0;
        return 3;
    }
    if (first >= 0xF0 && first <= 0xF4) {
        if (!follows(at + 1) || !follows(at + 2) || !follows(at + 3)) return 0;
        if (first == 0xF0 && byte(at + 1) < 0x90) return 0;
        if (first == 0xF4 && byte(at + 1) > 0x8F) return 0;
        return 4;
    }
    return 0;
}

void append_control(std::string& out, char c) {
    switch (c) {
        case '\n':
            out += "\\n";
            return;
        case '\r':
            out += "\\r";
            return;
        case '\t':
            out += "\\t";
            return;
        case '\b':
            out += "\\b";
            return;
        case '\f':
            out += "\\f";
            return;
        default:
            break;
    }
    std::array<char, 8> escape{};
    std::snprintf(escape.data(), escape.size(), "\\u%04x", static_cast<unsigned>(c));
    out += escape.data();
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
    out.push_back('"');
    for (std::size_t i = 0; i < text.size();) {
        const char c = text[i];
        if (c == '"' || c == '\\') {
            out.push_back('\\');
            out.push_back(c);
            ++i;
        } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
            append_control(out, c);
            ++i;
        } else if (const std::size_t size = utf8_sequence(text, i); size > 0) {
            out.append(text.substr(i, size));
            i += size;
        } else {
            out += "\xEF\xBF\xBD";
            ++i;
        }
    }
    out.push_back('"');
}

void JsonWriter::before_value() {
    if (needs_comma_ && !after_key_) text_.push_back(',');
    needs_comma_ = true;
    after_key_ = false;
}

void JsonWriter::open(char bracket) {
    before_value();
    text_.push_back(bracket);
    closers_.push_back(bracket == '{' ? '}' : ']');
    needs_comma_ = false;
}

JsonWriter& JsonWriter::object() {
    open('{');
    return *this;
}
JsonWriter& JsonWriter::array() {
    open('[');
    return *this;
}
JsonWriter& JsonWriter::end() {
    check(!closers_.empty() && !after_key_, "end() closes an open object or array");
    text_.push_back(closers_.back());
    closers_.pop_back();
    needs_comma_ = true;
    return *this;
}
JsonWriter& JsonWriter::key(std::string_view name) {
    check(!closers_.empty() && closers_.back() == '}' && !after_key_, "a key stands in an object");
    if (needs_comma_) text_.push_back(',');
    append_json_string(text_, name);
    text_.push_back(':');
    after_key_ = true;
    return *this;
}
JsonWriter& JsonWriter::string(std::string_view text) {
    before_value();
    append_json_string(text_, text);
    return *this;
}
JsonWriter& JsonWriter::number(std::int64_t value) {
    before_value();
    text_ += std::to_string(value);
    return *this;
}
JsonWriter& JsonWriter::number(std::uint64_t value) {
    before_value();
    text_ += std::to_string(value);
    return *this;
}
JsonWriter& JsonWriter::number(double value) {
    if (!std::isfinite(value)) return null();
    before_value();
    std::array<char, 40> digits{};
    std::snprintf(digits.data(), digits.size(), "%.15g", value);
    text_ += digits.data();
    return *this;
}
JsonWriter& JsonWriter::boolean(bool value) {
    before_value();
    text_ += value ? "true" : "false";
    return *this;
}
JsonWriter& JsonWriter::null() {
    before_value();
    text_ += "null";
    return *this;
}
JsonWriter& JsonWriter::raw(std::string_view json) {
    before_value();
    text_ += json;
    return *this;
}

std::string JsonWriter::take() {
    check(closers_.empty(), "every object and array is closed");
    needs_comma_ = false;
    return std::move(text_);
}

}  // namespace mcpgw
