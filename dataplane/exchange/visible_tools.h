// What an exchange needs to leave tools out of its answer: which of the adapter's access rules
// concern the caller, and the filter. Only where there are such rules, and lists of tools may come:
// then from the time the request goes on its way until the exchange ends.
#pragma once

#include <cstdint>

#include "common/protocol/tools_filter.h"
#include "dataplane/io/block_pool.h"

namespace mcpgw::exchange {

struct VisibleTools {
    std::uint64_t rules_concerning = 0;
    // Of the rules that those bits are about. A list that comes when the rules are others is cut:
    // a stream may be older than they are.
    std::uint64_t rules_fingerprint = 0;
    mcp::ToolsFilter filter;
    io::Block held;  // what the filter holds from one piece of the answer to the next
};

}  // namespace mcpgw::exchange
