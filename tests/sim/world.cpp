// The clock, the calendar of events, and the way a broken invariant is told.
#include "tests/sim/world.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "common/check.h"

namespace mcpgw::sim {
namespace {

// Far from zero, so that a deadline of zero and a difference that underflows are noticed.
constexpr Nanos kStart = 1000 * kSecond;
constexpr std::uint64_t kStartUnixSeconds = 1'800'000'000;

World* the_world = nullptr;
OnFailure the_handler = nullptr;

}  // namespace

World::World(std::uint64_t seed) : now_(kStart), dice_(seed) {
    check(the_world == nullptr, "one world at a time");
    the_world = this;
}

World::~World() {
    the_world = nullptr;
}

World& World::current() {
    check(the_world != nullptr, "a run takes place in a world");
    return *the_world;
}

bool World::random_bytes(std::span<std::byte> out) {
    for (std::byte& byte : out)
        byte = static_cast<std::byte>(current().dice_.next());
    return true;
}

void World::on_failure(OnFailure handler) {
    the_handler = handler;
}

void World::fail(const std::string& invariant) {
    if (the_handler != nullptr) the_handler(invariant);
    std::fprintf(stderr, "broken: %s\n", invariant.c_str());
    std::abort();
}

std::uint64_t World::unix_seconds() const {
    const auto seconds = static_cast<std::int64_t>(kStartUnixSeconds + now_ / kSecond);
    return static_cast<std::uint64_t>(seconds + wall_offset_seconds_);
}

void World::at(Nanos when, std::function<void()> what) {
    events_.push({std::max(when, now_), planned_++, std::move(what)});
}

void World::expect(Nanos by, std::function<bool()> done, std::string otherwise) {
    const Nanos frozen = frozen_;
    at(by, [this, frozen, done = std::move(done), otherwise = std::move(otherwise)] {
        if (done()) return;
        if (frozen_ > frozen) return expect(now_ + (frozen_ - frozen), done, otherwise);
        fail(otherwise);
    });
}

Nanos World::next_event() const {
    return events_.empty() ? kNever : events_.top().when;
}

void World::run_next() {
    check(!events_.empty(), "something is planned");
    pass_until(events_.top().when);
    while (!events_.empty() && events_.top().when <= now_) {
        const std::function<void()> what = std::move(const_cast<Event&>(events_.top()).what);
        events_.pop();
        what();
    }
}

void World::pass_until(Nanos when) {
    now_ = std::max(now_, when);
}

void World::freeze(Nanos duration) {
    note({"world", 0}, "the machine stands still for %lld ms",
         static_cast<std::int64_t>(duration / kMillisecond));
    now_ += duration;
    frozen_ += duration;
}

void World::set_wall_clock(std::int64_t offset_seconds) {
    note({"world", 0}, "the wall clock is moved by %lld s", offset_seconds);
    wall_offset_seconds_ = offset_seconds;
}

}  // namespace mcpgw::sim
