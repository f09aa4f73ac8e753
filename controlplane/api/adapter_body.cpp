// The checks of a body, from the outside in.
#include "controlplane/api/adapter_body.h"

#include "common/bytes.h"
#include "common/limits.h"
#include "controlplane/model/adapter_json.h"
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

std::unexpected<Answer> refuse(Answer answer) {
    return std::unexpected(std::move(answer));
}

std::unexpected<Answer> cannot_run(std::string_view field, std::string sentence) {
    model::FieldErrors errors;
    errors[std::string(field)].push_back(sentence);
    return refuse(problem(422, sentence, errors));
}

// What a cluster cannot run.
std::expected<model::Adapter, Answer> refuse_impossible_image(const model::Adapter& adapter,
                                                              const Runners& runners) {
    if (!runners.images)
        return cannot_run("imageName",
                          "container images need the kubernetes deployer, which this gateway "
                          "does not have; use command or url");
    if (adapter.name.front() >= '0' && adapter.name.front() <= '9')
        return cannot_run("name",
                          "must begin with a letter, because a Kubernetes Service is named after "
                          "it");
    if (adapter.transport == model::Transport::stdio)
        return cannot_run("transport",
                          "a container image must serve HTTP itself; put mcp-gateway bridge into "
                          "the image of a stdio server");
    if (adapter.use_workload_identity && !runners.workload_identity)
        return cannot_run("useWorkloadIdentity",
                          "this gateway has no service account for workload identity "
                          "(--workload-identity-service-account)");
    return adapter;
}

// What the contract knows but this gateway has nothing to run it with.
std::expected<model::Adapter, Answer> refuse_impossible(model::Adapter adapter,
                                                        const Runners& runners) {
    switch (adapter.source()) {
        case model::Source::image:
            if (auto possible = refuse_impossible_image(adapter, runners); !possible)
                return possible;
            break;
        case model::Source::url:
            break;
        case model::Source::command:
            if (!runners.commands)
                return cannot_run("command",
                                  "local servers need the process deployer, and this gateway runs "
                                  "container images; use imageName or url");
            break;
    }
    return adapter;
}

}  // namespace

std::expected<model::Adapter, Answer> read_body(const Call& call, const Runners& runners,
                                                model::Kind kind) {
    if (call.body_too_large) return refuse(problem(413, "a body has at most 1 MiB"));
    if (!is_json(call.content_type))
        return refuse(problem(415, "the body must have Content-Type: application/json"));
    const auto document = model::parse_json(call.body);
    if (!document)
        return refuse(problem(400, "the body is not valid JSON: " + document.error().detail));
    auto reading = model::read_resource(kind, *document, call.body);
    if (reading.errors.empty()) return refuse_impossible(std::move(reading.adapter), runners);

    std::string detail = "the " + std::string(words_of(kind).noun) + " breaks " +
                         std::string(reading.errors.size() == 1 ? "a rule: " : "rules: ");
    bool is_first = true;
    for (const auto& [field, complaints] : reading.errors) {
        detail.append(is_first ? "" : ", ").append(field.empty() ? "the body" : field);
        is_first = false;
    }
    return refuse(problem(400, detail, reading.errors));
}

}  // namespace mcpgw::api
