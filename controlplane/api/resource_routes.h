// The management API: /adapters, /tools and what is below them (CONTRACT sections 3, 4 and 7).
//
// Both collections are the same but for their words, and share one name space; a resource is only
// found in its own. Handlers only write desired state and wake the reconciler; they never wait for
// a server. Answers do not tell what the caller may not read from what does not exist. Every change
// is one audit record, written with it, and one log line.
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
#include "controlplane/api/tenant_routes.h"
#include "controlplane/deploy/deployer.h"
#include "controlplane/identity/principal.h"
#include "controlplane/reconcile/observation.h"
#include "controlplane/store/access_store.h"
#include "controlplane/store/store.h"

namespace mcpgw::api {

// What the API stands on; all of it outlives the API.
struct Services {
    store::Store* store = nullptr;
    const reconcile::Observations* observations = nullptr;
    // The row of this adapter or tool changed.
    std::function<void(std::string_view name)> wake;
    std::function<Result<>(const model::Adapter& adapter, const deploy::LogQuery& query,
                           const deploy::LogSink& sink)>
        logs;
    identity::AccessRules access;
    Runners runners;
    // Why nothing with an image can have this name, if anything; empty: nothing ever does. It
    // may take some seconds.
    std::function<std::optional<std::string>(std::string_view name)> name_obstacle;
    SessionServices sessions;
    store::AccessStore* access_store = nullptr;
    // Tokens or tenants have changed: data planes are to be told.
    std::function<void()> access_changed;
    UsageSource usage;  // of tenants; may be empty
};

class ResourceRoutes {
  public:
    explicit ResourceRoutes(Services services) : services_(std::move(services)) {}

    // Any thread. Never throws for what a client can send.
    [[nodiscard]] Answer answer(const Call& call);

  private:
    enum class Part : std::uint8_t { collection, resource, status, logs };
    // What a path is about.
    struct Route {
        model::Kind kind = model::Kind::adapter;
        Part part = Part::collection;
        std::string_view name;

        [[nodiscard]] const model::KindWords& words() const { return words_of(kind); }
    };

    [[nodiscard]] static std::optional<Route> route_of(std::string_view path);
    [[nodiscard]] Answer list(const Call& call, const Route& route);
    [[nodiscard]] Answer create(const Call& call, const Route& route);
    [[nodiscard]] Answer get(const Call& call, const Route& route);
    [[nodiscard]] Answer replace(const Call& call, const Route& route);
    [[nodiscard]] Answer replace_once(const Call& call, const model::Adapter& present,
                                      bool& was_changed_meanwhile);
    [[nodiscard]] Answer remove(const Call& call, const Route& route);
    [[nodiscard]] Answer status(const Call& call, const Route& route);
    [[nodiscard]] Answer logs(const Call& call, const Route& route);
    [[nodiscard]] Answer follow_logs(const model::Adapter& adapter, const deploy::LogQuery& query);

    [[nodiscard]] Answer resource(int status, const model::Adapter& adapter,
                                  const identity::Principal& who) const;
    // not_found unless there is one of this kind, and the caller may read it.
    [[nodiscard]] Result<model::Adapter> readable(const Call& call, const Route& route);
    [[nodiscard]] Result<model::Adapter> writable(const Call& call, const Route& route);
    // 409 if the cluster has objects of that name that are not ours.
    [[nodiscard]] std::optional<Answer> name_conflict(const model::Adapter& adapter) const;
    void changed(const Call& call, std::string_view verb, const model::Adapter& adapter) const;

    const Services services_;
    std::atomic<std::size_t> log_streams_ = 0;
};

}  // namespace mcpgw::api
