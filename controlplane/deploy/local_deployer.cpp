// Which instances there should be, and in which order they are replaced.
#include "controlplane/deploy/local_deployer.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>

#include <sys/epoll.h>

#include "common/check.h"
#include "common/contract/snapshot.h"
#include "common/log.h"

namespace mcpgw::deploy {
namespace {

using State = LocalInstance::State;

// Starting a process costs about a millisecond; a step starts no more than this many, so that a
// thousand replicas of one adapter do not keep the others waiting.
constexpr int kStartsPerStep = 8;

}  // namespace

ServerSpec LocalDeployer::spec(const model::Adapter& adapter) const {
    return spec_of(adapter, site_.options().bin_dir);
}

void LocalDeployer::adopt_instance(const std::string& adapter, std::uint32_t ordinal) {
    instance(adapter, groups_[adapter], ordinal).adopt(monotonic_now());
}

void LocalDeployer::drop_instances() {
    by_serial_.clear();
    groups_.clear();
}

void LocalDeployer::adopt_directories() {
    namespace fs = std::filesystem;
    std::error_code error;
    for (const auto& adapter : fs::directory_iterator(site_.root(), error)) {
        const std::string name = adapter.path().filename().string();
        groups_[name];
        std::error_code inner;
        for (const auto& entry : fs::directory_iterator(adapter.path(), inner)) {
            const std::string number = entry.path().filename().string();
            std::uint32_t ordinal = 0;
            const auto [end, bad] =
                std::from_chars(number.data(), number.data() + number.size(), ordinal);
            if (bad == std::errc() && end == number.data() + number.size())
                adopt_instance(name, ordinal);
        }
    }
}

Result<> LocalDeployer::check_instance(const model::Adapter& adapter, std::uint32_t ordinal) const {
    std::error_code error;
    if (ordinal < adapter.replica_count ||
        std::filesystem::exists(site_.instance_directory(adapter.name, ordinal), error))
        return {};
    return failure(Code::not_found, adapter.name + " has no instance " + std::to_string(ordinal));
}

std::vector<std::string> LocalDeployer::adapters() const {
    std::vector<std::string> names;
    for (const auto& [name, group] : groups_)
        names.push_back(name);
    return names;
}

std::vector<InstanceStatus> LocalDeployer::observe(std::string_view adapter) const {
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

LocalInstance& LocalDeployer::instance(const std::string& adapter, Group& group,
                                       std::uint32_t ordinal) {
    Instance& place = group.by_ordinal[ordinal];
    if (place == nullptr) {
        place = make_instance(adapter, ordinal);
        by_serial_[place->serial()] = place.get();
    }
    return *place;
}

bool LocalDeployer::take_away(Group& group, std::uint32_t ordinal, Pace pace, Nanos now) {
    const auto place = group.by_ordinal.find(ordinal);
    check(place != group.by_ordinal.end(), "the instance exists");
    LocalInstance& one = *place->second;
    one.tick(now);
    if (one.state() != State::idle) {
        if (pace == Pace::drained)
            one.drain(now);
        else
            one.stop(now);
        return false;
    }
    if (!one.delete_remains()) return false;
    by_serial_.erase(one.serial());
    group.by_ordinal.erase(place);
    return true;
}

Nanos LocalDeployer::due_at(const Group& group) {
    Nanos due = kNever;
    for (const auto& [ordinal, one] : group.by_ordinal)
        due = std::min(due, one->due_at());
    return due;
}

Step LocalDeployer::apply(const model::Adapter& desired) {
    const Nanos now = monotonic_now();
    Group& group = groups_[desired.name];
    for (std::uint32_t ordinal = 0; ordinal < desired.replica_count; ++ordinal)
        instance(desired.name, group, ordinal);
    const ProbeRules rules = rules_of(desired, usual_rules(site_.options()));
    for (const auto& [ordinal, one] : group.by_ordinal)
        one->judge_by(rules, now);
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
        if (ordinal < desired.replica_count && one->state() == State::idle && one->may_start())
            step.again_at = std::min(step.again_at, one->start_at());
    }
    note_step();
    return step;
}

// Ticks, starts and replaces the instances that are wanted.
void LocalDeployer::step_wanted(Group& group, const model::Adapter& desired, Nanos now) {
    const ServerSpec wanted = spec(desired);
    group.spec_hash = wanted.hash;
    int starts = 0;
    for (auto& [ordinal, one] : group.by_ordinal) {
        if (ordinal >= desired.replica_count) continue;
        one->tick(now);
        if (one->state() == State::draining && one->runs(wanted)) one->resume(now);
        if (one->state() == State::idle) {
            if (!one->runs(wanted))
                one->stop(now);  // its back-off was earned by another definition
            if (now >= one->start_at() && one->may_start() && starts < kStartsPerStep) {
                one->start(wanted, now);
                ++starts;
            }
        }
    }
    replace_outdated(group, desired, wanted, now);
}

void LocalDeployer::replace_outdated(Group& group, const model::Adapter& desired,
                                     const ServerSpec& spec, Nanos now) {
    const auto is_leaving = [](const LocalInstance& one) {
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

Step LocalDeployer::remove(std::string_view adapter) {
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
        std::filesystem::remove_all(site_.root() + "/" + place->first, error);
        groups_.erase(place);
    }
    note_step();
    return step;
}

void LocalDeployer::probe_now(std::string_view adapter) {
    const auto place = groups_.find(adapter);
    if (place == groups_.end()) return;
    const Nanos now = monotonic_now();
    for (auto& [ordinal, one] : place->second.by_ordinal)
        one->probe_now(now);
}

void LocalDeployer::note_drained(std::string_view adapter, std::uint64_t instance) {
    const auto place = groups_.find(adapter);
    if (place == groups_.end()) return;
    for (auto& [ordinal, one] : place->second.by_ordinal) {
        const InstanceStatus status = one->status();
        if (status.draining &&
            contract::instance_identity(adapter, status.name, status.uid) == instance)
            one->stop(monotonic_now());
    }
}

std::vector<std::string> LocalDeployer::take_events() {
    std::array<epoll_event, 256> events{};
    const int count =
        epoll_wait(site_.epoll_fd(), events.data(), static_cast<int>(events.size()), 0);
    const Nanos now = monotonic_now();
    std::vector<std::string> names;
    for (int i = 0; i < count; ++i) {
        const std::uint64_t key = events[static_cast<std::size_t>(i)].data.u64;
        if (key >> 1 == 0) {
            take_own_event(names);
            continue;
        }
        const auto found = by_serial_.find(key >> 1);
        if (found == by_serial_.end()) continue;
        found->second->take_event(static_cast<LocalInstance::Event>(key & 1), now);
        names.push_back(found->second->adapter());
    }
    return names;
}

}  // namespace mcpgw::deploy
