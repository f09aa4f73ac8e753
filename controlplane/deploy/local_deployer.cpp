// Which instances there should be, and in which order they are replaced.
#include "controlplane/deploy/local_deployer.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <ranges>

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

// Of the instances that one ordinal has, those from the newest to the oldest generation.
template <class Instances>
auto of_ordinal(Instances& all, std::uint32_t ordinal) {
    return std::ranges::subrange(all.lower_bound(Place{ordinal, ~0U}),
                                 all.upper_bound(Place{ordinal, 0}));
}

// How good an instance is as the one that is wanted; 0: it cannot be it.
int rank_of(const LocalInstance& one, const ServerSpec& spec) {
    const bool runs_it = one.runs(spec);
    switch (one.state()) {
        case State::unknown:
        case State::stopping:
            return 0;
        case State::idle:
            return runs_it ? 2 : 1;
        case State::starting:
        case State::silent:
            return runs_it ? 3 : 0;
        case State::draining:
            return runs_it ? 4 : 0;
        case State::ready:
            return runs_it ? 5 : 0;
    }
    return 0;
}

// No replacement is under way, and nothing is missing.
template <class Instances>
bool all_are_settled(const Instances& all, std::uint32_t ordinals) {
    for (std::uint32_t ordinal = 0; ordinal < ordinals; ++ordinal) {
        const auto own = of_ordinal(all, ordinal);
        if (std::ranges::distance(own) != 1) return false;
        const State state = own.begin()->second->state();
        if (state != State::ready && state != State::draining) return false;
    }
    return true;
}

}  // namespace

ServerSpec LocalDeployer::spec(const model::Adapter& adapter) const {
    return spec_of(adapter, site_.options().bin_dir);
}

void LocalDeployer::adopt_instance(const std::string& adapter, Place place) {
    instance(adapter, groups_[adapter], place).adopt(monotonic_now());
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
            const auto place = place_of(entry.path().filename().string());
            if (place) adopt_instance(name, *place);
        }
    }
}

Result<> LocalDeployer::check_instance(const model::Adapter& adapter, std::uint32_t ordinal) const {
    if (ordinal < adapter.replica_count || !site_.newest_directory(adapter.name, ordinal).empty())
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
    for (const auto& [place, one] : group->second.instances) {
        InstanceStatus status = one->status();
        status.updated = status.alive && one->spec_hash() == group->second.spec_hash;
        result.push_back(std::move(status));
    }
    return result;
}

LocalInstance& LocalDeployer::instance(const std::string& adapter, Group& group, Place place) {
    std::unique_ptr<LocalInstance>& one = group.instances[place];
    if (one == nullptr) {
        one = make_instance(adapter, place);
        by_serial_[one->serial()] = one.get();
    }
    return *one;
}

// The newest generation of an ordinal goes last: what belongs to the name goes with it.
bool LocalDeployer::delete_remains(Group& group, Place place) {
    const auto found = group.instances.find(place);
    check(found != group.instances.end(), "the instance exists");
    const LocalInstance* heir = nullptr;
    for (const auto& [other, one] : of_ordinal(group.instances, place.ordinal))
        if (heir == nullptr && other != place) heir = one.get();
    LocalInstance& one = *found->second;
    if (!one.delete_remains(heir)) return false;
    by_serial_.erase(one.serial());
    group.instances.erase(found);
    return true;
}

bool LocalDeployer::take_away(Group& group, Place place, Pace pace, Nanos now) {
    LocalInstance& one = *group.instances.at(place);
    one.tick(now);
    if (one.state() != State::idle) {
        if (pace == Pace::drained)
            one.drain(now);
        else
            one.stop(now);
        return false;
    }
    const auto own = of_ordinal(group.instances, place.ordinal);
    if (std::ranges::distance(own) > 1 && own.begin()->first == place) return false;
    return delete_remains(group, place);
}

Step LocalDeployer::apply(const model::Adapter& desired) {
    Group& group = groups_[desired.name];
    Wish wish{.adapter = desired, .spec = spec(desired), .now = monotonic_now()};
    wish.rules = rules_of(desired, usual_rules(site_.options()));
    wish.starts_left = kStartsPerStep;
    group.spec_hash = wish.spec.hash;
    // What runs another definition is judged as it was: the path may be new, too.
    for (const auto& [place, one] : group.instances)
        if (one->runs(wish.spec)) one->judge_by(wish.rules, wish.now);
    Step step;
    std::vector<Place> places;
    for (const auto& [place, one] : group.instances)
        places.push_back(place);
    for (const Place place : std::views::reverse(places)) {
        if (place.ordinal < desired.replica_count)
            group.instances.at(place)->tick(wish.now);
        else if (!take_away(group, place, Pace::drained, wish.now))
            step.done = false;
    }
    wish.may_double = all_are_settled(group.instances, desired.replica_count);
    for (std::uint32_t ordinal = 0; ordinal < desired.replica_count; ++ordinal)
        step_ordinal(group, ordinal, wish);
    step.again_at = wish.again_at;
    for (const auto& [place, one] : group.instances) {
        step.again_at = std::min(step.again_at, one->due_at());
        if (one->state() == State::unknown) step.settled = false;
        if (one->state() != State::ready) step.done = false;
    }
    note_step();
    return step;
}

void LocalDeployer::step_ordinal(Group& group, std::uint32_t ordinal, Wish& wish) {
    for (const auto& [place, one] : of_ordinal(group.instances, ordinal))
        if (one->state() == State::unknown) return;
    LocalInstance* seat = find_seat(group, ordinal, wish);
    if (seat != nullptr) seat->judge_by(wish.rules, wish.now);
    if (seat != nullptr && seat->state() == State::draining) seat->resume(wish.now);
    if (seat != nullptr && seat->state() == State::idle) {
        if (!seat->runs(wish.spec))
            seat->stop(wish.now);  // its back-off was earned by another definition
        const bool is_due = wish.now >= seat->start_at() && seat->may_start();
        if (is_due && wish.starts_left > 0) {
            seat->start(wish.spec, wish.now);
            --wish.starts_left;
        }
        if (seat->state() == State::idle && seat->may_start())
            wish.again_at = std::min(wish.again_at, seat->start_at());
    }
    step_others(group, ordinal, seat, wish);
}

// The instance of the ordinal that is as it is wanted, or shall become so; null: there is no place
// for it yet.
LocalInstance* LocalDeployer::find_seat(Group& group, std::uint32_t ordinal, Wish& wish) {
    LocalInstance* best = nullptr;
    const auto own = of_ordinal(group.instances, ordinal);
    for (const auto& [place, one] : own) {
        // What begins is the newest generation: those who list instances or read logs count on it.
        if (one->state() == State::idle && place != own.begin()->first) continue;
        const int rank = rank_of(*one, wish.spec);
        if (rank > 0 && (best == nullptr || rank > rank_of(*best, wish.spec))) best = one.get();
    }
    if (best != nullptr) return best;
    if (own.empty()) return &instance(wish.adapter.name, group, {ordinal, 0});
    const LocalInstance& newest = *own.begin()->second;
    const bool is_in_use = newest.state() == State::ready || newest.state() == State::draining;
    if (!wish.may_double || !is_in_use) return nullptr;
    wish.may_double = false;
    return &instance(wish.adapter.name, group, {ordinal, newest.place().generation + 1});
}

void LocalDeployer::step_others(Group& group, std::uint32_t ordinal, LocalInstance* seat,
                                Wish& wish) {
    std::vector<Place> others;
    for (const auto& [place, one] : of_ordinal(group.instances, ordinal))
        if (one.get() != seat) others.push_back(place);
    for (const Place place : std::views::reverse(others)) {
        LocalInstance& one = *group.instances.at(place);
        switch (one.state()) {
            case State::idle:
                // The next replacement may begin, which nobody else would say.
                if (delete_remains(group, place)) wish.again_at = wish.now;
                break;
            case State::starting:
            case State::silent:
                one.stop(wish.now);
                break;
            case State::ready:
                if (seat != nullptr && seat->state() == State::ready) one.drain(wish.now);
                break;
            case State::unknown:
            case State::draining:
            case State::stopping:
                break;
        }
    }
}

Step LocalDeployer::remove(std::string_view adapter) {
    const auto found = groups_.find(adapter);
    if (found == groups_.end()) return {};
    const Nanos now = monotonic_now();
    Group& group = found->second;
    std::vector<Place> places;
    for (const auto& [place, one] : group.instances)
        places.push_back(place);
    for (const Place place : std::views::reverse(places))
        take_away(group, place, Pace::at_once, now);
    Step step;
    for (const auto& [place, one] : group.instances)
        step.again_at = std::min(step.again_at, one->due_at());
    step.done = group.instances.empty();
    if (step.done) {
        std::error_code error;
        std::filesystem::remove_all(site_.adapter_directory(adapter), error);
        groups_.erase(found);
    }
    note_step();
    return step;
}

void LocalDeployer::probe_now(std::string_view adapter) {
    const auto place = groups_.find(adapter);
    if (place == groups_.end()) return;
    const Nanos now = monotonic_now();
    for (auto& [where, one] : place->second.instances)
        one->probe_now(now);
}

void LocalDeployer::note_drained(std::string_view adapter, std::uint64_t instance) {
    const auto place = groups_.find(adapter);
    if (place == groups_.end()) return;
    for (auto& [where, one] : place->second.instances) {
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
