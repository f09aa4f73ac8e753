// mcp-gateway-controlplane: puts the rooms together and waits for the end.
//
//   issuers, store -- access feed --> publisher
//   api -- wake --> reconciler -- change, settled --> publisher --> data planes
//    \--- store ---/      \--- deployers: process or systemd, url, kubernetes if asked for
//           \------- or the file of --session-keys --> key feed
//   secrets -- values of request headers --> publisher, what is missing --> reconciler
//
// The reconciler's thread tells the publisher, events of data planes go back to the reconciler. It
// ends cleanly at SIGTERM and SIGINT, and when the lifeline (see shim/) ends. Servers are left
// running: the next control plane adopts them, or they end with the lifeline. With the words
// backup, restore and tokens it is another program: store_verbs.h, token_verb.h.
// Exit codes: 0, 1 (could not start), 2 (wrong usage or configuration).
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <vector>

#include <poll.h>
#include <sys/signalfd.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "common/limits.h"
#include "common/log.h"
#include "common/result.h"
#include "common/time.h"
#include "controlplane/api/server.h"
#include "controlplane/data_directory.h"
#include "controlplane/deploy/process_deployer.h"
#include "controlplane/deploy/url_deployer.h"
#include "controlplane/identity/authorities.h"
#include "controlplane/identity/issuer_feed.h"
#include "controlplane/keys/key_file.h"
#include "controlplane/kubernetes/kubernetes_deployer.h"
#include "controlplane/options.h"
#include "controlplane/publish/access_feed.h"
#include "controlplane/publish/key_feed.h"
#include "controlplane/publish/publisher.h"
#include "controlplane/publish/session_asker.h"
#include "controlplane/reconcile/reconciler.h"
#include "controlplane/secrets/request_headers.h"
#include "controlplane/secrets/secret_store.h"
#include "controlplane/store/sqlite_store.h"
#include "controlplane/store_verbs.h"
#include "controlplane/systemd/systemd_deployer.h"
#include "controlplane/token_verb.h"

namespace mcpgw {
namespace {

constexpr std::uint64_t kDayMs = 24ULL * 60 * 60 * 1000;
// Between looks whether a key of the store is old: nothing beside days.
constexpr std::uint64_t kStoreLookMs = 60'000;

// In the order in which the parts depend on each other, so that they end the other way round.
struct ControlPlane {
    std::unique_ptr<store::SqliteStore> store;
    std::unique_ptr<secrets::SecretStore> secrets;
    reconcile::Observations observations;
    std::unique_ptr<deploy::Deployer> commands;
    std::unique_ptr<deploy::UrlDeployer> urls;
    std::unique_ptr<kubernetes::KubernetesDeployer> images;  // only with --deployer kubernetes
    std::unique_ptr<publish::SessionAsker> sessions;
    std::unique_ptr<publish::Publisher> publisher;
    std::unique_ptr<publish::KeyFeed> keys;
    std::unique_ptr<publish::AccessFeed> access;
    std::vector<std::unique_ptr<identity::IssuerFeed>> issuers;  // in the order of the flags
    std::unique_ptr<reconcile::Reconciler> reconciler;
    std::unique_ptr<api::ApiServer> api;
};

// Who runs the servers that are commands.
template <class D>
Result<> keep(Result<std::unique_ptr<D>> opened, ControlPlane& plane) {
    if (!opened) return std::unexpected(opened.error());
    plane.commands = std::move(*opened);
    return {};
}

Result<> open_store_and_deployers(const Options& options, ControlPlane& plane) {
    auto opened = store::SqliteStore::open(options.data_dir + "/controlplane.db");
    if (!opened) return std::unexpected(opened.error());
    plane.store = std::move(*opened);
    plane.secrets = std::make_unique<secrets::SecretStore>(secrets::SecretStoreOptions{
        .directory = secrets::directory_in(options.data_dir),
        .variable = [](const char* name) { return std::getenv(name); },
        .on_change = [&plane] { plane.reconciler->secrets_changed(); }});
    deploy::LocalOptions local;
    local.data_dir = options.data_dir;
    local.lifeline_fd = options.lifeline_fd;
    local.drain_ms = options.drain_seconds * 1'000;
    Result<> kept = options.deployer == "systemd"
                        ? keep(systemd::SystemdDeployer::open(
                                   {.local = std::move(local),
                                    .scope = systemd::scope_of(options.systemd_scope)}),
                               plane)
                        : keep(deploy::ProcessDeployer::open(std::move(local)), plane);
    if (!kept) return kept;
    auto urls = deploy::UrlDeployer::open({});
    if (!urls) return std::unexpected(urls.error());
    plane.urls = std::move(*urls);
    return {};
}

Result<> open_kubernetes(const Options& options, ControlPlane& plane) {
    if (options.deployer != "kubernetes") return {};
    kubernetes::Surroundings surroundings = kubernetes::surroundings_of_process();
    surroundings.kubeconfig_flag = options.kubeconfig;
    auto access = kubernetes::find_access(surroundings);
    if (!access) return std::unexpected(access.error());
    auto epoch = plane.store->epoch();
    if (!epoch) return std::unexpected(epoch.error());
    log_info("using a cluster", {{"server", access->server},
                                 {"access", access->origin},
                                 {"namespace", options.kubernetes_namespace}});
    kubernetes::KubernetesOptions kubernetes;
    kubernetes.access = std::move(*access);
    kubernetes.objects.namespace_name = options.kubernetes_namespace;
    kubernetes.objects.registry = options.registry;
    kubernetes.objects.pod_user = options.pod_user;
    kubernetes.objects.image_pull_secrets = options.image_pull_secrets;
    kubernetes.objects.workload_identity_service_account =
        options.workload_identity_service_account;
    kubernetes.objects.installation = std::move(*epoch);
    kubernetes.objects.drain_seconds = options.drain_seconds;
    auto images = kubernetes::KubernetesDeployer::open(std::move(kubernetes));
    if (!images) return std::unexpected(images.error());
    plane.images = std::move(*images);
    return {};
}

Result<publish::KeyFeedOptions> find_keys(const Options& options, ControlPlane& plane,
                                          std::uint64_t now_unix_ms) {
    publish::KeyFeedOptions feed;
    feed.unix_millis = unix_millis_now;
    if (options.session_keys.empty()) {
        feed.source = publish::keys_of_store(*plane.store, options.session_key_days * kDayMs);
        feed.look_interval_ms = kStoreLookMs;
    } else {
        feed.source = publish::keys_of_file(options.session_keys);
        feed.shared = true;
        feed.look_interval_ms = limits::session_keys_poll_ms;
    }
    auto ring = feed.source(now_unix_ms);
    if (!ring) return std::unexpected(ring.error());
    feed.ring = std::move(*ring);
    feed.publish = [&plane](std::vector<contract::SealingKey> keys) {
        plane.publisher->change_keys(std::move(keys));
    };
    return feed;
}

void open_issuers(const Options& options, ControlPlane& plane) {
    for (const std::string& issuer : options.oidc_issuers) {
        identity::IssuerFeedOptions feed;
        feed.issuer = issuer;
        feed.keeps_metadata = options.oidc_metadata;
        feed.fetch = [&options](const std::string& url, const std::stop_token& stop) {
            return identity::fetch(url, stop, options.oidc_ca);
        };
        feed.save = [&plane](const store::IssuerDocuments& documents) {
            return plane.store->put_issuer_documents(documents);
        };
        feed.on_change = [&plane] { plane.access->wake(); };
        plane.issuers.push_back(std::make_unique<identity::IssuerFeed>(std::move(feed)));
        // One that has never answered has no keys; everything else has been logged by the store.
        if (const auto saved = plane.store->issuer_documents(issuer))
            plane.issuers.back()->load(*saved);
    }
}

void open_access(const Options& options, ControlPlane& plane) {
    publish::AccessFeedOptions feed;
    feed.store = plane.store.get();
    feed.fixed = options.access;
    feed.issuers = [&plane] {
        std::vector<contract::Issuer> issuers;
        for (const auto& issuer : plane.issuers)
            issuers.push_back(issuer->issuer());
        return issuers;
    };
    feed.publish = [&plane](contract::Access access) {
        plane.publisher->change_access(std::move(access));
    };
    feed.unix_millis = unix_millis_now;
    plane.access = std::make_unique<publish::AccessFeed>(std::move(feed));
    open_issuers(options, plane);
}

void note_missed_key(ControlPlane& plane, const std::string& name) {
    for (const auto& issuer : plane.issuers)
        if (issuer->issuer().issuer == name) issuer->missed_a_key();
}

Result<> open_publisher(const Options& options, ControlPlane& plane) {
    auto epoch = plane.store->epoch();
    if (!epoch) return std::unexpected(epoch.error());
    const std::uint64_t now = unix_millis_now();
    auto feed = find_keys(options, plane, now);
    if (!feed) return std::unexpected(feed.error());
    publish::PublisherOptions publisher;
    publisher.socket_path = options.contract_socket;
    publisher.epoch = std::move(*epoch);
    publisher.keys = keys::keys_at(feed->ring, now, feed->shared);
    auto access = plane.access->build(now);
    if (!access) return std::unexpected(access.error());
    publisher.access = std::move(*access);
    publisher.on_unknown_key = [&plane](const contract::UnknownKey& event) {
        note_missed_key(plane, event.issuer);
    };
    publisher.next_version = [&plane] { return plane.store->next_snapshot_version(); };
    publisher.on_failure = [&plane](const contract::InstanceFailure& failure) {
        plane.reconciler->probe(failure.adapter);
    };
    plane.sessions = std::make_unique<publish::SessionAsker>(
        [&plane](const std::string& process, std::string json) {
            return plane.publisher->ask(process, std::move(json));
        });
    publisher.on_answer = [&plane](const std::string& process, const std::string& json) {
        plane.sessions->take_answer(process, json);
    };
    publisher.on_left = [&plane](const std::string& process) {
        plane.sessions->take_loss(process);
    };
    publisher.on_drained = [&plane](const contract::InstanceDrained& event) {
        plane.reconciler->drained(event.adapter, event.instance);
    };
    auto opened = publish::Publisher::open(std::move(publisher));
    if (!opened) return std::unexpected(opened.error());
    plane.publisher = std::move(*opened);
    plane.keys = std::make_unique<publish::KeyFeed>(std::move(*feed));
    return {};
}

Result<> open_reconciler(ControlPlane& plane) {
    reconcile::ReconcilerOptions reconciler;
    reconciler.store = plane.store.get();
    reconciler.observations = &plane.observations;
    reconciler.deployers = {{model::Source::command, plane.commands.get()},
                            {model::Source::url, plane.urls.get()}};
    if (plane.images) {
        reconciler.deployers[model::Source::image] = plane.images.get();
        reconciler.settle_ms_max = limits::kubernetes_settle_ms;
    }
    reconciler.on_change = [&plane](std::string_view name, const model::Adapter* desired,
                                    const std::vector<deploy::InstanceStatus>& instances) {
        if (desired != nullptr && desired->identity_assertion) plane.access->want_assertions();
        if (desired == nullptr || !desired->names_secrets())
            return plane.publisher->change(name, desired, instances);
        model::Adapter resolved = *desired;
        resolved.request_headers = secrets::resolve_headers(*desired, *plane.secrets).headers;
        plane.publisher->change(name, &resolved, instances);
    };
    reconciler.obstacle = [&plane](const model::Adapter& desired) {
        if (!desired.names_secrets()) return std::string();
        return secrets::resolve_headers(desired, *plane.secrets).obstacle;
    };
    reconciler.on_settled = [&plane] { plane.publisher->open_gate(); };
    auto opened = reconcile::Reconciler::open(std::move(reconciler));
    if (!opened) return std::unexpected(opened.error());
    plane.reconciler = std::move(*opened);
    return {};
}

// What all data planes together have seen of a tenant. Nothing if one of them does not tell: a sum
// without it would look like the truth.
std::optional<api::TenantUsage> usage_of(ControlPlane& plane, const std::string& tenant) {
    contract::UsagePage sum;
    const Nanos until = monotonic_now() + limits::session_list_ms * kMillisecond;
    for (const std::string& process : plane.publisher->processes()) {
        const auto page = plane.sessions->usage(process, {.tenants = {tenant}}, until);
        if (!page) return std::nullopt;
        contract::add_usage(sum, *page);
    }
    if (sum.items.empty()) return std::nullopt;
    const contract::TenantUsage& used = sum.items.front();
    return api::TenantUsage{.used = used.used,
                            .resets_at_unix_ms = used.resets_unix_seconds * 1000,
                            .sessions = used.sessions,
                            .streams = used.streams};
}

Result<> open_api(const Options& options, ControlPlane& plane) {
    api::Services services;
    services.store = plane.store.get();
    services.access_store = plane.store.get();
    services.access_changed = [&plane] { plane.access->wake(); };
    services.observations = &plane.observations;
    services.wake = [&plane](std::string_view name) { plane.reconciler->wake(name); };
    services.logs = [&plane](const model::Adapter& adapter, const deploy::LogQuery& query,
                             const deploy::LogSink& sink) {
        return plane.reconciler->logs(adapter, query, sink);
    };
    if (plane.images) {
        services.runners = {
            .images = true,
            .commands = false,
            .workload_identity = !options.workload_identity_service_account.empty()};
        services.name_obstacle = [&plane](std::string_view name) {
            return plane.images->name_obstacle(name);
        };
    }
    services.access = {options.admin_role, options.create_roles, options.workload_identity_roles};
    services.sessions.processes = [&plane] { return plane.publisher->processes(); };
    services.sessions.page = [&plane](const std::string& process, contract::SessionsQuery query,
                                      Nanos until) {
        return plane.sessions->page(process, std::move(query), until);
    };
    services.sessions.end = [&plane](const std::string& process, contract::SessionEnd wish) {
        return plane.sessions->end(process, std::move(wish));
    };
    services.usage = [&plane](const std::string& tenant) { return usage_of(plane, tenant); };
    auto opened = api::ApiServer::open(options.api_socket, std::move(services));
    if (!opened) return std::unexpected(opened.error());
    plane.api = std::move(*opened);
    return {};
}

Result<> open_all(const Options& options, ControlPlane& plane) {
    auto opened = open_store_and_deployers(options, plane);
    if (opened) opened = open_kubernetes(options, plane);
    if (opened) open_access(options, plane);
    if (opened) opened = open_publisher(options, plane);
    if (opened) opened = open_reconciler(plane);
    if (opened) opened = open_api(options, plane);
    return opened;
}

// Blocks the signals that end us in all threads to come; a descriptor that tells of them.
Result<int> take_signals() {
    std::signal(SIGPIPE, SIG_IGN);
    sigset_t ends{};
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    sigprocmask(SIG_BLOCK, &ends, nullptr);
    const int fd = ::signalfd(-1, &ends, SFD_CLOEXEC);
    if (fd < 0) return std::unexpected(error_from_errno(errno, "signalfd"));
    return fd;
}

// Until a signal comes, or the writing end of the lifeline is closed. Nobody writes into it.
void wait_for_the_end(int signal_fd, int lifeline_fd) {
    std::array<pollfd, 2> entries = {pollfd{signal_fd, POLLIN, 0}, pollfd{lifeline_fd, POLLIN, 0}};
    while (::poll(entries.data(), entries.size(), -1) < 0 && errno == EINTR) {
    }
}

int fail(const Error& error, int status = 1) {
    log_error("cannot start", {{"code", code_name(error.code)}, {"detail", error.detail}});
    log_stop();
    return status;
}

int run(const Options& options) {
    const auto signals = take_signals();
    log_start("controlplane", log_format_of(options.log_format, LogFormat::json),
              log_level_of(options.log_level, LogLevel::info));
    if (!signals) return fail(signals.error());
    if (!options.session_keys.empty())
        if (const auto ring = keys::read_key_file(options.session_keys); !ring)
            return fail(ring.error(), 2);
    if (!options.oidc_ca.empty())
        if (const auto good = identity::check_authorities(options.oidc_ca); !good)
            return fail(good.error(), 2);
    const auto directory = DataDirectory::open(options.data_dir);
    if (!directory) return fail(directory.error());
    {
        ControlPlane plane;
        if (auto opened = open_all(options, plane); !opened) return fail(opened.error());
        plane.publisher->start();
        plane.keys->start();
        plane.access->start();
        for (const auto& issuer : plane.issuers)
            issuer->start();
        plane.secrets->start();
        plane.reconciler->start();
        plane.api->start();
        log_info("serving", {{"version", MCPGW_VERSION},
                             {"data_dir", options.data_dir},
                             {"contract_socket", options.contract_socket},
                             {"api_socket", options.api_socket},
                             {"deployer", options.deployer}});
        ::sd_notify(0, "READY=1");
        wait_for_the_end(*signals, options.lifeline_fd);
        ::sd_notify(0, "STOPPING=1");
        log_info("ending");
        plane.api->stop();
        plane.secrets->stop();
        plane.reconciler->stop();
        for (const auto& issuer : plane.issuers)
            issuer->stop();
        plane.access->stop();
        plane.keys->stop();
        plane.publisher->stop();
    }
    log_stop();
    return 0;
}

}  // namespace
}  // namespace mcpgw

int main(int argc, char** argv) {
    try {
        if (argc > 1 && mcpgw::is_store_verb(argv[1]))
            return mcpgw::run_store_verb(argc - 1, argv + 1);
        if (argc > 1 && mcpgw::is_token_verb(argv[1]))
            return mcpgw::run_token_verb(argc - 1, argv + 1);
        const mcpgw::OptionsOutcome outcome = mcpgw::read_options(argc, argv);
        if (outcome.runs) return mcpgw::run(outcome.options);
        std::fputs(outcome.text.c_str(), outcome.exit_code == 0 ? stdout : stderr);
        return outcome.exit_code;
    } catch (const std::exception& exception) {
        std::fprintf(stderr, "mcp-gateway-controlplane: %s\n", exception.what());
        return 1;
    }
}
