// Resolve, probe, remember.
#include "controlplane/deploy/url_deployer.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

#include <sys/epoll.h>

#include "common/check.h"

namespace mcpgw::deploy {
namespace {

bool watch(int epoll_fd, int fd, std::uint32_t events, std::uint64_t key) {
    epoll_event event{};
    event.events = events;
    event.data.u64 = key;
    return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

}  // namespace

Result<std::unique_ptr<UrlDeployer>> UrlDeployer::open(UrlOptions options) {
    Result<Resolver> resolver = Resolver::open();
    if (!resolver) return std::unexpected(resolver.error());
    Descriptor epoll(epoll_create1(EPOLL_CLOEXEC));
    if (!epoll || !watch(epoll.get(), resolver->fd(), EPOLLIN, 0))
        return std::unexpected(error_from_errno(errno, "epoll"));
    return std::unique_ptr<UrlDeployer>(
        new UrlDeployer(options, std::move(epoll), std::move(*resolver)));
}

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
    by_serial_[target.serial] = desired.name;
    enter(target, State::unknown, "starting");
}

Step UrlDeployer::apply(const model::Adapter& desired) {
    check(desired.source() == model::Source::url, "the adapter has a URL");
    const Nanos now = monotonic_now();
    Target& target = targets_[desired.name];
    set_up(target, desired);
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
    // Traffic has seen one failure already: one more, seen by us, is enough.
    found->second.failed_rounds = options_.unhealthy_after - 1;
    if (!found->second.probe.under_way()) begin_probe(found->second, monotonic_now());
}

void UrlDeployer::tick(Target& target, Nanos now) {
    if (now >= target.resolve_at) {
        const std::string& host = target.endpoint.host;
        if (is_numeric_address(host)) {
            target.resolve_at = kNever;
            take_resolution(target, {host, {host}, ""}, now);
        } else {
            target.resolve_at = now + options_.resolve_interval_ms * kMillisecond;
            resolver_.ask(host);
        }
    }
    if (target.probe.under_way()) {
        if (const auto outcome = target.probe.finish(now)) finish_probe(target, *outcome, now);
    } else if (now >= target.probe_at) {
        begin_probe(target, now);
    }
}

void UrlDeployer::take_resolution(Target& target, const Resolution& resolution, Nanos now) {
    if (resolution.addresses.empty()) {
        // Without any address there is nothing to probe; ask again as often as we would probe.
        if (!target.addresses.empty()) return;
        target.resolve_at = now + options_.probe_interval_ms * kMillisecond;
        enter(target, State::unreachable,
              "not reachable: cannot resolve " + resolution.host + ": " + resolution.error);
        return;
    }
    const bool known =
        std::ranges::find(resolution.addresses, target.address) != resolution.addresses.end();
    target.addresses = resolution.addresses;
    if (known) return;
    // It moved, or is seen for the first time.
    target.probe.cancel();
    target.address = target.addresses.front();
    target.trying = 0;
    target.failed_rounds = 0;
    begin_probe(target, now);
}

void UrlDeployer::begin_probe(Target& target, Nanos now) {
    target.probe_at = kNever;
    if (target.trying >= target.addresses.size()) target.trying = 0;
    const Nanos deadline = now + options_.probe_timeout_ms * kMillisecond;
    const auto outcome =
        target.probe.start(target.addresses[target.trying], target.endpoint.port, deadline);
    if (outcome) {
        finish_probe(target, *outcome, now);
        return;
    }
    if (!watch(epoll_.get(), target.probe.fd(), EPOLLOUT, target.serial)) {
        target.probe.cancel();
        finish_probe(target, {false, EMFILE}, now);
    }
}

void UrlDeployer::finish_probe(Target& target, ProbeOutcome outcome, Nanos now) {
    target.probe_at = now + options_.probe_interval_ms * kMillisecond;
    if (outcome.connected) {
        target.failed_rounds = 0;
        target.address = target.addresses[target.trying];
        enter(target, State::ready, "ready");
        return;
    }
    if (++target.trying < target.addresses.size()) {
        target.probe_at = now;  // the next address of the same round
        return;
    }
    target.trying = 0;
    ++target.failed_rounds;
    if (target.state == State::ready && target.failed_rounds < options_.unhealthy_after) return;
    enter(target, State::unreachable,
          std::string("not reachable: ") + std::strerror(outcome.error));
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
                    if (target.endpoint.host == resolution.host) {
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
