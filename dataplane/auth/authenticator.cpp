// The places of verdicts, and who makes room.
#include "dataplane/auth/authenticator.h"

#include <algorithm>
#include <utility>

#include "common/check.h"

namespace mcpgw::auth {
namespace {

constexpr std::size_t kWays = 4;
constexpr std::size_t kPlaces = limits::verdicts_max / kWays;
static_assert((kPlaces & (kPlaces - 1)) == 0, "places are found with a mask");

}  // namespace

bool Authenticator::set_access(const std::shared_ptr<const contract::Access>& access) {
    check(access != nullptr, "a table has an access object");
    const bool is_same =
        generation_ != 0 && !access_.owner_before(access) && !access.owner_before(access_);
    if (is_same) return false;
    ++generation_;
    access_ = access;
    access_now_ = access.get();
    if (memory_ != nullptr) memory_->verifier.set_access(*access_now_);
    return true;
}

std::span<Authenticator::Entry> Authenticator::place_of(const TokenHash& hash) {
    const std::size_t number = (hash.words[0] ^ hash.words[1]) & (kPlaces - 1);
    return {memory_->entries.data() + number * kWays, kWays};
}

const Verdict& Authenticator::judge(std::string_view token, std::uint64_t now_unix_s) {
    check(has_access(), "asked when there is something to go by");
    if (memory_ == nullptr) {
        memory_ = std::make_unique<Memory>();
        memory_->verifier.set_access(*access_now_);
    }
    if (token.size() > limits::token_bytes_max) return unremembered_ = make(token, now_unix_s);
    const TokenHash hash = memory_->hasher.hash_of(token);
    const std::span<Entry> place = place_of(hash);
    for (const Entry& entry : place)
        if (entry.generation == generation_ && entry.hash == hash &&
            now_unix_s < entry.verdict.ends_unix_s)
            return entry.verdict;
    Verdict verdict = make(token, now_unix_s);
    Entry* const entry = entry_for(place, verdict.fault == TokenFault::none, now_unix_s);
    if (entry == nullptr) return unremembered_ = std::move(verdict);
    entry->hash = hash;
    entry->generation = generation_;
    return entry->verdict = std::move(verdict);
}

Verdict Authenticator::make(std::string_view token, std::uint64_t now_unix_s) {
    ++made_;
    return memory_->verifier.verify(token, now_unix_s);
}

Authenticator::Entry* Authenticator::entry_for(std::span<Entry> place, bool is_good,
                                               std::uint64_t now_unix_s) {
    for (Entry& entry : place)
        if (entry.generation != generation_ || now_unix_s >= entry.verdict.ends_unix_s)
            return &entry;
    for (Entry& entry : place)
        if (entry.verdict.fault != TokenFault::none) return &entry;
    return is_good ? &place[next_victim_++ % kWays] : nullptr;
}

}  // namespace mcpgw::auth
