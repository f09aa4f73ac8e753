// Which instances there should be, and in which order they are replaced.
#include "controlplane/deploy/process_deployer.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>

#include <sys/epoll.h>

#include "common/bytes.h"
#include "common/check.h"
#include "common/contract/snapshot.h"
#include "common/log.h"
#include "controlplane/deploy/log_reader.h"

namespace mcpgw::deploy {
namespace {

using State = ProcessInstance::State;

// Starting a process costs about a millisecond; a step starts no more than this many, so that a
// thousand replicas of one adapter do not keep the others waiting.
constexpr int kStartsPerStep = 8;

std::uint64_t hash_text(std::uint64_t seed, std::string_view text) {
    // The length first: ["ab", "c"] is not ["a", "bc"].
    return fnv1a(text, fnv1a(std::to_string(text.size()) + ":", seed));
}

// The gateway ends its sessions first, and tells the bridge. This is for those it has lost sight
// of.
std::uint32_t bridge_idle_seconds(const model::Adapter& adapter) {
    const std::uint32_t seconds = adapter.timeouts.session_idle_seconds;
    return seconds == 0 ? 0
                        : std::min(seconds + limits::bridge_idle_slack_seconds,
                                   limits::session_idle_seconds_max);
}

}  // namespace

ServerSpec spec_of(const model::Adapter& adapter, const std::string& bin_dir) {
    check(!adapter.command.empty(), "the adapter has a command");
    ServerSpec spec;
    std::uint64_t hash = hash_text(fnv1a(""), std::to_string(adapter.command.size()));
    for (const std::string& argument : adapter.command)
        hash = hash_text(hash, argument);
    for (const auto& [name, value] : adapter.environment_variables)
        hash = hash_text(hash_text(hash, name), value);
    hash = hash_text(hash, std::to_string(static_cast<int>(adapter.transport)));
    hash = hash_text(hash, adapter.path);
    spec.hash = to_hex(hash);
    spec.environment = adapter.environment_variables;
    spec.command = adapter.command;
    spec.path = adapter.path;
    if (adapter.transport == model::Transport::stdio) {
        spec.program = adapter.command.front();
        spec.path = "/mcp";
        const std::string idle = std::to_string(bridge_idle_seconds(adapter));
        spec.hash = to_hex(hash_text(hash, idle));
        spec.command = {bin_dir + "/mcp-gateway", "bridge", "--listen", "127.0.0.1:{port}",
                        "--session-idle-seconds", idle,     "--"};
        spec.command.insert(spec.command.end(), adapter.command.begin(), adapter.command.end());
    }
    return spec;
}

Result<std::unique_ptr<ProcessDeployer>> ProcessDeployer::open(ProcessOptions options) {
    Result<ProcessSite> site = ProcessSite::open(std::move(options));
    if (!site) return std::unexpected(site.error());
    const std::string root = site->options().data_dir + "/instances";
    std::error_code error;
    std::filesystem::create_directories(root, error);
    // Logs and states are nobody else's business.
    if (!error) std::filesystem::permissions(root, std::filesystem::perms::owner_all, error);
    if (error) return failure(Code::io, "cannot use " + root + ": " + error.message());
    std::unique_ptr<ProcessDeployer> deployer(new ProcessDeployer(std::move(*site)));
    deployer->adopt_all();
    return deployer;
}

void ProcessDeployer::adopt_all() {
    namespace fs = std::filesystem;
    std::error_code error;
    for (const auto& adapter :
         fs::directory_iterator(site_.options().data_dir + "/instances", error)) {
        Group& group = groups_[adapter.path().filename().string()];
        std::error_code inner;
        for (const auto& entry : fs::directory_iterator(adapter.path(), inner)) {
            const std::string name = entry.path().filename().string();
            std::uint32_t ordinal = 0;
            const auto [end, bad] =
                std::from_chars(name.data(), name.data() + name.size(), ordinal);
            if (bad != std::errc() || end != name.data() + name.size()) continue;
            instance(adapter.path().filename().string(), group, ordinal).adopt(monotonic_now());
        }
    }
}

std::vector<std::string> ProcessDeployer::adapters() const {
    std::vector<std::string> names;
    for (const auto& [name, group] : groups_)
        names.push_back(name);
    return names;
}

std::vector<InstanceStatus> ProcessDeployer::observe(std::string_view adapter) const {
    std::vector<InstanceStatus> result;
    const auto group = groups_.find(adapter);
    if (group == groups_.end()) return result;
    for (const auto& [ordinal, one] : group->second.by_ordinal) {
        InstanceStatus status = one->status();
        status.updated = status.alive && one->spec_hash() == group->second.spec_hash;
        result.push_back(std::move(status));
    }
    return result;
}

ProcessInstance& ProcessDeployer::instance(const std::string& adapter, Group& group,
                                           std::uint32_t ordinal) {
    Instance& place = group.by_ordinal[ordinal];
    if (place == nullptr) {
        place = std::make_unique<ProcessInstance>(site_, adapter, ordinal);
        by_serial_[place->serial()] = place.get();
    }
    return *place;
}

bool ProcessDeployer::take_away(Group& group, std::uint32_t ordinal, Pace pace, Nanos now) {
    const auto place = group.by_ordinal.find(ordinal);
    check(place != group.by_ordinal.end(), "the instance exists");
    ProcessInstance& one = *place->second;
    one.tick(now);
    if (one.state() != State::idle) {
        if (pace == Pace::drained)
            one.drain(now);
        else
            one.stop(now);
        return false;
    }
    one.delete_files();
    by_serial_.erase(one.serial());
    group.by_ordinal.erase(place);
    return true;
}

Nanos ProcessDeployer::due_at(const Group& group) {
    Nanos due = kNever;
    for (const auto& [ordinal, one] : group.by_ordinal)
        due = std::min(due, one->due_at());
    return due;
}

Step ProcessDeployer::apply(const model::Adapter& desired) {
    const Nanos now = monotonic_now();
    Group& group = groups_[desired.name];
    for (std::uint32_t ordinal = 0; ordinal < desired.replica_count; ++ordinal)
        instance(desired.name, group, ordinal);
    std::vector<std::uint32_t> surplus;
    for (const auto& [ordinal, one] : group.by_ordinal)
        if (ordinal >= desired.replica_count) surplus.push_back(ordinal);
    Step step;
    for (auto ordinal = surplus.rbegin(); ordinal != surplus.rend(); ++ordinal)
        if (!take_away(group, *ordinal, Pace::drained, now)) step.done = false;
    step_wanted(group, desired, now);
    step.again_at = due_at(group);
    for (const auto& [ordinal, one] : group.by_ordinal) {
        if (one->state() == State::unknown) step.settled = false;
        if (one->state() != State::ready) step.done = false;
        if (ordinal < desired.replica_count && one->state() == State::idle)
            step.again_at = std::min(step.again_at, one->start_at());
    }
    return step;
}

// Ticks, starts and replaces the instances that are wanted.
void ProcessDeployer::step_wanted(Group& group, const model::Adapter& desired, Nanos now) {
    const ServerSpec spec = spec_of(desired, site_.options().bin_dir);
    group.spec_hash = spec.hash;
    int starts = 0;
    for (auto& [ordinal, one] : group.by_ordinal) {
        if (ordinal >= desired.replica_count) continue;
        one->tick(now);
        if (one->state() == State::draining && one->runs(spec)) one->resume(now);
        if (one->state() == State::idle) {
            if (!one->runs(spec)) one->stop(now);  // its back-off was earned by another definition
            if (now >= one->start_at() && starts < kStartsPerStep) {
                one->start(spec, now);
                ++starts;
            }
        }
    }
    replace_outdated(group, desired, spec, now);
}

void ProcessDeployer::replace_outdated(Group& group, const model::Adapter& desired,
                                       const ServerSpec& spec, Nanos now) {
    const auto is_leaving = [](const ProcessInstance& one) {
        return one.state() == State::draining || one.state() == State::stopping;
    };
    const auto is_wanted = [&](std::uint32_t ordinal) { return ordinal < desired.replica_count; };
    bool new_ones_answer = true;
    for (const auto& [ordinal, one] : group.by_ordinal)
        if (is_wanted(ordinal) && one->state() != State::ready &&
            (one->runs(spec) || is_leaving(*one)))
            new_ones_answer = false;
    for (auto& [ordinal, one] : group.by_ordinal) {
        if (!is_wanted(ordinal) || one->runs(spec)) continue;
        if (one->state() == State::starting || one->state() == State::silent) one->stop(now);
        if (one->state() == State::ready && new_ones_answer) {
            one->drain(now);
            new_ones_answer = false;
        }
    }
}

Step ProcessDeployer::remove(std::string_view adapter) {
    const auto place = groups_.find(adapter);
    if (place == groups_.end()) return {};
    const Nanos now = monotonic_now();
    Group& group = place->second;
    std::vector<std::uint32_t> ordinals;
    for (const auto& [ordinal, one] : group.by_ordinal)
        ordinals.push_back(ordinal);
    for (const std::uint32_t ordinal : ordinals)
        take_away(group, ordinal, Pace::at_once, now);
    Step step;
    step.again_at = due_at(group);
    step.done = group.by_ordinal.empty();
    if (step.done) {
        std::error_code error;
        std::filesystem::remove_all(site_.options().data_dir + "/instances/" + place->first, error);
        groups_.erase(place);
    }
    return step;
}

void ProcessDeployer::probe_now(std::string_view adapter) {
    const auto place = groups_.find(adapter);
    if (place == groups_.end()) return;
    const Nanos now = monotonic_now();
    for (auto& [ordinal, one] : place->second.by_ordinal)
        one->probe_now(now);
}

void ProcessDeployer::note_drained(std::string_view adapter, std::uint64_t instance) {
    const auto place = groups_.find(adapter);
    if (place == groups_.end()) return;
    for (auto& [ordinal, one] : place->second.by_ordinal) {
        const InstanceStatus status = one->status();
        if (status.draining &&
            contract::instance_identity(adapter, status.name, status.uid) == instance)
            one->stop(monotonic_now());
    }
}

std::vector<std::string> ProcessDeployer::take_events() {
    std::array<epoll_event, 256> events{};
    const int count =
        epoll_wait(site_.epoll_fd(), events.data(), static_cast<int>(events.size()), 0);
    const Nanos now = monotonic_now();
    std::vector<std::string> names;
    for (int i = 0; i < count; ++i) {
        const std::uint64_t key = events[static_cast<std::size_t>(i)].data.u64;
        const auto found = by_serial_.find(key >> 1);
        if (found == by_serial_.end()) continue;
        found->second->take_event(static_cast<ProcessInstance::Event>(key & 1), now);
        names.push_back(found->second->adapter());
    }
    return names;
}

// Only the options and the files: the groups belong to the reconciler's thread.
Result<> ProcessDeployer::logs(const model::Adapter& adapter, const LogQuery& query,
                               const LogSink& sink) {
    const std::string directory = site_.instance_directory(adapter.name, query.instance);
    std::error_code error;
    if (query.instance >= adapter.replica_count && !std::filesystem::exists(directory, error))
        return failure(Code::not_found,
                       adapter.name + " has no instance " + std::to_string(query.instance));
    read_log(directory, query, sink);
    return {};
}

}  // namespace mcpgw::deploy
