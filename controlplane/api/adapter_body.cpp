// The checks of a body, from the outside in.
#include "controlplane/api/adapter_body.h"

#include "controlplane/api/json_body.h"
#include "controlplane/model/adapter_json.h"

namespace mcpgw::api {
namespace {

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
    const auto document = json_of(call);
    if (!document) return refuse(document.error());
    auto reading = model::read_resource(kind, *document, call.body);
    if (reading.errors.empty()) return refuse_impossible(std::move(reading.adapter), runners);
    return refuse(broken_rules(words_of(kind).noun, reading.errors));
}

}  // namespace mcpgw::api
