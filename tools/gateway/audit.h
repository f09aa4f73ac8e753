// `mcp-gateway audit`: who changed what, and when, newest first. For administrators.
//
// Asks the management routes page by page, no further than so many records were wanted. What is
// printed comes from users' requests, so control characters are not (table.h).
#pragma once

#include <string>

#include "tools/gateway/json_tree.h"

namespace mcpgw::cli {

// argv[0] is "audit". Returns the exit status.
[[nodiscard]] int run_audit(int argc, char** argv);

// What people are shown; the document is the gateway's answer. A change is told by the names of the
// fields that differ, or the words of the record.
[[nodiscard]] std::string audit_table(const JsonValue& records);

}  // namespace mcpgw::cli
