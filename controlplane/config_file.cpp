// Line by line, value by value.
#include "controlplane/config_file.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>

#include <fcntl.h>
#include <unistd.h>

#include "common/limits.h"

namespace mcpgw {
namespace {

bool is_key_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
}

// One line, from left to right. Every function says what is wrong, nothing if all is well.
class Line {
  public:
    using Mistake = std::optional<std::string>;

    explicit Line(std::string_view text) : rest_(text) { skip_spaces(); }

    [[nodiscard]] bool is_empty() const { return rest_.empty() || rest_.front() == '#'; }

    Mistake read(ConfigEntry& entry) {
        if (peek() == '[') return "tables are not used here; write key = value";
        while (is_key_char(peek()))
            entry.key.push_back(take());
        if (entry.key.empty()) return "a line starts with a key";
        skip_spaces();
        if (peek() != '=') return "the key " + entry.key + " needs '=' and a value";
        take();
        skip_spaces();
        auto mistake =
            peek() == '[' ? read_array(entry.values) : read_value(entry.values.emplace_back());
        if (mistake) return "the value of " + entry.key + " " + *mistake;
        skip_spaces();
        if (!is_empty()) return "there is more text after the value of " + entry.key;
        return std::nullopt;
    }

  private:
    [[nodiscard]] char peek() const { return rest_.empty() ? '\0' : rest_.front(); }
    char take() {
        const char c = rest_.front();
        rest_.remove_prefix(1);
        return c;
    }
    void skip_spaces() {
        while (peek() == ' ' || peek() == '\t')
            take();
    }

    Mistake read_array(std::vector<std::string>& values) {
        take();
        for (skip_spaces(); peek() != ']'; skip_spaces()) {
            if (auto mistake = read_value(values.emplace_back())) return mistake;
            skip_spaces();
            if (peek() == ',')
                take();
            else if (peek() != ']')
                return "is an array without ']' or ',' (arrays stand on one line)";
        }
        take();
        return std::nullopt;
    }

    Mistake read_value(std::string& value) {
        if (peek() == '"' || peek() == '\'') return read_string(value);
        while (is_key_char(peek()))
            value.push_back(take());
        const bool is_number =
            !value.empty() &&
            std::all_of(value.begin(), value.end(), [](char c) { return c >= '0' && c <= '9'; });
        if (is_number || value == "true" || value == "false") return std::nullopt;
        return "must be a string in quotes, a whole number, true or false";
    }

    Mistake read_string(std::string& value) {
        const char quote = take();
        while (!rest_.empty() && peek() != quote) {
            const char c = take();
            if (static_cast<unsigned char>(c) < 0x20 && c != '\t') return "has a control character";
            if (c != '\\' || quote == '\'') {
                value.push_back(c);
                continue;
            }
            const std::string_view escapes = "\"\\tnr";
            const std::size_t which = escapes.find(peek());
            if (rest_.empty() || which == std::string_view::npos)
                return "has an escape other than \\\" \\\\ \\t \\n \\r";
            value.push_back("\"\\\t\n\r"[which]);
            take();
        }
        if (rest_.empty()) return "is a string without its closing quote";
        take();
        return std::nullopt;
    }

    std::string_view rest_;
};

std::unexpected<Error> mistake_at(std::size_t line, const std::string& what) {
    return failure(Code::invalid_argument, "line " + std::to_string(line) + ": " + what,
                   Side::client);
}

}  // namespace

Result<std::vector<ConfigEntry>> parse_config(std::string_view text) {
    std::vector<ConfigEntry> entries;
    for (std::size_t number = 1; !text.empty(); ++number) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        std::string_view content = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (content.ends_with('\r')) content.remove_suffix(1);
        Line line(content);
        if (line.is_empty()) continue;
        ConfigEntry entry;
        entry.line = number;
        if (const auto mistake = line.read(entry)) return mistake_at(number, *mistake);
        for (const ConfigEntry& other : entries)
            if (other.key == entry.key)
                return mistake_at(number, "the key " + entry.key + " stands on line " +
                                              std::to_string(other.line) + " already");
        entries.push_back(std::move(entry));
    }
    return entries;
}

Result<std::string> read_config_file(const std::string& path) {
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) return std::unexpected(error_from_errno(errno, "cannot read " + path));
    std::string text;
    std::array<char, 4096> buffer{};
    ssize_t count = 0;
    while ((count = ::read(file, buffer.data(), buffer.size())) > 0 &&
           text.size() <= limits::config_bytes_max)
        text.append(buffer.data(), static_cast<std::size_t>(count));
    const int reason = errno;
    ::close(file);
    if (count < 0) return std::unexpected(error_from_errno(reason, "cannot read " + path));
    if (text.size() > limits::config_bytes_max)
        return failure(Code::limit_exceeded, path + " is too large for a configuration file");
    return text;
}

}  // namespace mcpgw
