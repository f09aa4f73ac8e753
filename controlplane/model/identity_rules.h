// Rules for what identity is made of: issuers, audiences, claims, scopes, users and tenants.
//
// Pure, and in the same form as rules.h: nullptr for a value that is good, else the end of a
// sentence that starts with the name of the field.
#pragma once

#include <string_view>
#include <vector>

#include "controlplane/model/rules.h"

namespace mcpgw::model {

// https, or http on loopback; no user, query or fragment (OpenID Connect Discovery 1.0 section 3).
[[nodiscard]] Complaint issuer_complaint(std::string_view url);
// The same rule for other URLs of a provider, which may have a query.
[[nodiscard]] Complaint provider_url_complaint(std::string_view url);
// An audience, or a resource identifier: any URI or word.
[[nodiscard]] Complaint audience_complaint(std::string_view audience);
// The name of a claim, or the path to one.
[[nodiscard]] Complaint claim_complaint(std::string_view name);
// RFC 6749 section 3.3.
[[nodiscard]] Complaint scope_complaint(std::string_view scope);
[[nodiscard]] Complaint user_complaint(std::string_view user);
// A tenant that is a resource: its id stands in a path as it is.
[[nodiscard]] Complaint tenant_id_complaint(std::string_view id);

[[nodiscard]] Complaint audiences_complaint(const std::vector<std::string>& audiences);
[[nodiscard]] Complaint claims_complaint(const std::vector<std::string>& names);
[[nodiscard]] Complaint scopes_complaint(const std::vector<std::string>& scopes);
// The adapters that a token opens.
[[nodiscard]] Complaint token_adapters_complaint(const std::vector<std::string>& names);

}  // namespace mcpgw::model
