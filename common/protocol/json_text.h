// Texts of JSON as other readers may take them: names that are alike but for case, and strings with
// their escapes.
#pragma once

#include <optional>
#include <span>
#include <string_view>

namespace mcpgw::json {

// Whether a reader that ignores case may take `key` for `name`, which is in lower-case ASCII. Of
// the letters that Unicode folds to ASCII ones only the long s is thought of: our names have no k.
[[nodiscard]] bool resembles(std::string_view key, std::string_view name);

// What the inside of a string (RFC 8259 section 7) says, in UTF-8: `raw` itself if it has no
// escapes, else written to `room`. Nothing if it does not fit, or an escape is none. A surrogate
// without its partner becomes U+FFFD.
[[nodiscard]] std::optional<std::string_view> unescape(std::string_view raw, std::span<char> room);

}  // namespace mcpgw::json
