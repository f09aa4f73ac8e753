// Shims for the instances, files for the logs.
#include "controlplane/deploy/process_deployer.h"

#include <filesystem>

#include "controlplane/deploy/log_reader.h"
#include "controlplane/deploy/process_instance.h"

namespace mcpgw::deploy {

Result<std::unique_ptr<ProcessDeployer>> ProcessDeployer::open(LocalOptions options) {
    Result<LocalSite> site = LocalSite::open(std::move(options));
    if (!site) return std::unexpected(site.error());
    std::unique_ptr<ProcessDeployer> deployer(new ProcessDeployer(std::move(*site)));
    deployer->adopt_directories();
    return deployer;
}

std::unique_ptr<LocalInstance> ProcessDeployer::make_instance(const std::string& adapter,
                                                              Place place) {
    return std::make_unique<ProcessInstance>(site(), adapter, place);
}

// Only the options and the files: the groups belong to the reconciler's thread.
Result<> ProcessDeployer::logs(const model::Adapter& adapter, const LogQuery& query,
                               const LogSink& sink) {
    if (Result<> exists = check_instance(adapter, query.instance); !exists) return exists;
    read_log([&] { return site().newest_directory(adapter.name, query.instance); }, query, sink);
    return {};
}

}  // namespace mcpgw::deploy
