// What an HTTP head is, once parsed: views into the bytes it came in, nothing owned.
//
// The owner of the bytes decides how long the views live. Names keep the sender's spelling; compare
// them with equals_ignoring_case (RFC 9110 section 5.1).
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>

#include "common/limits.h"
#include "common/protocol/field_name.h"

namespace mcpgw::http {

enum class Method : std::uint8_t { get, head, post, put, del, options, patch, other };
[[nodiscard]] std::string_view method_name(Method method);

struct Field {
    std::string_view name;
    std::string_view value;  // without surrounding white space
    // Of a parsed head: the bytes from the name to the end of its CR LF, so that the line can go
    // on as it came. 0 for fields that were composed.
    std::uint32_t line_bytes = 0;
    FieldName known = FieldName::other;

    [[nodiscard]] std::string_view line() const { return {name.data(), line_bytes}; }
};

// Up to header_fields_max fields. The room is not cleared when one is made: kilobytes of zeroes
// for every head would cost more than parsing it.
class Fields {
  public:
    Fields() {}
    Fields(const Fields& other) { *this = other; }
    Fields& operator=(const Fields& other);
    ~Fields() = default;

    [[nodiscard]] std::span<const Field> all() const { return {room_.items.data(), count_}; }
    [[nodiscard]] std::size_t size() const { return count_; }
    // Both return false, and add nothing, when there is no room.
    [[nodiscard]] bool add(const Field& field);
    [[nodiscard]] bool add(std::string_view name, std::string_view value);
    void clear();

    [[nodiscard]] bool has(FieldName known) const { return present_.has(known); }
    // Whether there is more than one.
    [[nodiscard]] bool repeats(FieldName known) const { return repeated_.has(known); }
    // The first field of that name, or nullptr.
    [[nodiscard]] const Field* find(FieldName known) const;
    [[nodiscard]] const Field* find(std::string_view name) const;
    // The number of fields of that name.
    [[nodiscard]] std::size_t count_of(std::string_view name) const;
    [[nodiscard]] std::string_view value_or_empty(FieldName known) const;
    [[nodiscard]] std::string_view value_or_empty(std::string_view name) const;

  private:
    union Room {
        Room() {}
        std::array<Field, limits::header_fields_max> items;
    };
    static_assert(std::is_trivially_destructible_v<Field>, "the room needs no destruction");
    Room room_;
    std::size_t count_ = 0;
    FieldSet present_;
    FieldSet repeated_;
};

// How the body of a message is delimited (RFC 9112 section 6.3).
enum class Framing : std::uint8_t { none, content_length, chunked, until_close };

struct RequestHead {
    Method method = Method::other;
    std::string_view method_text;
    std::string_view target;  // origin-form as sent: path and query
    std::string_view path;    // of an absolute-form target: its path
    std::string_view query;   // without '?'; empty when absent
    std::string_view host;  // Host, or the authority of an absolute-form target; may be empty (1.0)
    std::uint8_t minor_version = 1;  // HTTP/1.0 or HTTP/1.1
    Framing framing = Framing::none;
    std::uint64_t content_length = 0;
    bool keep_alive = true;        // as the client asked (RFC 9112 section 9.3)
    bool expect_continue = false;  // Expect: 100-continue
    Fields fields;
};

struct ResponseHead {
    std::uint16_t status = 0;  // 100...999
    std::string_view reason;
    std::uint8_t minor_version = 1;
    Framing framing = Framing::none;
    std::uint64_t content_length = 0;
    bool keep_alive = true;
    Fields fields;
};

}  // namespace mcpgw::http
