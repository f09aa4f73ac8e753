// The control plane's own rules for adapters, applied to files before they are sent.
//
// The rules live in controlplane/model and nowhere else; this file only carries documents there and
// brings complaints back to the line and column they are about.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tools/gateway/json_tree.h"

namespace mcpgw::cli {

struct FieldComplaint {
    std::string field;  // "timeouts.connectMs", "command[2]"; "" for the document
    std::string what;
    Position at;
};

// Everything that is wrong with one adapter document, empty if it is good.
[[nodiscard]] std::vector<FieldComplaint> check_adapter(const JsonValue& document);

// Where the field of a path stands, or the innermost place on the way to it that exists.
[[nodiscard]] Position locate(const JsonValue& document, std::string_view field);

// Whether both documents describe the same adapter, defaults filled in and without the members that
// only the gateway sets. False if either is no valid adapter.
[[nodiscard]] bool describe_same_adapter(const JsonValue& a, const JsonValue& b);

}  // namespace mcpgw::cli
