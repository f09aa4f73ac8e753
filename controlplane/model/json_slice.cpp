// Strings are stepped over whole; everything else of JSON can be told by its bytes.
#include "controlplane/model/json_slice.h"

#include "controlplane/model/json.h"

namespace mcpgw::model {
namespace {

bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

std::size_t skip_spaces(std::string_view text, std::size_t at) {
    while (at < text.size() && is_space(text[at]))
        ++at;
    return at;
}

// Where the string that begins at `at` has ended.
std::size_t skip_string(std::string_view text, std::size_t at) {
    for (++at; at < text.size() && text[at] != '"'; ++at)
        if (text[at] == '\\') ++at;
    return std::min(at + 1, text.size());
}

std::size_t skip_value(std::string_view text, std::size_t at) {
    std::size_t depth = 0;
    while (at < text.size()) {
        const char c = text[at];
        if (c == '"') {
            at = skip_string(text, at);
            if (depth == 0) return at;
            continue;
        }
        const bool closes = c == '}' || c == ']';
        // What ends a value without brackets belongs to whoever it is in.
        if (depth == 0 && (closes || c == ',' || is_space(c))) return at;
        ++at;
        if (c == '{' || c == '[') ++depth;
        if (closes && --depth == 0) return at;
    }
    return at;
}

// Keys may be written with escapes.
bool is_key(std::string_view quoted, std::string_view key) {
    if (quoted.find('\\') == std::string_view::npos)
        return quoted.substr(1, quoted.size() - 2) == key;
    const auto parsed = parse_json(quoted);
    return parsed && parsed->is<std::string>() && parsed->get<std::string>() == key;
}

}  // namespace

std::optional<std::string_view> member_text(std::string_view object, std::string_view key) {
    std::size_t at = skip_spaces(object, 0);
    if (at >= object.size() || object[at] != '{') return std::nullopt;
    for (at = skip_spaces(object, at + 1); at < object.size() && object[at] == '"';) {
        const std::size_t key_end = skip_string(object, at);
        const std::string_view quoted = object.substr(at, key_end - at);
        // Over the colon.
        const std::size_t value = skip_spaces(object, skip_spaces(object, key_end) + 1);
        const std::size_t value_end = skip_value(object, value);
        if (is_key(quoted, key)) return object.substr(value, value_end - value);
        // Over the comma, or the end.
        at = skip_spaces(object, skip_spaces(object, value_end) + 1);
    }
    return std::nullopt;
}

std::string without_spaces(std::string_view json) {
    std::string text;
    text.reserve(json.size());
    for (std::size_t at = 0; at < json.size();) {
        const std::size_t start = at;
        at = json[at] == '"' ? skip_string(json, at) : at + 1;
        if (!is_space(json[start])) text += json.substr(start, at - start);
    }
    return text;
}

}  // namespace mcpgw::model
