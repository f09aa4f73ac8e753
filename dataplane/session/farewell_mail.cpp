// A stack that is taken whole, so that no letter is looked at while another thread frees it.
#include "dataplane/session/farewell_mail.h"

#include <algorithm>
#include <utility>

namespace mcpgw {

bool FarewellMail::put(SessionFarewell farewell) {
    if (waiting_.fetch_add(1, std::memory_order_relaxed) >= limits::farewells_waiting_max) {
        waiting_.fetch_sub(1, std::memory_order_relaxed);
        dropped_.fetch_add(1, std::memory_order_relaxed);
        return false;
    }
    auto letter = std::make_unique<Letter>(Letter{std::move(farewell), nullptr});
    letter->older = newest_.load(std::memory_order_relaxed);
    while (!newest_.compare_exchange_weak(letter->older, letter.get(), std::memory_order_release,
                                          std::memory_order_relaxed)) {
    }
    static_cast<void>(letter.release());
    return true;
}

std::vector<SessionFarewell> FarewellMail::take_all() {
    std::vector<SessionFarewell> taken;
    Letter* letter = newest_.exchange(nullptr, std::memory_order_acquire);
    while (letter != nullptr) {
        const std::unique_ptr<Letter> owned(letter);
        letter = owned->older;
        taken.push_back(std::move(owned->farewell));
    }
    waiting_.fetch_sub(static_cast<std::uint32_t>(taken.size()), std::memory_order_relaxed);
    std::ranges::reverse(taken);
    return taken;
}

}  // namespace mcpgw
