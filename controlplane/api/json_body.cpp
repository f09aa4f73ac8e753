// The checks of a body that do not depend on what is in it.
#include "controlplane/api/json_body.h"

#include <string>

#include "common/bytes.h"
#include "common/limits.h"
#include "controlplane/model/json.h"

namespace mcpgw::api {
namespace {

static_assert(limits::api_body_bytes_max == 1024 * 1024, "the sentence below says 1 MiB");

// application/json, with or without parameters.
bool is_json(std::string_view content_type) {
    std::string_view type = content_type.substr(0, content_type.find(';'));
    while (!type.empty() && (type.back() == ' ' || type.back() == '\t'))
        type.remove_suffix(1);
    return equals_ignoring_case(type, "application/json");
}

}  // namespace

std::expected<picojson::value, Answer> json_of(const Call& call) {
    if (call.body_too_large) return std::unexpected(problem(413, "a body has at most 1 MiB"));
    if (!is_json(call.content_type))
        return std::unexpected(problem(415, "the body must have Content-Type: application/json"));
    auto document = model::parse_json(call.body);
    if (document) return std::move(*document);
    return std::unexpected(problem(400, "the body is not valid JSON: " + document.error().detail));
}

Answer broken_rules(std::string_view noun, const model::FieldErrors& errors) {
    std::string detail = "the " + std::string(noun) + " breaks " +
                         std::string(errors.size() == 1 ? "a rule: " : "rules: ");
    bool is_first = true;
    for (const auto& [field, complaints] : errors) {
        detail.append(is_first ? "" : ", ").append(field.empty() ? "the body" : field);
        is_first = false;
    }
    return problem(400, detail, errors);
}

}  // namespace mcpgw::api
