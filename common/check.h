// Assertions that stay on in release builds.
//
// check(condition) states what must hold; a broken one is a programming error: it prints where and
// aborts. Input from outside is never checked with it. maybe(x) documents that x may be either.
#pragma once

#include <source_location>

namespace mcpgw {

[[noreturn]] void check_failed(const char* what, const std::source_location& where) noexcept;

constexpr void check(bool holds, const char* what = "check",
                     const std::source_location& where = std::source_location::current()) noexcept {
    if (!holds) [[unlikely]]
        check_failed(what, where);
}

constexpr void maybe(bool) noexcept {}

}  // namespace mcpgw
