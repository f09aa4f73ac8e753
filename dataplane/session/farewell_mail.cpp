// A stack that is taken whole, so that no letter is looked at while another thread frees it.
#include "dataplane/session/farewell_mail.h"

#include <memory>
#include <utility>

#include "common/check.h"

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

SessionFarewell FarewellMail::Batch::pop() {
    check(!empty(), "there is a farewell to take");
    const std::unique_ptr<Letter> letter(newest_);
    newest_ = letter->older;
    mail_->waiting_.fetch_sub(1, std::memory_order_relaxed);
    return std::move(letter->farewell);
}

void FarewellMail::Batch::clear() {
    while (!empty())
        static_cast<void>(pop());
}

}  // namespace mcpgw
