// Quoting, and what cannot be quoted.
#include "controlplane/systemd/environment_file.h"

#include <algorithm>
#include <cstdint>
#include <string_view>

namespace mcpgw::systemd {
namespace {

bool is_name(std::string_view name) {
    const auto is_letter = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    };
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    return !name.empty() && !is_digit(name.front()) &&
           std::ranges::all_of(name, [&](char c) { return is_letter(c) || is_digit(c); });
}

// How long the UTF-8 sequence at the beginning is (RFC 3629); 0 if it is none.
std::size_t sequence_length(std::string_view text) {
    const auto byte = [&](std::size_t at) {
        return at < text.size() ? static_cast<std::uint8_t>(text[at]) : std::uint8_t{0};
    };
    const auto continues = [&](std::size_t from, std::size_t to) {
        for (std::size_t at = from; at < to; ++at)
            if ((byte(at) & 0xC0) != 0x80) return false;
        return true;
    };
    const std::uint8_t first = byte(0);
    const std::uint8_t second = byte(1);
    if (first < 0x80) return 1;
    if (first >= 0xC2 && first <= 0xDF) return continues(1, 2) ? 2 : 0;
    if (first >= 0xE0 && first <= 0xEF) {
        if ((first == 0xE0 && second < 0xA0) || (first == 0xED && second > 0x9F)) return 0;
        return continues(1, 3) ? 3 : 0;
    }
    if (first < 0xF0 || first > 0xF4) return 0;
    if ((first == 0xF0 && second < 0x90) || (first == 0xF4 && second > 0x8F)) return 0;
    return continues(1, 4) ? 4 : 0;
}

bool is_value(std::string_view value) {
    for (std::size_t at = 0; at < value.size();) {
        const std::size_t length = sequence_length(value.substr(at));
        const char c = value[at];
        if (length == 0) return false;
        if (length == 1 && (c == 0x7f || (c >= 0 && c < 0x20 && c != '\t' && c != '\n')))
            return false;
        at += length;
    }
    return true;
}

std::string quoted(std::string_view value) {
    std::string result = "\"";
    for (const char c : value) {
        if (std::string_view("\"\\`$").find(c) != std::string_view::npos) result += '\\';
        result += c;
    }
    return result + "\"";
}

}  // namespace

Result<std::string> environment_file(const std::map<std::string, std::string>& variables) {
    std::string text;
    for (const auto& [name, value] : variables) {
        if (!is_name(name))
            return failure(Code::invalid_argument,
                           "the environment variable '" + name +
                               "' has a name that systemd does not take (letters, digits, '_')");
        if (!is_value(value))
            return failure(Code::invalid_argument,
                           "the environment variable '" + name +
                               "' has a value that systemd does not take (text in UTF-8 without "
                               "control characters)");
        text.append(name).append(1, '=').append(quoted(value)).append(1, '\n');
    }
    return text;
}

}  // namespace mcpgw::systemd
