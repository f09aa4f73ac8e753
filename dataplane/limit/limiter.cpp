// Looking, taking, giving back.
#include "dataplane/limit/limiter.h"

#include <algorithm>
#include <utility>

#include "common/check.h"
#include "dataplane/limit/quota_window.h"
#include "dataplane/limit/rate.h"

namespace mcpgw::limit {
namespace {

using contract::Limits;

constexpr auto kSeqCst = std::memory_order_seq_cst;

std::uint64_t seconds_up(Nanos nanos) {
    return (nanos + kSecond - 1) / kSecond;
}

std::size_t place_of(LimitScope scope) {
    return static_cast<std::size_t>(scope);
}

bool has_quota(const Limits& limits) {
    return limits.quota_requests > 0;
}
bool has_rate(const Limits& limits) {
    return limits.requests_per_second > 0;
}

Standing quota_standing(const Limits& limits, QuotaWindow window, Now now) {
    const std::uint64_t end = window.end(limits.quota_seconds);
    return {LimitKind::quota, limits.quota_requests, limits.quota_seconds,
            limits.quota_requests - std::min<std::uint64_t>(limits.quota_requests, window.count),
            end - std::min<std::uint64_t>(end, now.unix_seconds)};
}

Standing rate_standing(const Limits& limits, Nanos word, Now now) {
    const Rate rate(limits);
    const std::uint64_t refill =
        (std::uint64_t{limits.burst} + limits.requests_per_second - 1) / limits.requests_per_second;
    return {LimitKind::rate, limits.burst, refill, rate.left(word, now.monotonic),
            seconds_up(rate.debt_at(word, now.monotonic))};
}

// Of several standings that with the least left is told; of equal ones the one that lasts.
void note(Verdict& verdict, const Standing& standing) {
    const Standing& known = verdict.standing;
    const bool is_tighter =
        known.allowed == 0 || standing.left < known.left ||
        (standing.left == known.left && standing.reset_seconds > known.reset_seconds);
    if (is_tighter) verdict.standing = standing;
}

// Of several refusals the one that lasts longest is told, so that nobody comes back in vain.
void refuse(Verdict& verdict, LimitScope scope, const Standing& standing, std::uint64_t seconds) {
    const auto wait = static_cast<std::uint32_t>(std::max<std::uint64_t>(seconds, 1));
    if (!verdict.allowed && verdict.retry_after_seconds >= wait) return;
    verdict.allowed = false;
    verdict.scope = scope;
    verdict.retry_after_seconds = wait;
    verdict.standing = standing;
}

}  // namespace

Limiter::Limiter(const Options& options)
    : table_(options.table), streams_(options.stream_counters, table_.hash_key()[1]) {}

SubjectKey Limiter::key_of(const Subjects& subjects, LimitScope scope) const {
    // Names hold no zero byte, so no two subjects make the same text.
    std::array<char,
               4 + limits::tenant_bytes_max + limits::name_bytes_max + limits::principal_bytes_max>
        text;
    std::size_t size = 0;
    const auto put = [&](std::string_view part) {
        check(part.size() < text.size() - size, "names are within their limits");
        size += part.copy(text.data() + size, part.size());
        text[size++] = '\0';
    };
    const bool of_tenant = scope == LimitScope::tenant || scope == LimitScope::tenant_user;
    text[size++] = static_cast<char>('1' + static_cast<int>(scope));
    put(of_tenant ? subjects.tenant_name : std::string_view(subjects.adapter->name));
    if (scope == LimitScope::tenant_user || scope == LimitScope::adapter_user) put(subjects.user);
    return siphash(table_.hash_key(), as_bytes({text.data(), size}));
}

// --- Quotas and rates ---------------------------------------------------------------------------

Verdict Limiter::take(const Subjects& subjects, Now now) {
    for (;;) {
        Verdict verdict;
        Claims claims = claims_of(subjects, now, verdict);
        if (claims.size > 1 && !look(claims, now, verdict)) return verdict;
        if (take_all(claims, now, verdict) != Taking::lost) return verdict;
    }
}

Limiter::Claims Limiter::claims_of(const Subjects& subjects, Now now, Verdict& verdict) {
    Claims claims;
    for (const LimitScope scope : kScopes) {
        const Limits* limits = subjects.limits_of(scope);
        if (limits == nullptr || (!has_quota(*limits) && !has_rate(*limits))) continue;
        const SlotHandle counter = table_.counter_of({scope, key_of(subjects, scope)}, now);
        if (!counter)
            ++verdict.uncounted;
        else
            claims.all[claims.size++] = {scope, limits, counter, 0};
    }
    return claims;
}

// Whether all would let the request pass; nothing is written.
bool Limiter::look(const Claims& claims, Now now, Verdict& verdict) const {
    for (std::size_t i = 0; i < claims.size; ++i) {
        const Claim& claim = claims.all[i];
        const CounterRecord& record = table_.at(claim.counter);
        if (has_quota(*claim.limits)) {
            const auto window = QuotaWindow::of(record.window.load(kSeqCst))
                                    .at(now.unix_seconds, claim.limits->quota_seconds);
            const Standing standing = quota_standing(*claim.limits, window, now);
            if (standing.left == 0) refuse(verdict, claim.scope, standing, standing.reset_seconds);
        }
        if (has_rate(*claim.limits)) {
            const Nanos word = record.rate.load(kSeqCst);
            const Nanos wait = Rate(*claim.limits).wait(word, now.monotonic);
            if (wait > 0)
                refuse(verdict, claim.scope, rate_standing(*claim.limits, word, now),
                       seconds_up(wait));
        }
    }
    return verdict.allowed;
}

Limiter::Taking Limiter::take_all(Claims& claims, Now now, Verdict& verdict) const {
    Taking taking = Taking::taken;
    std::size_t taken = 0;
    for (; taken < claims.size && taking == Taking::taken; ++taken)
        if (!take_one(claims.all[taken], now, verdict)) taking = Taking::refused;
    if (taking == Taking::refused) --taken;
    // What was counted in a counter that was taken away is not given back: it may be another
    // subject's by now, and nobody is to get more than his own.
    for (std::size_t i = 0; i < taken; ++i) {
        if (table_.confirm(claims.all[i].counter)) continue;
        claims.all[i].counter = {};
        taking = Taking::lost;
    }
    if (taking != Taking::taken)
        for (std::size_t i = 0; i < taken; ++i)
            if (claims.all[i].counter) give_back(claims.all[i]);
    return taking;
}

bool Limiter::take_one(Claim& claim, Now now, Verdict& verdict) const {
    const Limits& limits = *claim.limits;
    if (has_rate(limits) && !take_rate(claim, now, verdict)) return false;
    if (!has_quota(limits)) return true;
    CounterRecord& record = table_.at(claim.counter);
    std::uint64_t word = record.window.load(kSeqCst);
    for (;;) {
        QuotaWindow window = QuotaWindow::of(word).at(now.unix_seconds, limits.quota_seconds);
        if (window.count >= limits.quota_requests) {
            const Standing standing = quota_standing(limits, window, now);
            refuse(verdict, claim.scope, standing, standing.reset_seconds);
            if (has_rate(limits)) give_back_rate(claim);
            return false;
        }
        table_.keep_until(claim.counter, window.end(limits.quota_seconds));
        ++window.count;
        if (!record.window.compare_exchange_weak(word, window.word(), kSeqCst)) continue;
        claim.window_start = window.start;
        note(verdict, quota_standing(limits, window, now));
        return true;
    }
}

bool Limiter::take_rate(const Claim& claim, Now now, Verdict& verdict) const {
    const Rate rate(*claim.limits);
    CounterRecord& record = table_.at(claim.counter);
    std::uint64_t word = record.rate.load(kSeqCst);
    for (;;) {
        const std::optional<Nanos> next = rate.add(word, now.monotonic);
        if (!next) {
            refuse(verdict, claim.scope, rate_standing(*claim.limits, word, now),
                   seconds_up(rate.wait(word, now.monotonic)));
            return false;
        }
        table_.keep_until(claim.counter, now.unix_seconds);
        if (!record.rate.compare_exchange_weak(word, *next, kSeqCst)) continue;
        note(verdict, rate_standing(*claim.limits, *next, now));
        return true;
    }
}

// Only in the window in which it was counted: another one owes it nothing.
void Limiter::give_back(const Claim& claim) const {
    if (has_rate(*claim.limits)) give_back_rate(claim);
    if (!has_quota(*claim.limits)) return;
    CounterRecord& record = table_.at(claim.counter);
    std::uint64_t word = record.window.load(kSeqCst);
    for (;;) {
        QuotaWindow window = QuotaWindow::of(word);
        if (window.start != claim.window_start || window.count == 0) return;
        --window.count;
        if (record.window.compare_exchange_weak(word, window.word(), kSeqCst)) return;
    }
}

void Limiter::give_back_rate(const Claim& claim) const {
    const Rate rate(*claim.limits);
    CounterRecord& record = table_.at(claim.counter);
    std::uint64_t word = record.rate.load(kSeqCst);
    while (!record.rate.compare_exchange_weak(word, rate.without(word), kSeqCst)) {
    }
}

Usage Limiter::usage_of(const contract::Tenant& tenant, Now now) const {
    const Limits& limits = tenant.limits.all;
    if (!has_quota(limits)) return {};
    const Subjects subjects{nullptr, &tenant, tenant.id, {}};
    const SlotHandle counter =
        table_.find({LimitScope::tenant, key_of(subjects, LimitScope::tenant)});
    if (!counter) return {};
    const auto window = QuotaWindow::of(table_.at(counter).window.load(kSeqCst))
                            .at(now.unix_seconds, limits.quota_seconds);
    if (window.count == 0) return {};
    return {window.count, window.end(limits.quota_seconds)};
}

void Limiter::sweep(Now now) {
    table_.sweep(now, table_.touched() / limits::use_counter_rounds + 1);
}

// --- Streams ------------------------------------------------------------------------------------

bool Limiter::limits_streams(const Subjects& subjects, StreamPlaces& places) const {
    bool is_limited = false;
    for (const LimitScope scope : kScopes) {
        const Limits* limits = subjects.limits_of(scope);
        if (limits == nullptr || limits->streams_max == 0) continue;
        places.names[place_of(scope)] = key_of(subjects, scope).first | 1U;
        is_limited = true;
    }
    return is_limited;
}

std::optional<LimitScope> Limiter::enter_stream(const Subjects& subjects, StreamPlaces& places) {
    for (const LimitScope scope : kScopes) {
        const std::size_t at = place_of(scope);
        if (places.names[at] == 0) continue;
        const Limits* limits = subjects.limits_of(scope);
        check(limits != nullptr, "the subjects are those that were asked about");
        places.counters[at] =
            streams_.enter(SessionCounts::Kind::stream, places.names[at], limits->streams_max);
        if (places.counters[at]) continue;
        leave_stream(places);
        return scope;
    }
    return std::nullopt;
}

void Limiter::count_stream(StreamPlaces& places) {
    for (std::size_t at = 0; at < places.names.size(); ++at)
        if (places.names[at] != 0 && !places.counters[at])
            places.counters[at] = streams_.enter(SessionCounts::Kind::stream, places.names[at], 0);
}

void Limiter::leave_stream(StreamPlaces& places) {
    for (SlotHandle& counter : places.counters)
        if (counter) streams_.leave(std::exchange(counter, {}));
}

std::uint32_t Limiter::streams_of(const contract::Tenant& tenant) const {
    const Subjects subjects{nullptr, &tenant, tenant.id, {}};
    return streams_.of(SessionCounts::Kind::stream,
                       key_of(subjects, LimitScope::tenant).first | 1U);
}

}  // namespace mcpgw::limit
