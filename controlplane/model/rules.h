// The rules of CONTRACT section 4 for single values, as pure functions.
//
// Each returns nullptr for a value that is good, else what is wrong with it, as the end of a
// sentence that starts with the name of the field ("must be ...").
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "controlplane/model/adapter.h"

namespace mcpgw::model {

using Complaint = const char*;

// `^[a-z0-9]([a-z0-9-]{0,48}[a-z0-9])?$`, and not reserved.
[[nodiscard]] Complaint name_complaint(std::string_view name);
[[nodiscard]] Complaint image_name_complaint(std::string_view name);
[[nodiscard]] Complaint image_version_complaint(std::string_view version);
[[nodiscard]] Complaint description_complaint(std::string_view text);
// A role travels in a comma-separated header.
[[nodiscard]] Complaint role_complaint(std::string_view role);
[[nodiscard]] Complaint tenant_complaint(std::string_view tenant);
[[nodiscard]] Complaint path_complaint(std::string_view path);
// Where a tool is called: `^/[a-zA-Z0-9/_.-]*$`, and a path as above.
[[nodiscard]] Complaint tool_path_complaint(std::string_view path);
[[nodiscard]] Complaint environment_name_complaint(std::string_view name);
// Names that only the gateway itself sets towards a server are refused.
[[nodiscard]] Complaint header_name_complaint(std::string_view name);
[[nodiscard]] Complaint header_value_complaint(std::string_view value);
// A secret: its name is that of a file, its value that of a header.
[[nodiscard]] Complaint secret_name_complaint(std::string_view name);
[[nodiscard]] Complaint secret_value_complaint(std::string_view value);
// A Kubernetes quantity, e.g. "500m" and "256Mi".
[[nodiscard]] Complaint cpu_complaint(std::string_view quantity);
[[nodiscard]] Complaint memory_complaint(std::string_view quantity);

// Names of Kubernetes: of a namespace (RFC 1123 label), of other objects (RFC 1123 subdomain).
[[nodiscard]] Complaint namespace_complaint(std::string_view name);
[[nodiscard]] Complaint object_name_complaint(std::string_view name);
// A key of a Secret of Kubernetes.
[[nodiscard]] Complaint secret_key_complaint(std::string_view key);
// HOST[:PORT][/PREFIX], what stands before the name of an image.
[[nodiscard]] Complaint registry_complaint(std::string_view registry);

// Whole collections: number and size.
[[nodiscard]] Complaint roles_complaint(const std::vector<std::string>& roles);
[[nodiscard]] Complaint command_complaint(const std::vector<std::string>& command);
[[nodiscard]] Complaint environment_complaint(const Adapter& adapter);
[[nodiscard]] Complaint headers_complaint(const std::map<std::string, HeaderValue>& headers);

}  // namespace mcpgw::model
