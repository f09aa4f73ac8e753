// Writes an HTTP/1.1 head into memory of the caller. Never allocates; what does not fit makes the
// writer `overflowed` and is left out, so the caller checks once at the end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>

#include "common/protocol/http_message.h"

namespace mcpgw::http {

class HeadWriter {
  public:
    explicit HeadWriter(std::span<char> room) : room_(room) {}

    void request_line(std::string_view method, std::string_view target);
    // `reason` empty: the standard phrase of RFC 9110 section 15, or none for unknown codes.
    void status_line(std::uint16_t status, std::string_view reason = {});
    // The caller has made sure that name and value hold no CR, LF or NUL (they come from a parsed
    // head or were validated); checked in this function.
    void field(std::string_view name, std::string_view value);
    void field(std::string_view name, std::uint64_t value);
    // Fields of a parsed head go on as the lines that came; composed ones are written anew.
    void fields(std::span<const Field> fields);
    // A field whose value is built in pieces: begin_field, append..., end_field.
    void begin_field(std::string_view name);
    void append(std::string_view piece);
    void end_field();
    void finish();  // the empty line

    [[nodiscard]] bool overflowed() const { return overflowed_; }
    [[nodiscard]] std::size_t size() const { return size_; }
    [[nodiscard]] std::string_view text() const { return {room_.data(), size_}; }

  private:
    [[nodiscard]] bool has_room(std::size_t bytes);
    void put(std::string_view piece);
    void put(std::initializer_list<std::string_view> pieces);

    std::span<char> room_;
    std::size_t size_ = 0;
    bool overflowed_ = false;
    bool in_value_ = false;  // between begin_field and end_field
};

// "Not Found" for 404; empty for codes without a registered phrase.
[[nodiscard]] std::string_view reason_phrase(std::uint16_t status);

}  // namespace mcpgw::http
