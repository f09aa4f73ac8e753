// The header fields that the gateway knows, told apart once, when a head is parsed.
//
// Every later question (is there a session id, does this field stop here) is then one on numbers
// and not on text: a FieldSet is a word of bits, and an absent field costs one test. Names that
// nobody asks about are `other`.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string_view>

namespace mcpgw::http {

enum class FieldName : std::uint8_t {
    other,
    authorization,
    connection,
    content_encoding,
    content_length,
    content_type,
    cookie,
    date,
    expect,
    forwarded,
    host,
    keep_alive,
    last_event_id,
    mcp_method,
    mcp_name,
    mcp_protocol_version,
    mcp_session_id,
    origin,
    proxy_authenticate,
    proxy_authorization,
    proxy_connection,
    server,
    set_cookie,
    te,
    traceparent,
    trailer,
    transfer_encoding,
    upgrade,
    www_authenticate,
    x_dev_roles,
    x_dev_user_id,
    // Families: every other name that begins with X-Dev-, X-Forwarded-, X-Mcp-.
    x_dev,
    x_forwarded,
    x_mcp,
    // A name of this list, or of a family, with '_' for some '-'. It is another name, but servers
    // that hand fields on as environment variables (RFC 3875 section 4.1.18) read both as one.
    look_alike,
};
inline constexpr std::size_t kFieldNames = 35;
static_assert(static_cast<std::size_t>(FieldName::look_alike) + 1 == kFieldNames);

// What a token names, whatever its case (RFC 9110 section 5.1).
[[nodiscard]] FieldName field_name_of(std::string_view token);

class FieldSet {
  public:
    constexpr FieldSet() = default;
    constexpr FieldSet(std::initializer_list<FieldName> names) {
        for (const FieldName name : names)
            add(name);
    }
    constexpr void add(FieldName name) { bits_ |= std::uint64_t{1} << static_cast<unsigned>(name); }
    [[nodiscard]] constexpr FieldSet with(FieldSet other) const {
        other.bits_ |= bits_;
        return other;
    }
    [[nodiscard]] constexpr bool has(FieldName name) const {
        return (bits_ >> static_cast<unsigned>(name) & 1U) != 0;
    }

  private:
    std::uint64_t bits_ = 0;
};
static_assert(kFieldNames <= 64, "a set is one word");

}  // namespace mcpgw::http
