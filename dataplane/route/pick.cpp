// Two random choices among the ready instances of an adapter.
#include "dataplane/route/pick.h"

#include <cstddef>

#include "common/check.h"

namespace mcpgw {
namespace {

// A number below `bound` from 32 random bits, without division.
std::size_t below(std::uint32_t random, std::size_t bound) {
    return static_cast<std::size_t>(random * static_cast<std::uint64_t>(bound) >> 32);
}

struct Pair {
    const Instance* first = nullptr;
    const Instance* second = nullptr;  // nullptr when there is only one to choose from
};

Pair draw(const Adapter& adapter, std::uint64_t random, const Instance* except) {
    std::size_t except_at = adapter.ready.size();
    if (except != nullptr) {
        for (std::size_t i = 0; i < adapter.ready.size(); ++i)
            if (&adapter.instances[adapter.ready[i]] == except) except_at = i;
    }
    const bool excludes = except_at != adapter.ready.size();
    const std::size_t count = adapter.ready.size() - (excludes ? 1 : 0);
    const auto at = [&](std::size_t i) {
        return &adapter.instances[adapter.ready[i < except_at ? i : i + 1]];
    };
    if (count == 0) return {};
    const std::size_t first = below(static_cast<std::uint32_t>(random), count);
    if (count == 1) return {at(first), nullptr};
    std::size_t second = below(static_cast<std::uint32_t>(random >> 32), count - 1);
    if (second >= first) ++second;
    check(second < count && second != first, "two different instances are drawn");
    return {at(first), at(second)};
}

}  // namespace

const Instance* pick_for_session(const Adapter& adapter, std::uint64_t random,
                                 const Instance* except) {
    const auto [first, second] = draw(adapter, random, except);
    if (second == nullptr) return first;
    const auto first_sessions = first->load->sessions.load(std::memory_order_relaxed);
    const auto second_sessions = second->load->sessions.load(std::memory_order_relaxed);
    if (first_sessions != second_sessions) return first_sessions < second_sessions ? first : second;
    return second->load->outstanding.load(std::memory_order_relaxed) <
                   first->load->outstanding.load(std::memory_order_relaxed)
               ? second
               : first;
}

const Instance* pick_for_request(const Adapter& adapter, std::uint64_t random,
                                 const Instance* except) {
    const auto [first, second] = draw(adapter, random, except);
    if (second == nullptr) return first;
    return second->load->outstanding.load(std::memory_order_relaxed) <
                   first->load->outstanding.load(std::memory_order_relaxed)
               ? second
               : first;
}

}  // namespace mcpgw
