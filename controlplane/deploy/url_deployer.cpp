// Resolve, probe, remember.
#include "controlplane/deploy/url_deployer.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>

#include <sys/epoll.h>

#include "common/check.h"
#include "controlplane/model/url.h"

namespace mcpgw::deploy {
namespace {

constexpr const char* kNoTls =
    "TLS towards servers is not there yet: this gateway reaches servers by plain http:// only";

bool watch(int epoll_fd, int fd, std::uint32_t events, std::uint64_t key) {
    epoll_event event{};
    event.events = events;
    event.data.u64 = key;
    return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

}  // namespace

Result<std::unique_ptr<UrlDeployer>> UrlDeployer::open(UrlOptions options) {
    Result<Resolver> resolver = Resolver::open(options.dns_servers);
    if (!resolver) return std::unexpected(resolver.error());
    Descriptor epoll(epoll_create1(EPOLL_CLOEXEC));
    if (!epoll || !watch(epoll.get(), resolver->fd(), EPOLLIN, 0))
        return std::unexpected(error_from_errno(errno, "epoll"));
    return std::unique_ptr<UrlDeployer>(
        new UrlDeployer(std::move(options), std::move(epoll), std::move(*resolver)));
}

UrlDeployer::UrlDeployer(UrlOptions options, Descriptor epoll, Resolver resolver)
    : options_(std::move(options)),
      epoll_(std::move(epoll)),
      resolver_(std::move(resolver)),
      random_(std::random_device{}()) {}

std::vector<std::string> UrlDeployer::adapters() const {
    std::vector<std::string> names;
    for (const auto& [name, target] : targets_)
        names.push_back(name);
    return names;
}

std::vector<InstanceStatus> UrlDeployer::observe(std::string_view adapter) const {
    const auto found = targets_.find(adapter);
    if (found == targets_.end()) return {};
    const Target& target = found->second;
    InstanceStatus status;
    status.name = target.name + "-0";
    status.uid = target.url;
    status.ready = target.state == State::ready;
    status.in_trouble = target.state == State::unreachable || target.state == State::impossible;
    // Its sessions are somewhere as long as nobody says that the server is another one.
    status.alive = !target.address.empty();
    if (status.alive) {
        status.host = target.address;
        status.port = target.endpoint.port;
        status.address = address_text(target.address, target.endpoint.port);
    }
    status.authority = target.endpoint.authority;
    status.path = target.endpoint.path;
    status.reason = target.reason;
    status.since_unix_ms = target.since_unix_ms;
    return {std::move(status)};
}

void UrlDeployer::enter(Target& target, State state, std::string reason) const {
    if (state != target.state || target.since_unix_ms == 0)
        target.since_unix_ms = unix_millis_now();
    target.state = state;
    target.reason = std::move(reason);
}

void UrlDeployer::set_up(Target& target, const model::Adapter& desired) {
    const model::Endpoint endpoint = model::endpoint_of_url(desired);
    if (target.url == desired.url) {
        // The same server, so the same sessions; its path may come from another field.
        target.endpoint = endpoint;
        return;
    }
    by_serial_.erase(target.serial);
    target = Target{};
    target.name = desired.name;
    target.url = desired.url;
    target.endpoint = endpoint;
    target.serial = ++last_serial_;
    target.resolve_retry.emplace(options_.resolve_retry_first_ms, options_.resolve_retry_last_ms);
    by_serial_[target.serial] = desired.name;
    const auto url = model::parse_server_url(desired.url);
    if (url && url->is_https) {
        target.resolve_at = kNever;
        enter(target, State::impossible, kNoTls);
    } else {
        enter(target, State::unknown, "starting");
    }
}

void UrlDeployer::judge_by(Target& target, const ProbeRules& rules, Nanos now) {
    if (rules == target.rules) return;
    const bool asks_anew = rules.path != target.rules.path;
    target.rules = rules;
    target.count.forget();
    if (target.addresses.empty()) return;
    if (asks_anew) target.count.doubt();  // nothing is known by the new question
    target.probe.cancel();
    target.probe_at = now;
}

Step UrlDeployer::apply(const model::Adapter& desired) {
    check(desired.source() == model::Source::url, "the adapter has a URL");
    const Nanos now = monotonic_now();
    Target& target = targets_[desired.name];
    set_up(target, desired);
    judge_by(target,
             rules_of(desired, {.interval_ms = options_.probe_interval_ms,
                                .doubt_ms = options_.probe_interval_ms}),
             now);
    tick(target, now);
    Step step;
    step.again_at = std::min(target.probe_at, target.resolve_at);
    if (target.probe.under_way()) step.again_at = std::min(step.again_at, target.probe.deadline());
    step.settled = target.state != State::unknown;
    step.done = target.state == State::ready;
    return step;
}

Step UrlDeployer::remove(std::string_view adapter) {
    const auto found = targets_.find(adapter);
    if (found != targets_.end()) {
        by_serial_.erase(found->second.serial);
        targets_.erase(found);
    }
    return {};
}

void UrlDeployer::probe_now(std::string_view adapter) {
    const auto found = targets_.find(adapter);
    if (found == targets_.end() || found->second.state != State::ready) return;
    found->second.count.doubt();
    if (!found->second.probe.under_way()) begin_probe(found->second, monotonic_now());
}

void UrlDeployer::tick(Target& target, Nanos now) {
    if (now >= target.resolve_at) resolve(target, now);
    if (target.probe.under_way()) {
        if (const auto outcome = target.probe.finish(now)) finish_probe(target, *outcome, now);
    } else if (now >= target.probe_at) {
        begin_probe(target, now);
    }
}

void UrlDeployer::resolve(Target& target, Nanos now) {
    const std::string& host = target.endpoint.host;
    if (is_numeric_address(host)) {
        target.resolve_at = kNever;
        take_resolution(target, {host, {host}, std::nullopt, ""}, now);
    } else {
        // The answer says when to ask again; this is for one that never comes.
        target.resolve_at = now + options_.ttl_ms_max * kMillisecond;
        resolver_.ask(host);
    }
}

// The server may have moved, whatever was said about how long its addresses are good.
void UrlDeployer::resolve_early(Target& target, Nanos now) {
    if (is_numeric_address(target.endpoint.host)) return;
    target.resolve_at = std::min(target.resolve_at, now + target.resolve_retry->next(random_()));
}

void UrlDeployer::take_resolution(Target& target, const Resolution& resolution, Nanos now) {
    if (resolution.addresses.empty()) {
        target.resolve_at = kNever;
        resolve_early(target, now);
        if (target.addresses.empty())
            enter(target, State::unreachable,
                  "not reachable: cannot resolve " + resolution.host + ": " + resolution.error);
        return;
    }
    if (target.resolve_at != kNever) {
        const std::uint64_t told_ms = resolution.ttl_seconds
                                          ? std::uint64_t{*resolution.ttl_seconds} * 1'000
                                          : options_.resolve_interval_ms;
        const std::uint64_t wait_ms =
            std::clamp<std::uint64_t>(told_ms, options_.ttl_ms_min, options_.ttl_ms_max);
        target.resolve_at = now + wait_ms * kMillisecond;
    }
    const auto present = std::ranges::find(resolution.addresses, target.address);
    const bool is_known = present != resolution.addresses.end();
    if (resolution.addresses == target.addresses) return;
    target.trying = is_known ? static_cast<std::size_t>(present - resolution.addresses.begin()) : 0;
    target.tried = 0;
    target.addresses = resolution.addresses;
    if (is_known) return;
    // It moved, or is seen for the first time. What was in force stays so until another answers.
    if (target.address.empty()) target.address = target.addresses.front();
    target.probe.cancel();
    begin_probe(target, now);
}

void UrlDeployer::begin_probe(Target& target, Nanos now) {
    target.probe_at = kNever;
    target.probed = target.addresses.at(target.trying);
    const auto outcome = target.probe.start({.host = target.probed,
                                             .port = target.endpoint.port,
                                             .path = target.rules.path,
                                             .authority = target.endpoint.authority,
                                             .timeout_ms = target.rules.timeout_ms},
                                            now);
    if (outcome) {
        finish_probe(target, *outcome, now);
        return;
    }
    if (!watch(epoll_.get(), target.probe.fd(), Probe::kEvents, target.serial)) {
        target.probe.cancel();
        finish_probe(target, {false, false, "cannot be watched: too many open files"}, now);
    }
}

void UrlDeployer::finish_probe(Target& target, const ProbeOutcome& outcome, Nanos now) {
    if (outcome.is_good) {
        target.tried = 0;
        target.address = target.probed;
        believe(target, true, "", now);
        return;
    }
    target.trying = (target.trying + 1) % target.addresses.size();
    if (++target.tried < target.addresses.size()) {
        target.probe_at = now;  // the next address of the same round
        return;
    }
    target.tried = 0;
    believe(target, false, outcome.trouble, now);
}

// After a whole round, or as soon as one address has answered well.
void UrlDeployer::believe(Target& target, bool is_good, const std::string& trouble, Nanos now) {
    const bool was_ready = target.state == State::ready;
    const bool is_ready = target.count.after(is_good, was_ready, target.rules);
    const bool in_doubt = was_ready && target.count.is_counting();
    target.probe_at = now + (in_doubt ? target.rules.doubt_ms * kMillisecond
                                      : scattered(target.rules.interval_ms, random_()));
    if (is_good)
        target.resolve_retry->reset();
    else
        resolve_early(target, now);
    if (is_ready)
        enter(target, State::ready, "ready");
    else if (!is_good)
        enter(target, State::unreachable, trouble);
}

std::vector<std::string> UrlDeployer::take_events() {
    std::array<epoll_event, 256> events{};
    const int count = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), 0);
    const Nanos now = monotonic_now();
    std::vector<std::string> names;
    for (int i = 0; i < count; ++i) {
        const std::uint64_t key = events[static_cast<std::size_t>(i)].data.u64;
        if (key == 0) {
            for (const Resolution& resolution : resolver_.take_answers())
                for (auto& [name, target] : targets_)
                    if (target.endpoint.host == resolution.host &&
                        target.state != State::impossible) {
                        take_resolution(target, resolution, now);
                        names.push_back(name);
                    }
            continue;
        }
        const auto found = by_serial_.find(key);
        if (found == by_serial_.end()) continue;
        names.push_back(found->second);
        Target& target = targets_.find(found->second)->second;
        if (!target.probe.under_way()) continue;
        if (const auto outcome = target.probe.finish(now)) finish_probe(target, *outcome, now);
    }
    return names;
}

Result<> UrlDeployer::logs(const model::Adapter& adapter, const LogQuery& query,
                           const LogSink& sink) {
    if (query.instance != 0)
        return failure(Code::not_found,
                       adapter.name + " has no instance " + std::to_string(query.instance));
    sink("The server at " + adapter.url +
         " was not started by this gateway; its logs are there.\n");
    return {};
}

}  // namespace mcpgw::deploy
