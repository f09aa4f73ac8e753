// Hazard pointers with one slot per reader.
//
// Why it is safe: a reader writes the table into its slot and then looks whether it is still the
// current one; the link thread first replaces the current one and then looks at the slots. All four
// are sequentially consistent, so either the reader sees the replacement and tries again, or the
// link thread sees the slot and keeps the table.
#include "dataplane/route/publication.h"

#include <algorithm>
#include <utility>

#include "common/check.h"

namespace mcpgw {

Publication::Publication(std::size_t workers) : slots_(workers + 4) {}

Publication::~Publication() {
    for (const Slot& slot : slots_)
        check(slot.held.load() == nullptr, "every reader has left before the publication ends");
    const std::unique_ptr<const RouteTable> last(current_.load());
}

void Publication::publish(std::unique_ptr<const RouteTable> table) {
    check(table != nullptr, "a table is published, not its absence");
    std::unique_ptr<const RouteTable> replaced(current_.exchange(table.release()));
    if (replaced != nullptr) retired_.push_back(std::move(replaced));
    reclaim();
}

std::size_t Publication::reclaim() {
    std::erase_if(retired_, [this](const std::unique_ptr<const RouteTable>& table) {
        return std::none_of(slots_.begin(), slots_.end(),
                            [&table](const Slot& slot) { return slot.held.load() == table.get(); });
    });
    return retired_.size();
}

const RouteTable* Publication::refresh(std::size_t reader) {
    check(reader < slots_.size(), "a reader has a slot");
    const RouteTable* table = current_.load();
    // What this reader has announced all the time cannot have been freed.
    if (slots_[reader].held.load(std::memory_order_relaxed) == table) return table;
    return hold(reader, table);
}

// Between the caller's look at the current table and the announcement it may have been replaced and
// freed: only a second look after the announcement makes it safe to read.
const RouteTable* Publication::hold(std::size_t reader, const RouteTable* table) {
    while (true) {
        slots_[reader].held.store(table);
        const RouteTable* again = current_.load();
        if (again == table) return table;
        table = again;
    }
}

// A worker that is about to announce an older table finds, after that, that it is not current.
bool Publication::is_taken(const RouteTable* table) const {
    return current_.load() == table &&
           std::all_of(slots_.begin(), slots_.begin() + static_cast<std::ptrdiff_t>(workers()),
                       [table](const Slot& slot) {
                           const RouteTable* held = slot.held.load();
                           return held == nullptr || held == table;
                       });
}

void Publication::leave(std::size_t reader) {
    check(reader < slots_.size(), "a reader has a slot");
    slots_[reader].held.store(nullptr, std::memory_order_release);
}

}  // namespace mcpgw
