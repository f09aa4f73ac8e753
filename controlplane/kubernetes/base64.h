// base64 as kubeconfigs have it (RFC 4648 section 4), on top of the base64url of common/bytes.h.
//
// Pure. Reading takes padding or none, and passes over line breaks, which some tools add.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace mcpgw::kubernetes {

[[nodiscard]] std::optional<std::string> decode_base64(std::string_view text);
[[nodiscard]] std::string encode_base64(std::string_view bytes);

}  // namespace mcpgw::kubernetes
