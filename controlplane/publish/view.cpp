// Pure translation, member by member.
#include "controlplane/publish/view.h"

namespace mcpgw::publish {
namespace {

contract::InstanceState state_of(const deploy::InstanceStatus& status) {
    if (status.draining) return contract::InstanceState::draining;
    return status.ready ? contract::InstanceState::ready : contract::InstanceState::not_ready;
}

}  // namespace

contract::Adapter view_of(const model::Adapter& adapter,
                          const std::vector<deploy::InstanceStatus>& instances) {
    contract::Adapter view;
    view.name = adapter.name;
    view.transport = adapter.transport == model::Transport::sse
                         ? contract::Transport::sse
                         : contract::Transport::streamable_http;
    view.affinity = adapter.affinity == model::Affinity::none ? contract::Affinity::none
                                                              : contract::Affinity::session;
    view.created_by = adapter.created_by;
    view.required_roles = adapter.required_roles;
    view.tenant = adapter.tenant;
    view.required_scopes = adapter.required_scopes;
    view.access_rules = adapter.access_rules;
    view.limits = adapter.limits;
    view.identity_assertion = adapter.identity_assertion;
    view.timeouts = {adapter.timeouts.connect_ms, adapter.timeouts.first_byte_ms,
                     adapter.timeouts.idle_ms, adapter.timeouts.session_idle_seconds};
    for (const auto& [name, value] : adapter.request_headers)
        if (!value.is_secret_name) view.request_headers.emplace_back(name, value.text);
    for (const deploy::InstanceStatus& status : instances) {
        if (!status.alive || status.stopping) continue;
        contract::Instance instance;
        instance.name = status.name;
        instance.id = contract::instance_identity(adapter.name, status.name, status.uid);
        instance.host = status.host;
        instance.port = status.port;
        instance.authority = status.authority;
        instance.path = status.path;
        instance.state = state_of(status);
        view.instances.push_back(std::move(instance));
    }
    return view;
}

}  // namespace mcpgw::publish
