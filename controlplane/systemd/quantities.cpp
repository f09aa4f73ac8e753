// A decimal number and a suffix.
#include "controlplane/systemd/quantities.h"

#include <array>
#include <charconv>
#include <cmath>
#include <utility>

namespace mcpgw::systemd {
namespace {

// Beyond this a double is not exact to the unit any more; nobody has so much of anything.
constexpr double kAmountMax = 9.0e15;

struct Quantity {
    double number = 0;
    std::string_view suffix;
};

std::optional<Quantity> parse(std::string_view text) {
    Quantity quantity;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(),
                                              quantity.number, std::chars_format::fixed);
    if (error != std::errc() || quantity.number < 0) return std::nullopt;
    quantity.suffix = text.substr(static_cast<std::size_t>(end - text.data()));
    return quantity;
}

std::optional<std::uint64_t> whole(double amount) {
    if (amount > kAmountMax) return std::nullopt;
    return static_cast<std::uint64_t>(std::ceil(amount));
}

}  // namespace

std::optional<std::uint64_t> cpu_millis(std::string_view quantity) {
    const auto parsed = parse(quantity);
    if (!parsed || (!parsed->suffix.empty() && parsed->suffix != "m")) return std::nullopt;
    const auto millis = whole(parsed->number * (parsed->suffix.empty() ? 1000 : 1));
    if (millis == 0U) return 1;
    return millis;
}

std::optional<std::uint64_t> memory_bytes(std::string_view quantity) {
    static constexpr std::array<std::pair<std::string_view, double>, 13> kUnits = {
        {{"", 1},
         {"k", 1e3},
         {"M", 1e6},
         {"G", 1e9},
         {"T", 1e12},
         {"P", 1e15},
         {"E", 1e18},
         {"Ki", 1024.0},
         {"Mi", 1024.0 * 1024},
         {"Gi", 1024.0 * 1024 * 1024},
         {"Ti", 1024.0 * 1024 * 1024 * 1024},
         {"Pi", 1024.0 * 1024 * 1024 * 1024 * 1024},
         {"Ei", 1024.0 * 1024 * 1024 * 1024 * 1024 * 1024}}};
    const auto parsed = parse(quantity);
    if (!parsed) return std::nullopt;
    for (const auto& [suffix, factor] : kUnits)
        if (parsed->suffix == suffix) return whole(parsed->number * factor);
    return std::nullopt;
}

}  // namespace mcpgw::systemd
