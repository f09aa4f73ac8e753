// JSON as a tree that remembers where everything stood, and keeps the order of members.
//
// The command shows people their own files and the gateway's answers: errors need line and column,
// output needs the order it was given in, and a member of a file must be found again after the
// control plane's rules have refused it by name. Files of editors may have comments and trailing
// commas (JSONC); whoever reads decides whether that is allowed. Nesting is bounded, a key may
// appear once in an object, numbers are kept as they were written.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "tools/gateway/text_position.h"

namespace mcpgw::cli {

struct JsonMember;

struct JsonValue {
    enum class Kind : std::uint8_t { null, boolean, number, string, array, object };

    Kind kind = Kind::null;
    Position at;
    std::string text;  // of a string its value, of a number or boolean what was written
    std::vector<JsonValue> items;
    std::vector<JsonMember> members;

    [[nodiscard]] bool is(Kind wanted) const { return kind == wanted; }
    // nullptr if this is no object or has no such member.
    [[nodiscard]] const JsonMember* member(std::string_view key) const;
    [[nodiscard]] const JsonValue* find(std::string_view key) const;
    // The value of a string member, else `fallback`.
    [[nodiscard]] std::string_view string_or(std::string_view key, std::string_view fallback) const;
};

struct JsonMember {
    std::string key;
    Position at;  // of the key
    JsonValue value;
};

enum class JsonDialect : std::uint8_t { strict, with_comments };

[[nodiscard]] std::expected<JsonValue, TextError> parse_json_tree(
    std::string_view text, JsonDialect dialect = JsonDialect::strict);

// "a string", "an object", ... for messages.
[[nodiscard]] std::string_view kind_name(JsonValue::Kind kind);

// One line.
[[nodiscard]] std::string to_json(const JsonValue& value);
// Two spaces for each level, ends without a line feed.
[[nodiscard]] std::string to_pretty_json(const JsonValue& value);

// For trees that are made, not read.
[[nodiscard]] JsonValue json_string(std::string_view text);
[[nodiscard]] JsonValue json_object();
[[nodiscard]] JsonValue json_array();
void add_member(JsonValue& object, std::string_view key, JsonValue value);

}  // namespace mcpgw::cli
