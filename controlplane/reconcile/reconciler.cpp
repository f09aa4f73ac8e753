// The loop and its bookkeeping: who is due when, whose row must be read again.
#include "controlplane/reconcile/reconciler.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/check.h"
#include "common/contract/snapshot.h"
#include "common/log.h"

namespace mcpgw::reconcile {
namespace {

constexpr std::size_t kPageSize = 500;

Result<> watch(int epoll_fd, int fd) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
        return std::unexpected(error_from_errno(errno, "epoll_ctl"));
    return {};
}

}  // namespace

Result<std::unique_ptr<Reconciler>> Reconciler::open(ReconcilerOptions options) {
    check(options.store != nullptr && options.observations != nullptr, "there is a truth to keep");
    std::unique_ptr<Reconciler> self(new Reconciler(std::move(options)));
    self->epoll_ = deploy::Descriptor(epoll_create1(EPOLL_CLOEXEC));
    self->event_ = deploy::Descriptor(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!self->epoll_ || !self->event_)
        return std::unexpected(error_from_errno(errno, "cannot make an eventfd"));
    if (Result<> watched = watch(self->epoll_.get(), self->event_.get()); !watched)
        return std::unexpected(watched.error());
    for (const auto& [source, deployer] : self->options_.deployers)
        if (Result<> watched = watch(self->epoll_.get(), deployer->wait_fd()); !watched)
            return std::unexpected(watched.error());
    return self;
}

Reconciler::~Reconciler() {
    stop();
}

void Reconciler::start() {
    check(!thread_.joinable(), "started once");
    stopping_ = false;
    thread_ = std::thread([this] { run(); });
}

void Reconciler::stop() {
    if (!thread_.joinable()) return;
    stopping_ = true;
    rouse();
    thread_.join();
}

void Reconciler::request(std::set<std::string, std::less<>> Requests::* kind,
                         std::string_view name) {
    {
        const std::scoped_lock lock(mutex_);
        (requests_.*kind).emplace(name);
    }
    rouse();
}

void Reconciler::rouse() const {
    const std::uint64_t one = 1;
    maybe(write(event_.get(), &one, sizeof one) == sizeof one);
}

void Reconciler::wake(std::string_view name) {
    request(&Requests::reload, name);
}
void Reconciler::probe(std::string_view name) {
    request(&Requests::probe, name);
}
void Reconciler::secrets_changed() {
    {
        const std::scoped_lock lock(mutex_);
        requests_.secrets = true;
    }
    rouse();
}
void Reconciler::drained(std::string_view name, std::uint64_t instance) {
    {
        const std::scoped_lock lock(mutex_);
        requests_.drained.emplace(name, instance);
    }
    rouse();
}

Result<> Reconciler::logs(const model::Adapter& adapter, const deploy::LogQuery& query,
                          const deploy::LogSink& sink) const {
    const auto found = options_.deployers.find(adapter.source());
    if (found == options_.deployers.end())
        return failure(Code::unsupported, "nothing here can run " + adapter.name);
    return found->second->logs(adapter, query, sink);
}

// --- The thread ---------------------------------------------------------------------------------

void Reconciler::run() {
    while (!stopping_ && !load_all()) {
        schedule("", store_retry_at());  // only to be woken
        wait();
        due_.clear();
    }
    settle_at_ = monotonic_now() + options_.settle_ms_max * kMillisecond;
    while (!stopping_) {
        take_requests();
        take_events();
        take_due();
        settle();
        wait();
    }
}

// Every adapter that is desired, or of which something is left.
bool Reconciler::load_all() {
    std::map<std::string, Known, std::less<>> found;
    for (std::string after;;) {
        Result<std::vector<model::Adapter>> page = options_.store->list({}, after, kPageSize);
        if (!page) {
            log_error("cannot read the adapters", {{"why", page.error().detail}});
            return false;
        }
        for (model::Adapter& adapter : *page) {
            after = adapter.name;
            Known& known = found[after];
            known.desired = std::move(adapter);
            known.stale = false;
        }
        if (page->size() < kPageSize) break;
    }
    for (const auto& [source, deployer] : options_.deployers)
        for (const std::string& name : deployer->adapters())
            found[name];
    note_store_reads();
    known_ = std::move(found);
    const Nanos now = monotonic_now();
    for (const auto& [name, known] : known_)
        schedule(name, now);
    return true;
}

void Reconciler::schedule(const std::string& name, Nanos at) {
    std::uint64_t generation = 0;
    if (const auto known = known_.find(name); known != known_.end())
        generation = ++known->second.generation;
    if (at != kNever) due_.emplace(at, std::pair(name, generation));
}

void Reconciler::wait() {
    const Nanos now = monotonic_now();
    Nanos until = due_.empty() ? kNever : due_.begin()->first;
    if (!settled_) until = std::min(until, settle_at_);
    int patience_ms = -1;
    if (until != kNever) {
        const Nanos left = until <= now ? 0 : (until - now + kMillisecond - 1) / kMillisecond;
        patience_ms = static_cast<int>(
            std::min<Nanos>(left, static_cast<Nanos>(std::numeric_limits<int>::max())));
    }
    std::array<epoll_event, 16> events{};
    maybe(epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), patience_ms) >
          0);
    std::uint64_t count = 0;
    maybe(read(event_.get(), &count, sizeof count) == sizeof count);
}

void Reconciler::take_requests() {
    Requests requests;
    {
        const std::scoped_lock lock(mutex_);
        std::swap(requests, requests_);
    }
    // Read anew, their rows are told anew.
    if (requests.secrets)
        for (const auto& [name, known] : known_)
            if (known.desired && known.desired->names_secrets()) requests.reload.insert(name);
    for (const std::string& name : requests.reload) {
        known_[name].stale = true;
        step(name);
    }
    for (const std::string& name : requests.probe) {
        if (!known_.contains(name)) continue;
        for (const auto& [source, deployer] : options_.deployers)
            deployer->probe_now(name);
        step(name);
    }
    for (const auto& [name, instance] : requests.drained) {
        if (!known_.contains(name)) continue;
        for (const auto& [source, deployer] : options_.deployers)
            deployer->note_drained(name, instance);
        step(name);
    }
}

void Reconciler::take_events() {
    std::set<std::string> names;
    for (const auto& [source, deployer] : options_.deployers)
        for (std::string& name : deployer->take_events())
            names.insert(std::move(name));
    // Also those that nobody has asked for: something may be left of one that was removed.
    for (const std::string& name : names)
        step(name);
}

// Only what is due on entry: those that want to be called again at once take turns with the rest.
void Reconciler::take_due() {
    const Nanos now = monotonic_now();
    std::vector<std::string> names;
    while (!due_.empty() && due_.begin()->first <= now) {
        auto [name, generation] = std::move(due_.begin()->second);
        due_.erase(due_.begin());
        const auto known = known_.find(name);
        if (known != known_.end() && known->second.generation == generation)
            names.push_back(std::move(name));
    }
    for (const std::string& name : names)
        if (known_.contains(name)) step(name);
}

bool Reconciler::reload(const std::string& name, Known& known) {
    if (!known.stale) return false;
    Result<model::Adapter> row = options_.store->get(name);
    if (!row && row.error().code != Code::not_found) {
        log_error("cannot read an adapter", {{"adapter", name}, {"why", row.error().detail}});
        return false;
    }
    note_store_reads();
    known.stale = false;
    if (row)
        known.desired = std::move(*row);
    else
        known.desired.reset();
    return true;
}

deploy::Step Reconciler::step_deployers(const std::string& name, const Known& known) const {
    deploy::Step result;
    for (const auto& [source, deployer] : options_.deployers) {
        const bool runs_it = known.desired && known.desired->source() == source;
        const deploy::Step one = runs_it ? deployer->apply(*known.desired) : deployer->remove(name);
        result.again_at = std::min(result.again_at, one.again_at);
        result.settled = result.settled && one.settled;
        result.done = result.done && one.done;
    }
    return result;
}

std::vector<InstanceStatus> Reconciler::observe(const std::string& name, const Known& known) const {
    if (!known.desired) return {};
    const auto deployer = options_.deployers.find(known.desired->source());
    if (deployer == options_.deployers.end()) return {};
    std::vector<InstanceStatus> instances = deployer->second->observe(name);
    if (!options_.obstacle) return instances;
    const std::string obstacle = options_.obstacle(*known.desired);
    if (obstacle.empty()) return instances;
    for (InstanceStatus& instance : instances) {
        if (!instance.alive || instance.draining) continue;
        instance.ready = false;
        instance.in_trouble = true;
        instance.reason = obstacle;
    }
    return instances;
}

bool Reconciler::end_drains_of_tool(const model::Adapter& tool) const {
    const auto deployer = options_.deployers.find(tool.source());
    if (deployer == options_.deployers.end()) return false;
    const InstanceList before = options_.observations->of(tool.name);
    bool is_draining = false;
    for (const InstanceStatus& status : *before) {
        if (!status.draining) continue;
        is_draining = true;
        deployer->second->note_drained(
            tool.name, contract::instance_identity(tool.name, status.name, status.uid));
    }
    return is_draining && deployer->second->observe(tool.name) != *before;
}

void Reconciler::step(const std::string& name) {
    const bool was_known = known_.contains(name);
    Known& known = known_[name];
    const bool row_changed = reload(name, known);
    deploy::Step taken;
    // Without any row read so far we know neither that it is wanted nor that it is not.
    const bool undecided = known.stale && !known.desired;
    if (!undecided) {
        taken = step_deployers(name, known);
        const bool news = options_.observations->set(name, observe(name, known));
        // What was left over by one that is gone already is no news.
        if ((news || row_changed) && (was_known || known.desired) && options_.on_change)
            options_.on_change(name, known.desired ? &*known.desired : nullptr,
                               *options_.observations->of(name));
        known.settled = taken.settled;
        if (known.desired && !known.stale)
            options_.observations->note_row_version(name, known.desired->version);
        if (known.desired && known.desired->kind() == model::Kind::tool &&
            end_drains_of_tool(*known.desired))
            taken.again_at = monotonic_now();
        judge(name, known, taken);
    }
    if (known.stale) taken.again_at = std::min(taken.again_at, store_retry_at());
    schedule(name, taken.again_at);
    if (!known.stale && !known.desired && taken.done) {
        options_.observations->erase(name);
        known_.erase(name);
    }
}

void Reconciler::judge(const std::string& name, const Known& known,
                       const deploy::Step& taken) const {
    if (!known.desired) return;
    deploy::Trouble trouble;
    const auto deployer = options_.deployers.find(known.desired->source());
    if (deployer == options_.deployers.end())
        trouble = {"NoDeployer", "nothing here can run it"};
    else
        trouble = deployer->second->trouble(name);
    if (known.stale)
        trouble = {"StoreUnreadable", "the newest definition cannot be read; it is tried again"};
    const InstanceList instances = options_.observations->of(name);
    const ConditionList before = options_.observations->conditions_of(name);
    const Situation situation{*known.desired, *instances, taken.done, std::move(trouble)};
    std::vector<Condition> now = conditions_of(situation, *before, unix_millis_now());
    if (now != *before) options_.observations->set_conditions(name, std::move(now));
}

// One time for all who wait for it: the more they are, the more it would be asked otherwise.
Nanos Reconciler::store_retry_at() {
    const Nanos now = monotonic_now();
    if (now >= store_retry_at_) store_retry_at_ = now + store_backoff_.next(random_());
    return store_retry_at_;
}

void Reconciler::note_store_reads() {
    store_backoff_.reset();
    store_retry_at_ = 0;
}

void Reconciler::settle() {
    if (settled_) return;
    const bool all =
        std::ranges::all_of(known_, [](const auto& entry) { return entry.second.settled; });
    if (!all && monotonic_now() < settle_at_) return;
    settled_ = true;
    if (options_.on_settled) options_.on_settled();
}

}  // namespace mcpgw::reconcile
