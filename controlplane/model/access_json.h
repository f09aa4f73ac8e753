// Limits and access rules as JSON: members that adapters and tenants share.
//
//   {"quota": {"requests", "perSeconds"}, "rateLimit": {"requestsPerSecond", "burst"},
//    "maxSessions", "maxStreams", "perUser": {the same four}}
//
// What is not said is not limited. Reading complains as field_reader.h does; what was read without
// a complaint is what contract/access.h asks for.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/contract/access.h"
#include "common/json_writer.h"
#include "controlplane/model/field_reader.h"
#include "controlplane/model/rules.h"

namespace mcpgw::model {

// Members of the object that `in` reads.
void read_limit_members(FieldReader& in, contract::LimitPair& out);
// Into an object that is open.
void write_limit_members(JsonWriter& out, const contract::LimitPair& limits);

// [{"effect": "allow"|"deny", "roles": [], "methods": []} or with "tools"].
void read_access_rules(FieldReader& in, std::string_view key,
                       std::vector<contract::AccessRule>& out);
void write_access_rules(JsonWriter& out, const std::vector<contract::AccessRule>& rules);

// An array of texts, each and all together judged; complaints name the element.
struct TextRules {
    Complaint (*each)(std::string_view);
    Complaint (*all)(const std::vector<std::string>&);
};
void read_texts(FieldReader& in, std::string_view key, TextRules rules,
                std::vector<std::string>& out);
void write_texts(JsonWriter& out, std::string_view key, const std::vector<std::string>& texts);

}  // namespace mcpgw::model
