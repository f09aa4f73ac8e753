// A small set-associative memory with one writer at a time for each cell.
#include "dataplane/session/posted_ids.h"

#include <cstring>

namespace mcpgw {
namespace {

constexpr std::uint64_t kFree = 0;
constexpr std::uint64_t kWriting = 1;
constexpr std::uint64_t kHeld = 2;
constexpr std::uint64_t kOneChange = std::uint64_t{1} << 16;

std::uint64_t phase_of(std::uint64_t state) {
    return state & 0xFF;
}

// The next state after this one.
std::uint64_t next_state(std::uint64_t state, std::uint64_t phase, std::size_t bytes) {
    return (state & ~(kOneChange - 1)) + kOneChange + (std::uint64_t{bytes} << 8) + phase;
}

}  // namespace

PostedIds::PostedIds() : sets_(std::make_unique<std::array<Set, kSets>>()) {}

// A mark is a hash already.
PostedIds::Set& PostedIds::set_of(Session session) const {
    return (*sets_)[session & (kSets - 1)];
}

bool PostedIds::claim(Cell& cell, std::uint64_t& state) {
    const std::uint64_t writing = next_state(state, kWriting, 0);
    if (!cell.state.compare_exchange_strong(state, writing, std::memory_order_acq_rel))
        return false;
    state = writing;
    return true;
}

bool PostedIds::add(Session session, std::string_view id) {
    if (id.empty() || id.size() > limits::posted_id_bytes_max) return false;
    Set& set = set_of(session);
    Cell* mine = nullptr;
    std::uint64_t state = 0;
    for (Cell& cell : set.cells) {
        state = cell.state.load(std::memory_order_acquire);
        if (phase_of(state) != kFree || !claim(cell, state)) continue;
        mine = &cell;
        break;
    }
    if (mine == nullptr) {
        Cell& oldest = set.cells[set.next.fetch_add(1, std::memory_order_relaxed) % kWays];
        state = oldest.state.load(std::memory_order_acquire);
        if (phase_of(state) == kWriting || !claim(oldest, state)) return false;
        mine = &oldest;
    }
    std::array<std::uint64_t, kWords> words{};
    std::memcpy(words.data(), id.data(), id.size());
    mine->session.store(session, std::memory_order_release);
    for (std::size_t i = 0; i < kWords; ++i)
        mine->words[i].store(words[i], std::memory_order_release);
    mine->state.store(next_state(state, kHeld, id.size()), std::memory_order_release);
    return true;
}

std::uint64_t PostedIds::read(const Cell& cell, Session session, Id& out) {
    const std::uint64_t state = cell.state.load(std::memory_order_acquire);
    if (phase_of(state) != kHeld || cell.session.load(std::memory_order_acquire) != session)
        return 0;
    std::array<std::uint64_t, kWords> words;
    for (std::size_t i = 0; i < kWords; ++i)
        words[i] = cell.words[i].load(std::memory_order_acquire);
    if (cell.state.load(std::memory_order_relaxed) != state) return 0;
    out.bytes = static_cast<std::uint8_t>(state >> 8);
    std::memcpy(out.text.data(), words.data(), out.text.size());
    return state;
}

bool PostedIds::free(Cell& cell, std::uint64_t state) {
    return cell.state.compare_exchange_strong(state, next_state(state, kFree, 0),
                                              std::memory_order_acq_rel);
}

void PostedIds::remove(Session session, std::string_view id) {
    Id held;
    for (Cell& cell : set_of(session).cells) {
        const std::uint64_t state = read(cell, session, held);
        if (state != 0 && held.view() == id && free(cell, state)) return;
    }
}

bool PostedIds::take(Session session, Id& out) {
    for (Cell& cell : set_of(session).cells) {
        const std::uint64_t state = read(cell, session, out);
        if (state != 0 && free(cell, state)) return true;
    }
    return false;
}

}  // namespace mcpgw
