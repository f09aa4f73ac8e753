// A request held against the access rules of its adapter.
//
// What the gateway has understood has to be what the server will understand. So a message must say
// its method, and the tool that it calls, in one way only (jsonrpc::Peek::is_doubtful), as plain
// JSON in UTF-8 to its end. Rules concern what is in a body, whichever HTTP method it came with: a
// GET or DELETE has none. Of a batch every message counts. See docs/internals/access_rules.md.
#pragma once

#include <cstdint>

#include "dataplane/auth/access_rules.h"
#include "dataplane/exchange/decide.h"

namespace mcpgw::exchange {

enum class RuleVerdict : std::uint8_t {
    allowed,
    more_needed,  // what has come of the body does not tell yet
    not_allowed,
    unclear,
};

// `concerning` as auth::rules_concerning says.
[[nodiscard]] RuleVerdict check_rules(const Question& question, auth::Rules rules,
                                      std::uint64_t concerning);

// Whether the answer may be a list of tools.
[[nodiscard]] bool asks_for_tools(const Question& question);

}  // namespace mcpgw::exchange
