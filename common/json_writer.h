// Writes JSON text (RFC 8259) into a string: no tree, no exceptions.
//
//   JsonWriter w; w.object(); w.key("name").string("x"); w.key("list").array(); w.number(1); ...
//   w.end(); w.end(); std::string text = w.take();
//
// Commas are placed by the writer. Unbalanced use is a programming error (checked in take()). Bytes
// that are not UTF-8 are replaced by U+FFFD, so the output is always valid.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace mcpgw {

class JsonWriter {
  public:
    JsonWriter& object();
    JsonWriter& array();
    JsonWriter& end();  // closes the innermost object or array
    JsonWriter& key(std::string_view name);
    JsonWriter& string(std::string_view text);
    JsonWriter& number(std::int64_t value);
    JsonWriter& number(std::uint64_t value);
    JsonWriter& number(int value) { return number(static_cast<std::int64_t>(value)); }
    JsonWriter& number(double value);  // NaN and infinities become null
    JsonWriter& boolean(bool value);
    JsonWriter& null();
    // `json` must be valid JSON already; it is copied as it is.
    JsonWriter& raw(std::string_view json);

    [[nodiscard]] std::string take();
    [[nodiscard]] const std::string& text() const { return text_; }

  private:
    void before_value();
    void open(char bracket);

    std::string text_;
    std::string closers_;       // the brackets that are still to come, innermost last
    bool needs_comma_ = false;  // a value precedes at this level
    bool after_key_ = false;
};

// Appends `text` as a JSON string with its quotes.
void append_json_string(std::string& out, std::string_view text);

}  // namespace mcpgw
