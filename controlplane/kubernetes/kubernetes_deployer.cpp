// Wishes go to the writers, news come from the cache; this compares the two.
#include "controlplane/kubernetes/kubernetes_deployer.h"

#include <array>
#include <cerrno>
#include <utility>

#include <sys/eventfd.h>
#include <unistd.h>

#include "common/check.h"
#include "common/limits.h"
#include "common/log.h"
#include "controlplane/kubernetes/changes.h"
#include "controlplane/kubernetes/cluster_view.h"

namespace mcpgw::kubernetes {
namespace {

std::string events_path(const ObjectOptions& options) {
    return "/api/v1/namespaces/" + options.namespace_name + "/events";
}
std::string slices_path(const ObjectOptions& options) {
    return "/apis/discovery.k8s.io/v1/namespaces/" + options.namespace_name + "/endpointslices";
}

WatchOptions watch_of(std::string path, std::string_view label_selector) {
    WatchOptions watch;
    watch.path = std::move(path);
    watch.label_selector = label_selector;
    return watch;
}

// The same after a restart, so that whoever was the leader goes on at once, and does not wait for
// its own lease to run out. Nobody else has it: one control plane at a time has this store, and a
// copy of it on another machine has another name.
std::string identity_of(const ObjectOptions& options) {
    std::array<char, 256> host{};
    if (options.installation.empty() || gethostname(host.data(), host.size() - 1) != 0) return "";
    return std::string(host.data()) + "_" + options.installation;
}

void append_trouble(std::vector<deploy::InstanceStatus>& instances, const std::string& trouble) {
    if (trouble.empty()) return;
    for (deploy::InstanceStatus& instance : instances)
        instance.reason += (instance.reason.empty() ? "" : "; ") + trouble;
}

}  // namespace

Result<std::unique_ptr<KubernetesDeployer>> KubernetesDeployer::open(KubernetesOptions options) {
    auto client = ApiClient::open(options.access);
    if (!client) return std::unexpected(client.error());
    deploy::Descriptor event(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!event) return std::unexpected(error_from_errno(errno, "cannot make an eventfd"));
    std::unique_ptr<KubernetesDeployer> self(
        new KubernetesDeployer(std::move(options), std::move(*client), std::move(event)));
    self->start();
    return self;
}

KubernetesDeployer::KubernetesDeployer(KubernetesOptions options, std::unique_ptr<ApiClient> client,
                                       deploy::Descriptor event)
    : options_(std::move(options)),
      client_(std::move(client)),
      event_(std::move(event)),
      cache_([this] { notify(); }),
      logs_(*client_, cache_, options_.objects) {}

KubernetesDeployer::~KubernetesDeployer() {
    watchers_.clear();
    writers_->stop();
    // No writer asks any more, so the lease can go to somebody else.
    leader_.reset();
    client_->cancel_all();
}

void KubernetesDeployer::start() {
    WriterOptions writing;
    writing.objects = options_.objects;
    writing.send = [this](const Call& call, const std::stop_token& stop) {
        return client_->send(call, stop);
    };
    writing.is_leader = [this] {
        const Leader* leader = leader_seen_;
        return leader != nullptr && leader->is_leader();
    };
    writing.on_progress = [this](const std::string& adapter) { cache_.note(adapter); };
    writers_ = std::make_unique<Writers>(std::move(writing));

    LeaderOptions election;
    election.lease = {options_.objects.namespace_name, options_.lease};
    election.identity = identity_of(options_.objects);
    election.on_change = [this](bool is_leader) {
        log_info(is_leader ? "this gateway writes to the cluster now"
                           : "this gateway does not write to the cluster any more");
        writers_->recheck_all();
        // What nobody wants is removed by the leader.
        cache_.note_everything();
    };
    election.on_trouble = [](const std::string& why) {
        if (!why.empty()) log_warn("the election cannot be held", {{"why", why}});
    };
    leader_ = std::make_unique<Leader>(*client_, std::move(election));
    leader_seen_ = leader_.get();

    watch(Watched::stateful_sets, watch_of(stateful_sets_path(options_.objects), kOurSelector));
    watch(Watched::pods, watch_of(pods_path(options_.objects), kOurSelector));
    watch(Watched::slices, watch_of(slices_path(options_.objects), kOurSelector));
    // Events have no labels of their object.
    WatchOptions events = watch_of(events_path(options_.objects), "");
    events.field_selector = "type=Warning";
    watch(Watched::events, std::move(events));
}

void KubernetesDeployer::watch(Watched kind, WatchOptions options) {
    Listener listener;
    listener.on_changed = [this, kind](const picojson::value& object) { cache_.put(kind, object); };
    listener.on_deleted = [this, kind](const std::string& name, const std::string& uid,
                                       const picojson::value&) { cache_.drop(kind, name, uid); };
    listener.on_listed = [this, kind] { cache_.note_listed(kind); };
    listener.on_trouble = [this, kind, path = options.path](const Failure& why) {
        log_warn("no news from the cluster", {{"of", path}, {"why", why.message}});
        cache_.note_contact(kind, unix_millis_now(), why.message);
    };
    listener.on_well = [this, kind] { cache_.note_contact(kind, 0, ""); };
    watchers_.push_back(
        std::make_unique<Watcher>(*client_, std::move(options), std::move(listener)));
}

void KubernetesDeployer::notify() const {
    const std::uint64_t one = 1;
    maybe(::write(event_.get(), &one, sizeof one) == sizeof one);
}

std::vector<std::string> KubernetesDeployer::adapters() const {
    std::vector<std::string> names = cache_.adapters();
    for (const auto& [name, wish] : wishes_)
        names.push_back(name);
    return names;
}

std::vector<deploy::InstanceStatus> KubernetesDeployer::observe(std::string_view adapter) const {
    const auto wish = wishes_.find(adapter);
    if (wish == wishes_.end() || !wish->second.desired) return {};
    auto instances = view_of(Plan{*wish->second.desired, options_.objects}, cache_.of(adapter));
    append_trouble(instances, trouble(adapter).message);
    return instances;
}

deploy::Trouble KubernetesDeployer::trouble(std::string_view adapter) const {
    if (std::string away = cache_.contact_trouble(); !away.empty())
        return {"ClusterUnreachable", std::move(away)};
    std::string refused = writers_->progress(adapter).trouble;
    if (refused.empty()) return {};
    return {"ChangeNotMade", std::move(refused)};
}

// The cluster is not as the writers left it: somebody has changed or removed the StatefulSet.
void KubernetesDeployer::repair(const std::string& name, Wish& wish, const Progress& progress,
                                const SeenAdapter& seen) {
    if (!progress.is_done) return;
    if (seen.stateful_set && seen.stateful_set->uid == progress.uid) {
        wish.seen_uid = progress.uid;
        if (seen.stateful_set->generation > progress.generation) writers_->recheck(name);
        return;
    }
    // The watch may be behind the writers, so that only what was seen can be missing.
    if (wish.seen_uid == progress.uid) writers_->recheck(name);
}

deploy::Step KubernetesDeployer::apply(const model::Adapter& desired) {
    check(desired.source() == model::Source::image, "the adapter has an image");
    const Plan plan{desired, options_.objects};
    Wish& wish = wishes_[desired.name];
    const std::string definition = definition_hash(plan);
    if (!wish.desired || wish.definition != definition) writers_->want(desired.name, desired);
    wish.desired = desired;
    wish.definition = definition;
    const SeenAdapter seen = cache_.of(desired.name);
    const Progress progress = writers_->progress(desired.name);
    repair(desired.name, wish, progress, seen);
    deploy::Step step;
    step.settled = cache_.is_complete();
    step.done = progress.is_done && is_rolled_out(plan, seen);
    return step;
}

deploy::Step KubernetesDeployer::remove(std::string_view adapter) {
    const Leader* leader = leader_seen_;
    const bool is_leader = leader != nullptr && leader->is_leader();
    const SeenAdapter seen = cache_.of(adapter);
    const std::string uid = seen.stateful_set ? seen.stateful_set->uid : "";
    // Of another installation's objects only those go that were adopted here.
    const bool is_left = (seen.stateful_set &&
                          seen.stateful_set->owner.installation == options_.objects.installation) ||
                         (!seen.stateful_set && !seen.slices.empty());
    auto wish = wishes_.find(adapter);
    if (wish == wishes_.end()) {
        if (!is_left || !is_leader) return {};
        wish = wishes_.emplace(std::string(adapter), Wish{}).first;
        wish->second.desired.reset();
        wish->second.seen_uid = uid;
        writers_->want(adapter, {});
    } else if (wish->second.desired || (!uid.empty() && wish->second.seen_uid != uid && is_left)) {
        wish->second.desired.reset();
        wish->second.seen_uid = uid;
        writers_->want(adapter, {});
    }
    deploy::Step step;
    // What does not lead waits for whoever does; the objects themselves say that they are wanted
    // no more, because their row is gone.
    step.done = !is_leader || writers_->progress(adapter).is_done;
    if (!step.done) return step;
    // News of what the cluster's garbage collector still has to do must not begin it again.
    if (!is_leader || !is_left) {
        writers_->forget(adapter);
        wishes_.erase(wish);
    }
    return step;
}

std::vector<std::string> KubernetesDeployer::take_events() {
    std::uint64_t count = 0;
    maybe(read(event_.get(), &count, sizeof count) == sizeof count);
    News news = cache_.take_news();
    if (news.is_everything)
        for (const auto& [name, wish] : wishes_)
            news.adapters.insert(name);
    return {news.adapters.begin(), news.adapters.end()};
}

Result<> KubernetesDeployer::logs(const model::Adapter& adapter, const deploy::LogQuery& query,
                                  const deploy::LogSink& sink) {
    return logs_.read(adapter, query, sink);
}

std::optional<std::string> KubernetesDeployer::name_obstacle(std::string_view adapter) const {
    const Nanos deadline = monotonic_now() + limits::kubernetes_name_check_ms * kMillisecond;
    return find_foreign(adapter, options_.objects, [this, deadline](Call call) -> Outcome {
        const Nanos now = monotonic_now();
        if (now >= deadline) return std::unexpected(cancelled_failure());
        call.timeout_ms = static_cast<std::uint32_t>((deadline - now) / kMillisecond + 1);
        return client_->send(call);
    });
}

}  // namespace mcpgw::kubernetes
