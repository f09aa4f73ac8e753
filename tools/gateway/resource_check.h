// The control plane's own rules for adapters and tools, applied to files before they are sent.
//
// The rules live in controlplane/model and nowhere else; this file only carries documents there and
// brings complaints back to the line and column they are about.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "controlplane/model/kind.h"
#include "tools/gateway/json_tree.h"

namespace mcpgw::cli {

struct FieldComplaint {
    std::string field;  // "timeouts.connectMs", "command[2]"; "" for the document
    std::string what;
    Position at;
};

// Everything that is wrong with one document, empty if it is good.
[[nodiscard]] std::vector<FieldComplaint> check_resource(model::Kind kind,
                                                         const JsonValue& document);

// Where the field of a path stands, or the innermost place on the way to it that exists.
[[nodiscard]] Position locate(const JsonValue& document, std::string_view field);

// Whether both documents describe the same, defaults filled in and without the members that only
// the gateway sets. False if either breaks a rule.
[[nodiscard]] bool describe_the_same(model::Kind kind, const JsonValue& a, const JsonValue& b);

}  // namespace mcpgw::cli
