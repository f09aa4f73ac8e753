// How a verb ends: its exit status, and the sentence on standard error (CONTRACT section 2).
//
// Every complaint of the command begins with its name and is one sentence that says what to do.
#pragma once

#include <cstdio>
#include <string_view>

#include "common/result.h"

namespace mcpgw::cli {

inline constexpr int kSuccess = 0;
inline constexpr int kFailed = 1;  // the operation failed
inline constexpr int kUsage = 2;   // wrong usage or invalid configuration

inline void complain(std::string_view sentence) {
    std::fprintf(stderr, "mcp-gateway: %.*s\n", static_cast<int>(sentence.size()), sentence.data());
}

// Says what is wrong; invalid input is the user's mistake (2), everything else a failure (1).
[[nodiscard]] inline int complain(const Error& error) {
    complain(std::string_view(error.detail));
    return error.code == Code::invalid_argument ? kUsage : kFailed;
}

}  // namespace mcpgw::cli
