// The fixed window of a quota as one word: where it begins, and what was counted in it.
//
//   [ start, seconds since 1970: 32 | count 32 ]          0: nothing was ever counted
//
// Windows are aligned to multiples of their length. How long a window is stands in the limit and
// not here, so a limit that changes meets the count that there is: with more requests to the same
// window at once; with another length the count stays until a window of that length begins later.
// A clock that goes back meets a window that begins in the future. Less than a window of it: that
// one goes on. More of it: what was counted moves into the window of the clock, or a clock that was
// once years ahead would stop everybody for years. In neither case is anything granted twice.
#pragma once

#include <cstdint>

namespace mcpgw::limit {

struct QuotaWindow {
    std::uint32_t start = 0;
    std::uint32_t count = 0;

    bool operator==(const QuotaWindow&) const = default;

    [[nodiscard]] static constexpr QuotaWindow of(std::uint64_t word) {
        return {static_cast<std::uint32_t>(word >> 32), static_cast<std::uint32_t>(word)};
    }
    [[nodiscard]] constexpr std::uint64_t word() const {
        return std::uint64_t{start} << 32 | count;
    }
    // The window in which `now` is counted, if this is the one that is stored.
    [[nodiscard]] constexpr QuotaWindow at(std::uint32_t now, std::uint32_t seconds) const {
        const std::uint32_t begins = now - now % seconds;
        if (begins > start) return {begins, 0};
        if (start - begins > seconds) return {begins, count};
        return *this;
    }
    // When the next one begins, which is after `now` for what at() has returned.
    [[nodiscard]] constexpr std::uint64_t end(std::uint32_t seconds) const {
        return std::uint64_t{start} - start % seconds + seconds;
    }
};

}  // namespace mcpgw::limit
