// The management API: /adapters and what is below it (CONTRACT sections 3, 4 and 7).
//
// Handlers only write desired state and wake the reconciler; they never wait for a server. Answers
// do not tell an adapter that the caller may not read from one that does not exist. Every change is
// one audit record, written with it, and one log line.
#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "common/result.h"
#include "controlplane/api/adapter_body.h"
#include "controlplane/api/answer.h"
#include "controlplane/api/session_routes.h"
#include "controlplane/deploy/deployer.h"
#include "controlplane/identity/principal.h"
#include "controlplane/reconcile/observation.h"
#include "controlplane/store/store.h"

namespace mcpgw::api {

// What the API stands on; all of it outlives the API.
struct Services {
    store::Store* store = nullptr;
    const reconcile::Observations* observations = nullptr;
    // The row of this adapter changed.
    std::function<void(std::string_view name)> wake;
    std::function<Result<>(const model::Adapter& adapter, const deploy::LogQuery& query,
                           const deploy::LogSink& sink)>
        logs;
    identity::AccessRules access;
    Runners runners;
    // Why no adapter with an image can have this name, if anything; empty: nothing ever does. It
    // may take some seconds.
    std::function<std::optional<std::string>(std::string_view name)> name_obstacle;
    SessionServices sessions;
};

class AdapterRoutes {
  public:
    explicit AdapterRoutes(Services services) : services_(std::move(services)) {}

    // Any thread. Never throws for what a client can send.
    [[nodiscard]] Answer answer(const Call& call);

  private:
    [[nodiscard]] Answer list(const Call& call);
    [[nodiscard]] Answer create(const Call& call);
    [[nodiscard]] Answer get(const Call& call, std::string_view name);
    [[nodiscard]] Answer replace(const Call& call, std::string_view name);
    [[nodiscard]] Answer replace_once(const Call& call, const model::Adapter& present,
                                      bool& was_changed_meanwhile);
    [[nodiscard]] Answer remove(const Call& call, std::string_view name);
    [[nodiscard]] Answer status(const Call& call, std::string_view name);
    [[nodiscard]] Answer logs(const Call& call, std::string_view name);
    [[nodiscard]] Answer follow_logs(const model::Adapter& adapter, const deploy::LogQuery& query);

    [[nodiscard]] Answer resource(int status, const model::Adapter& adapter,
                                  const identity::Principal& who) const;
    // not_found unless the caller may read it.
    [[nodiscard]] Result<model::Adapter> readable(const Call& call, std::string_view name);
    [[nodiscard]] Result<model::Adapter> writable(const Call& call, std::string_view name);
    // 409 if the cluster has objects of that name that are not ours.
    [[nodiscard]] std::optional<Answer> name_conflict(const model::Adapter& adapter) const;
    void changed(const Call& call, std::string_view action, const model::Adapter& adapter) const;

    const Services services_;
    std::atomic<std::size_t> log_streams_ = 0;
};

}  // namespace mcpgw::api
