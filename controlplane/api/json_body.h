// The body of a request as JSON, or the answer that says why it is none.
//
// Size, type and syntax are judged here, for every route alike; what the members mean is for those
// who read them (model/), and their complaints become an answer here again.
#pragma once

#include <expected>
#include <string_view>

#include <picojson.h>

#include "controlplane/api/answer.h"
#include "controlplane/model/field_reader.h"

namespace mcpgw::api {

// 413, 415 or 400.
[[nodiscard]] std::expected<picojson::value, Answer> json_of(const Call& call);

// 400: "the NOUN breaks rules: ...", with the fields.
[[nodiscard]] Answer broken_rules(std::string_view noun, const model::FieldErrors& errors);

}  // namespace mcpgw::api
