// Fibers, paths and known nodes.
#include "tests/schedule/explorer.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <memory>
#include <unordered_set>

#include <gtest/gtest.h>
#include <ucontext.h>

#include "common/check.h"
#include "tests/schedule/arena.h"
#include "tests/schedule/scheduled_word.h"

namespace mcpgw::schedule {
namespace {

constexpr std::size_t kThreadsMax = 3;
// Callee-saved registers below the frame pointer of who has them saved.
constexpr std::size_t kRegistersSaved = 5;
constexpr std::size_t kStackWords = 16 * 1024;
// More than a thread uses, unless it has a failure to report.
constexpr std::size_t kWordsUsed = 1024;
// Many times what the longest scenario needs.
constexpr std::size_t kAccessesMax = 10'000;
constexpr std::size_t kAccessesTold = 500;

std::uint64_t mixed(std::uint64_t a, std::uint64_t b) {
    std::uint64_t hash = a * 0x9E3779B97F4A7C15ULL ^ b;
    hash ^= hash >> 32;
    hash *= 0xD6E8FEB86659FD93ULL;
    hash ^= hash >> 29;
    hash *= 0xBF58476D1CE4E5B9ULL;
    return hash ^ hash >> 32;
}

struct Fiber {
    ucontext_t context{};
    std::vector<std::uint64_t> stack = std::vector<std::uint64_t>(kStackWords);
    void* stopped_at = nullptr;  // before its next access: a place on its stack
    std::uint64_t local = 0;     // what is there and above; 0: to be looked at
    std::uint64_t reported = 0;  // what it has told
    bool done = false;
};

// One node of the path: which threads can go on there, and which of them does.
struct Fork {
    std::array<std::uint8_t, kThreadsMax> threads{};
    std::uint8_t count = 0;
    std::uint8_t taken = 0;
};

class Explorer {
  public:
    explicit Explorer(const Scenario& scenario) : scenario_(scenario) {
        check(scenario.threads.size() <= kThreadsMax, "few threads");
        for (std::size_t i = 0; i <= scenario.threads.size(); ++i)
            fibers_.push_back(std::make_unique<Fiber>());
    }

    Explored run();

    void before_access();
    void report(std::uint64_t value) {
        Fiber& fiber = *fibers_[present_];
        fiber.reported = mixed(fiber.reported + 1, value);
    }
    void wrote(const void* word, std::uint64_t before, std::uint64_t now) {
        memory_ ^= share_of(word, before) ^ share_of(word, now);
    }

    static Explorer* active;

  private:
    static constexpr std::size_t kOutside = 0;  // fibers_[0] is the test itself

    static std::uint64_t share_of(const void* word, std::uint64_t value) {
        return value == 0 ? 0 : mixed(reinterpret_cast<std::uintptr_t>(word), value);
    }
    static void enter();
    void run_once();
    void start_threads();
    [[nodiscard]] std::size_t next();
    [[nodiscard]] bool advance_path();
    [[nodiscard]] std::uint64_t node() const;
    [[nodiscard]] static std::uint64_t local_state(Fiber& fiber);
    void switch_to(std::size_t fiber);

    const Scenario& scenario_;
    std::vector<std::unique_ptr<Fiber>> fibers_;
    std::size_t present_ = kOutside;
    bool starting_ = false;
    bool draining_ = false;  // the rest of this run is known already
    std::uint64_t memory_ = 0;
    std::size_t depth_ = 0;
    std::size_t preemptions_ = 0;
    std::vector<Fork> path_;
    std::unordered_set<std::uint64_t> known_;
    std::string schedule_;
    Explored explored_;
};

Explorer* Explorer::active = nullptr;

__attribute__((noinline)) void Explorer::before_access() {
    if (present_ == kOutside) return;
    Fiber& fiber = *fibers_[present_];
    __builtin_unwind_init();  // what callers have in registers: onto the stack
    fiber.stopped_at = __builtin_frame_address(0);
    fiber.local = 0;
    switch_to(starting_ ? kOutside : next());
}

std::uint64_t Explorer::node() const {
    // With a limit, it matters how many changes are left.
    const bool limited = scenario_.preemptions_max != SIZE_MAX;
    std::uint64_t hash = mixed(memory_, limited ? preemptions_ : 0);
    for (std::size_t i = 1; i < fibers_.size(); ++i)
        hash = mixed(mixed(hash, fibers_[i]->reported), local_state(*fibers_[i]));
    return hash;
}

// What a fiber will do depends on its registers and its stack, from where it stopped to the top.
// What is dead there tells apart nodes that are the same, never the other way round.
std::uint64_t Explorer::local_state(Fiber& fiber) {
    if (fiber.done) return 0;
    if (fiber.local != 0) return fiber.local;
    const std::uint64_t* const end = fiber.stack.data() + fiber.stack.size();
    const auto* word = static_cast<const std::uint64_t*>(fiber.stopped_at);
    check(word > fiber.stack.data() + kRegistersSaved && word < end, "a fiber is on its stack");
    auto hash = static_cast<std::uint64_t>(end - word);
    for (word -= kRegistersSaved; word < end; ++word) {
        hash = (hash ^ *word) * 0x9E3779B97F4A7C15ULL;
        hash ^= hash >> 29;
    }
    return fiber.local = hash | 1;
}

// Which fiber goes on: the test itself when all threads are done.
std::size_t Explorer::next() {
    Fork fork;
    // The present one first: the fewer changes, the quicker.
    if (!fibers_[present_]->done && present_ != kOutside)
        fork.threads[fork.count++] = static_cast<std::uint8_t>(present_);
    const bool may_change = fork.count == 0 || preemptions_ < scenario_.preemptions_max;
    for (std::size_t i = 1; may_change && i < fibers_.size(); ++i)
        if (i != present_ && !fibers_[i]->done)
            fork.threads[fork.count++] = static_cast<std::uint8_t>(i);
    if (fork.count == 0) return kOutside;
    if (schedule_.size() >= kAccessesMax) explored_.broken = draining_ = true;
    if (schedule_.size() >= 2 * kAccessesMax) {
        // There is no way to end such a run; it can only be told.
        std::fprintf(stderr, "schedule %.*s\n", static_cast<int>(kAccessesTold), schedule_.data());
        check(false, "a thread that never ends, whatever the others do");
    }
    if (!draining_ && depth_ == path_.size()) {
        if (known_.insert(node()).second)
            path_.push_back(fork);
        else
            draining_ = true;
    }
    // One that waits would never come to an end alone.
    const std::size_t known = explored_.broken ? fork.threads[fork.count - 1U] : fork.threads[0];
    const std::size_t thread = draining_ ? known : path_[depth_].threads[path_[depth_].taken];
    if (!draining_) ++depth_;
    if (fork.threads[0] == present_ && thread != present_) ++preemptions_;
    schedule_ += static_cast<char>('0' + thread);
    return thread;
}

void Explorer::switch_to(std::size_t fiber) {
    if (fiber == present_) return;
    const std::size_t from = present_;
    present_ = fiber;
    swapcontext(&fibers_[from]->context, &fibers_[fiber]->context);
}

void Explorer::enter() {
    Explorer& self = *active;
    const std::size_t thread = self.present_;
    self.scenario_.threads[thread - 1]();
    self.fibers_[thread]->done = true;
    self.switch_to(self.starting_ ? kOutside : self.next());
}

bool Explorer::advance_path() {
    while (!path_.empty() && path_.back().taken + 1 == path_.back().count)
        path_.pop_back();
    if (path_.empty()) return false;
    ++path_.back().taken;
    return true;
}

// Each thread up to its first access: what it does before touches nothing that is shared.
void Explorer::start_threads() {
    starting_ = true;
    for (std::size_t i = 1; i < fibers_.size(); ++i) {
        Fiber& fiber = *fibers_[i];
        std::fill(fiber.stack.end() - kWordsUsed, fiber.stack.end(), 0);
        fiber.reported = 0;
        fiber.done = false;
        getcontext(&fiber.context);
        fiber.context.uc_stack.ss_sp = fiber.stack.data();
        fiber.context.uc_stack.ss_size = fiber.stack.size() * sizeof(std::uint64_t);
        fiber.context.uc_link = nullptr;
        makecontext(&fiber.context, &Explorer::enter, 0);
        switch_to(i);
    }
    starting_ = false;
}

void Explorer::run_once() {
    clear_arena();
    memory_ = 0;
    depth_ = preemptions_ = 0;
    draining_ = false;
    schedule_.clear();
    scenario_.setup();
    start_threads();
    switch_to(next());
    ++explored_.runs;
    if (!draining_ && known_.insert(node()).second) {
        ++explored_.ends;
        scenario_.check();
    }
    scenario_.teardown();
}

Explored Explorer::run() {
    do {
        run_once();
        if (!explored_.broken && !scenario_.is_broken()) continue;
        explored_.broken = true;
        explored_.schedule = schedule_;
        break;
    } while (advance_path());
    explored_.nodes = known_.size();
    return explored_;
}

}  // namespace

void before_access() {
    if (Explorer::active != nullptr) Explorer::active->before_access();
}

void wrote(const void* word, std::uint64_t before, std::uint64_t now) {
    if (Explorer::active != nullptr) Explorer::active->wrote(word, before, now);
}

void report(std::uint64_t value) {
    if (Explorer::active != nullptr) Explorer::active->report(value);
}

Explored explore(const Scenario& scenario) {
    Explorer explorer(scenario);
    Explorer::active = &explorer;
    const Explored explored = explorer.run();
    Explorer::active = nullptr;
    return explored;
}

}  // namespace mcpgw::schedule
