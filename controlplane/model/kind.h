// The two kinds of resources that the gateway runs servers for, and what each is called.
//
// Both share one name space and nearly everything else; wherever they differ in words or paths, the
// words are these. The enumerators' names are also what the store writes.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace mcpgw::model {

enum class Kind : std::uint8_t { adapter, tool };

struct KindWords {
    std::string_view noun;        // "adapter"
    std::string_view with_an;     // "an adapter"
    std::string_view plural;      // "adapters"
    std::string_view collection;  // the path of the collection: "/adapters"
};

// In the order of the enumerators.
inline constexpr std::array<KindWords, 2> kKindWords = {
    KindWords{"adapter", "an adapter", "adapters", "/adapters"},
    KindWords{"tool", "a tool", "tools", "/tools"}};

[[nodiscard]] constexpr const KindWords& words_of(Kind kind) {
    return kKindWords[static_cast<std::size_t>(kind)];
}

}  // namespace mcpgw::model
