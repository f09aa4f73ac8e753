// Two letters differ from base64url, and there is padding.
#include "controlplane/kubernetes/base64.h"

#include <algorithm>

#include "common/bytes.h"

namespace mcpgw::kubernetes {

std::optional<std::string> decode_base64(std::string_view text) {
    std::string letters;
    letters.reserve(text.size());
    for (const char c : text) {
        if (c == '\n' || c == '\r' || c == ' ') continue;
        if (c == '-' || c == '_') return std::nullopt;
        letters += c == '+' ? '-' : c == '/' ? '_' : c;
    }
    while (letters.ends_with('='))
        letters.pop_back();
    std::string bytes(letters.size() * 3 / 4 + 3, '\0');
    const auto size = base64url_decode(letters, reinterpret_cast<std::byte*>(bytes.data()));
    if (!size) return std::nullopt;
    bytes.resize(*size);
    return bytes;
}

std::string encode_base64(std::string_view bytes) {
    std::string letters(base64url_size(bytes.size()), '\0');
    base64url_encode(as_bytes(bytes), letters.data());
    std::ranges::replace(letters, '-', '+');
    std::ranges::replace(letters, '_', '/');
    while (letters.size() % 4 != 0)
        letters += '=';
    return letters;
}

}  // namespace mcpgw::kubernetes
