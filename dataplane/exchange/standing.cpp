// Two short lists of one item each.
#include "dataplane/exchange/standing.h"

#include <charconv>

#include "common/check.h"

namespace mcpgw::exchange {
namespace {

struct Parameter {
    std::string_view name;
    std::uint64_t value;
};

// A string with two parameters that are integers (RFC 9651).
std::string_view write_item(std::span<char> room, std::string_view name, Parameter first,
                            Parameter second) {
    char* end = room.data();
    const auto put = [&](std::string_view part) {
        end += part.copy(end, static_cast<std::size_t>(room.data() + room.size() - end));
    };
    put("\"");
    put(name);
    put("\"");
    for (const Parameter& parameter : {first, second}) {
        put(";");
        put(parameter.name);
        put("=");
        const auto [after, error] = std::to_chars(end, room.data() + room.size(), parameter.value);
        check(error == std::errc(), "names and numbers of limits are short");
        end = after;
    }
    return {room.data(), end};
}

}  // namespace

bool add_standing(const limit::Standing& standing, StandingText& text, http::Fields& out) {
    if (standing.allowed == 0) return true;
    const std::string_view name = label_of(standing.kind);
    return out.add("RateLimit-Policy", write_item(text.policy, name, {"q", standing.allowed},
                                                  {"w", standing.window_seconds})) &&
           out.add("RateLimit", write_item(text.left, name, {"r", standing.left},
                                           {"t", standing.reset_seconds}));
}

}  // namespace mcpgw::exchange
