// How the verbs of this program that end at once say why they cannot do what they shall.
//
// The texts come from whoever has failed; the running control plane logs instead.
#pragma once

#include <cstdio>
#include <string>

#include "common/result.h"

namespace mcpgw {

inline void complain(const std::string& sentence) {
    std::fprintf(stderr, "mcp-gateway: %s\n", sentence.c_str());
}

// Returns the exit code: 2 for wrong arguments, else 1.
inline int complain(const Error& error) {
    complain(error.detail);
    return error.code == Code::invalid_argument ? 2 : 1;
}

}  // namespace mcpgw
