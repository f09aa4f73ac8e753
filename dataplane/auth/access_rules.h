// What a caller may do at an adapter: its rules on MCP methods, and on tools by their names.
//
// Methods and tools are two questions. In each, a deny rule that matches wins; where there is any
// allow rule, one that concerns the caller has to match; else everything is allowed. What every
// client has to say (initialize, ping, server/discover, notifications) only deny rules take away.
// Nobody is above the rules: who may write them needs no exception. Names are compared byte by
// byte.
//
// Pure functions over what the control plane has sent; who asks keeps nothing of it beyond a tick
// but the 64 bits that say which rules concern a caller.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "common/contract/access.h"

namespace mcpgw::auth {

using Rules = std::span<const contract::AccessRule>;

// Whether `pattern`, in which each `*` stands for any bytes, none included, is all of `text`. Takes
// time in proportion to both, whatever they are.
[[nodiscard]] bool glob_matches(std::string_view pattern, std::string_view text);

// Bit i: rule i concerns a caller with these comma-separated roles.
[[nodiscard]] std::uint64_t rules_concerning(Rules rules, std::string_view roles);

[[nodiscard]] bool method_is_allowed(Rules rules, std::uint64_t concerning,
                                     std::string_view method);
// Of a tools/call, beside its method.
[[nodiscard]] bool tool_is_allowed(Rules rules, std::uint64_t concerning, std::string_view tool);
// What a list may show: what may be called.
[[nodiscard]] bool tool_is_shown(Rules rules, std::uint64_t concerning, std::string_view tool);

[[nodiscard]] bool has_tool_rules(Rules rules);
// Whether lists of tools differ between callers.
[[nodiscard]] bool lists_depend_on(Rules rules);

}  // namespace mcpgw::auth
