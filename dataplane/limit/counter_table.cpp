// Loading, finding, sweeping.
#include "dataplane/limit/counter_table.h"

#include <algorithm>

#include "common/check.h"
#include "dataplane/limit/quota_window.h"

namespace mcpgw::limit {
namespace {

using Phase = SlotState::Phase;

SlotKey slot_key(const Subject& subject) {
    return {static_cast<std::uint64_t>(subject.scope) + 1, subject.key.first, subject.key.second};
}

bool is_of_user(LimitScope scope) {
    return scope == LimitScope::tenant_user || scope == LimitScope::adapter_user;
}

// What it says limits nobody at this time.
bool is_of_no_use(const CounterRecord& record, Now now) {
    return record.keep_until.load(std::memory_order_seq_cst) < now.unix_seconds &&
           record.rate.load(std::memory_order_seq_cst) <= now.monotonic;
}

void clear(CounterRecord& record) {
    record.scope.store(0, std::memory_order_release);
}

}  // namespace

CounterTable::CounterTable(const Options& options)
    : file_(options.directory, options.counters),
      directory_({.slots = options.counters, .seed = file_.hash_key()[0]}),
      of_users_max_(options.counters - options.reserved) {
    check(options.reserved < options.counters, "users have counters, too");
    load(options.now);
}

// Brings what is kept to the front. Whoever is killed within it leaves a record twice, and the next
// process takes the one that has counted more.
void CounterTable::load(Now now) {
    const std::uint32_t last = file_.high_water();
    for (std::uint32_t number = 1; number <= last; ++number) {
        CounterRecord& found = file_.at(number);
        const std::uint64_t scope = found.scope.load(std::memory_order_acquire);
        const bool is_kept = scope >= 1 &&
                             scope <= static_cast<std::uint64_t>(LimitScope::last) + 1 &&
                             !is_of_no_use(found, now);
        if (is_kept) put(found);
        if (!is_kept || number > directory_.high_water()) clear(found);
    }
    file_.lower_high_water(directory_.high_water());
}

void CounterTable::put(const CounterRecord& found) {
    const Subject subject{static_cast<LimitScope>(found.scope.load() - 1),
                          {found.first.load(), found.second.load()}};
    const Values values{found.window.load(), found.rate.load(), found.keep_until.load()};
    const SlotHandle known = find(subject);
    if (!known) return maybe(static_cast<bool>(add(subject, values)));
    // The later window is the larger word, and within a window the larger count.
    CounterRecord& record = at(known);
    record.window.store(std::max(record.window.load(), values.window));
    record.rate.store(std::max(record.rate.load(), values.rate));
    record.keep_until.store(std::max(record.keep_until.load(), values.keep_until));
}

SlotHandle CounterTable::find(const Subject& subject) const {
    return directory_.find(slot_key(subject));
}

SlotHandle CounterTable::counter_of(const Subject& subject, Now now) {
    if (const SlotHandle known = find(subject)) return known;
    return add(subject, {.keep_until = now.unix_seconds + limits::use_counter_rest_seconds});
}

SlotHandle CounterTable::add(const Subject& subject, const Values& values) {
    const bool of_user = is_of_user(subject.scope);
    if (of_user && of_users_.fetch_add(1, std::memory_order_relaxed) >= of_users_max_) {
        of_users_.fetch_sub(1, std::memory_order_relaxed);
        return {};
    }
    SlotDirectory::Added added;
    const std::uint32_t slot = directory_.reserve();
    if (slot != 0) {
        fill(slot, subject, values);
        added = directory_.add(slot, slot_key(subject), 0);
        if (added.outcome == SlotDirectory::Outcome::made) return added.handle;
        clear(file_.at(slot));
        directory_.abandon(slot);
    }
    if (of_user) of_users_.fetch_sub(1, std::memory_order_relaxed);
    return added.handle;
}

// The scope last: a record that is there is whole.
void CounterTable::fill(std::uint32_t slot, const Subject& subject, const Values& values) const {
    CounterRecord& record = file_.at(slot);
    record.window.store(values.window, std::memory_order_relaxed);
    record.rate.store(values.rate, std::memory_order_relaxed);
    record.keep_until.store(values.keep_until, std::memory_order_relaxed);
    record.first.store(subject.key.first, std::memory_order_relaxed);
    record.second.store(subject.key.second, std::memory_order_relaxed);
    file_.raise_high_water(slot);
    record.scope.store(static_cast<std::uint64_t>(subject.scope) + 1, std::memory_order_release);
}

// In steps, so that the word is not written with every request.
void CounterTable::keep_until(SlotHandle counter, std::uint64_t unix_seconds) const {
    CounterRecord& record = at(counter);
    if (record.keep_until.load(std::memory_order_relaxed) >= unix_seconds) return;
    record.keep_until.store(unix_seconds + limits::use_counter_rest_seconds,
                            std::memory_order_seq_cst);
}

bool CounterTable::confirm(SlotHandle counter) const {
    SlotState state(directory_.at(counter.slot).state.load(std::memory_order_seq_cst));
    while (state.is(Phase::live, counter.generation)) {
        if (!state.is_watched()) return true;
        if (directory_.change(counter.slot, state, state.unwatched())) return true;
    }
    return false;
}

void CounterTable::sweep(Now now, std::uint32_t counters) {
    const std::uint32_t last = directory_.high_water();
    for (; counters > 0 && last > 0; --counters) {
        swept_ = swept_ < last ? swept_ + 1 : 1;
        sweep_one(swept_, now);
    }
}

void CounterTable::sweep_one(std::uint32_t slot, Now now) {
    SlotState state(directory_.at(slot).state.load(std::memory_order_seq_cst));
    CounterRecord& record = file_.at(slot);
    if (state.phase() != Phase::live || !is_of_no_use(record, now)) return;
    if (!directory_.change(slot, state, state.watched())) return;
    state = state.watched();
    if (!is_of_no_use(record, now)) return;  // whoever was here takes the mark away
    const bool of_user = is_of_user(static_cast<LimitScope>(record.scope.load() - 1));
    if (!directory_.change(slot, state, state.unwatched().in(Phase::left))) return;
    clear(record);
    directory_.remove(slot);
    directory_.free(slot);
    if (of_user) of_users_.fetch_sub(1, std::memory_order_relaxed);
}

}  // namespace mcpgw::limit
