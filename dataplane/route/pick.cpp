// Two random choices among the ready instances of an adapter.
#include "dataplane/route/pick.h"

#include <cstddef>
#include <utility>

#include "common/check.h"

namespace mcpgw {
namespace {

// A number below `bound` from 32 random bits, without division.
std::size_t below(std::uint32_t random, std::size_t bound) {
    return static_cast<std::size_t>(random * static_cast<std::uint64_t>(bound) >> 32);
}

// The ready instances without the excepted one.
class Candidates {
  public:
    Candidates(const Adapter& adapter, const Instance* except)
        : adapter_(adapter), except_at_(adapter.ready.size()) {
        for (std::size_t i = 0; except != nullptr && i < adapter.ready.size(); ++i)
            if (&adapter.instances[adapter.ready[i]] == except) except_at_ = i;
    }
    [[nodiscard]] std::size_t size() const {
        return adapter_.ready.size() - (except_at_ == adapter_.ready.size() ? 0 : 1);
    }
    [[nodiscard]] const Instance* at(std::size_t i) const {
        return &adapter_.instances[adapter_.ready[i < except_at_ ? i : i + 1]];
    }

  private:
    const Adapter& adapter_;
    std::size_t except_at_;
};

using IsLess = bool (*)(const InstanceLoad& a, const InstanceLoad& b);

bool has_fewer_requests(const InstanceLoad& a, const InstanceLoad& b) {
    return a.outstanding.load(std::memory_order_relaxed) <
           b.outstanding.load(std::memory_order_relaxed);
}

bool has_fewer_sessions(const InstanceLoad& a, const InstanceLoad& b) {
    const auto of_a = a.sessions.load(std::memory_order_relaxed);
    const auto of_b = b.sessions.load(std::memory_order_relaxed);
    return of_a != of_b ? of_a < of_b : has_fewer_requests(a, b);
}

// Any one that admits new work, looking from a random place on; nullptr if none does.
const Instance* find_healthy(const Candidates& all, const Choice& choice) {
    const std::size_t start = below(static_cast<std::uint32_t>(choice.random), all.size());
    for (std::size_t i = 0; i < all.size(); ++i) {
        const Instance* one = all.at((start + i) % all.size());
        if (one->load->health.admit(choice.now)) return one;
    }
    return nullptr;
}

const Instance* pick(const Adapter& adapter, const Choice& choice, IsLess is_less) {
    const Candidates all(adapter, choice.except);
    if (all.size() == 0) return nullptr;
    const std::size_t first = below(static_cast<std::uint32_t>(choice.random), all.size());
    const Instance* chosen = all.at(first);
    if (all.size() == 1) return chosen;
    std::size_t second = below(static_cast<std::uint32_t>(choice.random >> 32), all.size() - 1);
    if (second >= first) ++second;
    check(second < all.size() && second != first, "two different instances are drawn");
    const Instance* other = all.at(second);
    if (is_less(*other->load, *chosen->load)) std::swap(chosen, other);
    if (chosen->load->health.admit(choice.now)) return chosen;
    if (other->load->health.admit(choice.now)) return other;
    // When all of them fail, one that fails is better than none.
    const Instance* healthy = find_healthy(all, choice);
    return healthy != nullptr ? healthy : chosen;
}

}  // namespace

const Instance* pick_for_session(const Adapter& adapter, const Choice& choice) {
    return pick(adapter, choice, has_fewer_sessions);
}

const Instance* pick_for_request(const Adapter& adapter, const Choice& choice) {
    return pick(adapter, choice, has_fewer_requests);
}

}  // namespace mcpgw
