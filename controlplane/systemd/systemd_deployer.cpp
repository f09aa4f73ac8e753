// Units for the instances, the journal for the logs.
#include "controlplane/systemd/systemd_deployer.h"

#include <filesystem>
#include <utility>

#include <unistd.h>

#include "common/bytes.h"
#include "common/check.h"
#include "common/log.h"
#include "controlplane/systemd/journal.h"
#include "controlplane/systemd/systemd_instance.h"

namespace mcpgw::systemd {

Scope scope_of(const std::string& name) {
    if (name == "system") return Scope::system;
    if (name == "user") return Scope::user;
    return geteuid() == 0 ? Scope::system : Scope::user;
}

Result<std::unique_ptr<SystemdDeployer>> SystemdDeployer::open(SystemdOptions options) {
    options.local.folder = "units";
    // systemd has another working directory.
    std::error_code error;
    options.local.data_dir = std::filesystem::absolute(options.local.data_dir, error);
    Result<deploy::LocalSite> site = deploy::LocalSite::open(std::move(options.local));
    if (!site) return std::unexpected(site.error());
    Result<std::string> gateway = gateway_id(site->options().data_dir, site->random());
    if (!gateway) return std::unexpected(gateway.error());
    std::unique_ptr<SystemdDeployer> deployer(
        new SystemdDeployer(std::move(*site), options, std::move(*gateway)));
    if (Result<> adopted = deployer->adopt_all(); !adopted) {
        Error why = adopted.error();
        why.detail += options.scope == Scope::system
                          ? " (--systemd-scope system needs a booted systemd and its bus)"
                          : " (--systemd-scope user needs a user manager: a login session, or "
                            "loginctl enable-linger)";
        return std::unexpected(std::move(why));
    }
    return deployer;
}

Result<> SystemdDeployer::adopt_all() {
    Units& units = systemd_.units();
    Result<> opened = units.open([this](const std::string& unit, const Marks& marks) {
        if (!is_open_) return systemd_.add_found(marks);
        // An instance has given it up, and systemd is not done with it yet.
        log_debug("a stray unit is stopped", {{"unit", unit}});
        systemd_.units().stop(unit);
        systemd_.units().release(unit);
    });
    if (!opened) return opened;
    is_open_ = true;
    adopt_directories();
    while (const Marks* found = systemd_.any_found())
        adopt_instance(std::string(found->adapter), {found->ordinal, found->generation});
    maybe(units.take_concerned().empty());
    systemd_.ensure_lifeline();
    // The control plane before us may have been about to stop an empty one.
    has_run_ = units.find(slice_name(systemd_.gateway())) != nullptr;
    note_step();
    return {};
}

std::unique_ptr<deploy::LocalInstance> SystemdDeployer::make_instance(const std::string& adapter,
                                                                      deploy::Place place) {
    has_run_ = true;
    return std::make_unique<SystemdInstance>(site(), systemd_, adapter, place);
}

// What is bound to another lifeline, or to none, ends at another time: it is another server.
deploy::ServerSpec SystemdDeployer::spec(const model::Adapter& adapter) const {
    deploy::ServerSpec spec = LocalDeployer::spec(adapter);
    deploy::include_resources(spec);
    if (!systemd_.lifeline().empty())
        spec.hash = to_hex(fnv1a(systemd_.lifeline(), fnv1a(spec.hash)));
    return spec;
}

void SystemdDeployer::take_own_event(std::vector<std::string>& names) {
    systemd_.units().process();
    for (std::string& name : systemd_.units().take_concerned())
        names.push_back(std::move(name));
}

// An empty slice is a remnant, too.
void SystemdDeployer::note_step() {
    if (!has_run_ || !is_empty()) return;
    has_run_ = false;
    systemd_.units().stop_slice();
}

// Only what never changes: the groups belong to the reconciler's thread.
Result<> SystemdDeployer::logs(const model::Adapter& adapter, const deploy::LogQuery& query,
                               const deploy::LogSink& sink) {
    if (Result<> exists = check_instance(adapter, query.instance); !exists) return exists;
    const std::string instance = adapter.name + "-" + std::to_string(query.instance);
    return read_journal({systemd_.scope(), instance_label(systemd_.gateway(), instance),
                         [&] { return site().newest_directory(adapter.name, query.instance); }},
                        query, sink);
}

}  // namespace mcpgw::systemd
