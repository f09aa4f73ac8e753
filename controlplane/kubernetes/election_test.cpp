// Candidates, a lease in memory, and clocks that differ: at no time are there two leaders.
#include "controlplane/kubernetes/election.h"

#include <algorithm>
#include <deque>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "common/check.h"
#include "controlplane/kubernetes/tree.h"
#include "controlplane/model/json.h"

namespace mcpgw::kubernetes {
namespace {

const LeaseName kLease{"adapter", "mcp-gateway"};

// What an API server does with one Lease: create once, update only from the newest version.
class LeaseStore {
  public:
    Outcome serve(const Call& call) {
        if (call.method == "GET") return current();
        const auto body = model::parse_json(call.body);
        EXPECT_TRUE(body) << call.body;
        if (call.method == "POST") {
            if (lease_) return refused(409, "AlreadyExists");
            return take(*body);
        }
        EXPECT_EQ(call.method, "PUT");
        if (!lease_) return refused(409, "Conflict");
        if (text_at(*body, {"metadata", "resourceVersion"}) != std::to_string(version_))
            return refused(409, "Conflict");
        return take(*body);
    }
    // Somebody else changes the lease, without touching who holds it.
    void touch() {
        ++version_;
        put_version();
    }
    [[nodiscard]] std::string text(Path path) const { return lease_ ? text_at(*lease_, path) : ""; }
    [[nodiscard]] std::int64_t number(Path path) const { return number_at(*lease_, path); }
    void erase() { lease_.reset(); }

  private:
    [[nodiscard]] Outcome current() const {
        if (lease_) return Answer{.status = 200, .body = lease_->serialize()};
        return std::unexpected(failure_of(
            {.status = 404,
             .body = R"({"kind":"Status","reason":"NotFound","details":{"name":"mcp-gateway"}})"}));
    }
    static Outcome refused(int status, const std::string& reason) {
        return std::unexpected(failure_of(
            {.status = status, .body = R"({"kind":"Status","reason":")" + reason + R"("})"}));
    }
    Outcome take(const picojson::value& body) {
        // The two checks of MicroTime and duration that the real one makes.
        EXPECT_EQ(text_at(body, {"spec", "renewTime"}).size(),
                  std::string("2026-11-21T09:57:57.123456Z").size());
        EXPECT_GT(number_at(body, {"spec", "leaseDurationSeconds"}), 0);
        lease_ = body;
        ++version_;
        put_version();
        return current();
    }
    void put_version() {
        auto& metadata = lease_->get<picojson::object>()["metadata"].get<picojson::object>();
        metadata["resourceVersion"] = picojson::value(std::to_string(version_));
    }

    std::optional<picojson::value> lease_;
    std::uint64_t version_ = 100;
};

struct Candidate {
    Candidate(const std::string& name, LeaseTimes times = {}) : election(kLease, name, times) {}

    // One attempt in which nothing goes wrong and no time passes.
    void attempt(LeaseStore& store, Nanos now) {
        while (election.on_outcome(store.serve(election.next_call(now, 0)), now)) {
        }
    }

    Election election;
};

const Nanos kStart = 1000 * kSecond;

TEST(Election, the_first_creates_the_lease_and_leads) {
    LeaseStore store;
    Candidate a("a");
    EXPECT_FALSE(a.election.is_leader(kStart));
    a.attempt(store, kStart);
    EXPECT_TRUE(a.election.is_leader(kStart));
    EXPECT_EQ(store.text({"spec", "holderIdentity"}), "a");
    EXPECT_EQ(store.number({"spec", "leaseDurationSeconds"}), 15);
    EXPECT_EQ(store.number({"spec", "leaseTransitions"}), 0);
    EXPECT_EQ(store.text({"metadata", "namespace"}), "adapter");
}

TEST(Election, a_second_waits_for_the_whole_lease_as_seen_here) {
    LeaseStore store;
    Candidate a("a");
    Candidate b("b");
    a.attempt(store, kStart);
    // First seen a minute later: however old the times in it are, it counts from here.
    const Nanos seen = kStart + 60 * kSecond;
    b.attempt(store, seen);
    b.attempt(store, seen + 15 * kSecond - 1);
    EXPECT_FALSE(b.election.is_leader(seen + 15 * kSecond - 1));
    EXPECT_EQ(b.election.holder(), "a");
    b.attempt(store, seen + 15 * kSecond);
    EXPECT_TRUE(b.election.is_leader(seen + 15 * kSecond));
    EXPECT_EQ(store.text({"spec", "holderIdentity"}), "b");
    EXPECT_EQ(store.number({"spec", "leaseTransitions"}), 1);
}

TEST(Election, every_renewal_is_waited_for_anew) {
    LeaseStore store;
    Candidate a("a");
    Candidate b("b");
    a.attempt(store, kStart);
    for (Nanos now = kStart; now < kStart + 100 * kSecond; now += 2 * kSecond) {
        a.attempt(store, now);
        b.attempt(store, now);
        EXPECT_TRUE(a.election.is_leader(now));
        EXPECT_FALSE(b.election.is_leader(now));
    }
}

TEST(Election, a_leader_that_cannot_renew_stops_by_itself) {
    LeaseStore store;
    Candidate a("a");
    a.attempt(store, kStart);
    const Nanos until = kStart + 10 * kSecond;
    EXPECT_FALSE(
        a.election.on_outcome(std::unexpected(transport_failure("away")), kStart + 5 * kSecond));
    EXPECT_TRUE(a.election.is_leader(until - 1));
    EXPECT_FALSE(a.election.is_leader(until));
}

TEST(Election, leadership_counts_from_before_the_question) {
    LeaseStore store;
    Candidate a("a");
    ASSERT_TRUE(a.election.on_outcome(store.serve(a.election.next_call(kStart, 0)), kStart));
    const Call call = a.election.next_call(kStart, 0);
    EXPECT_FALSE(a.election.on_outcome(store.serve(call), kStart + 4 * kSecond));
    EXPECT_EQ(a.election.leader_until(), kStart + 10 * kSecond);
}

TEST(Election, an_answer_that_is_lost_is_made_up_for) {
    LeaseStore store;
    Candidate a("a");
    a.attempt(store, kStart);
    // The renewal arrives, its answer does not: the next one has an old version.
    const Nanos later = kStart + 2 * kSecond;
    EXPECT_TRUE(store.serve(a.election.next_call(later, 0)));
    EXPECT_FALSE(a.election.on_outcome(std::unexpected(transport_failure("lost")), later));
    a.attempt(store, later + 2 * kSecond);
    EXPECT_EQ(a.election.leader_until(), later + 12 * kSecond);
}

TEST(Election, somebody_elses_edit_of_the_lease_costs_nothing) {
    LeaseStore store;
    Candidate a("a");
    a.attempt(store, kStart);
    store.touch();
    a.attempt(store, kStart + kSecond);
    EXPECT_EQ(a.election.leader_until(), kStart + 11 * kSecond);
}

TEST(Election, a_lease_that_somebody_took_is_lost_at_once) {
    LeaseStore store;
    Candidate a("a");
    Candidate b("b");
    a.attempt(store, kStart);
    b.attempt(store, kStart);
    // The administrator puts another one in.
    ASSERT_TRUE(store.serve(a.election.release_call(0)));
    b.attempt(store, kStart + kSecond);
    ASSERT_TRUE(b.election.is_leader(kStart + kSecond));
    a.attempt(store, kStart + kSecond);
    EXPECT_FALSE(a.election.is_leader(kStart + kSecond));
    EXPECT_EQ(a.election.holder(), "b");
}

TEST(Election, a_lease_that_is_given_back_is_free_at_once) {
    LeaseStore store;
    Candidate a("a");
    Candidate b("b");
    a.attempt(store, kStart);
    b.attempt(store, kStart);
    const Call release = a.election.release_call(0);
    EXPECT_FALSE(a.election.is_leader(kStart));
    EXPECT_TRUE(store.serve(release));
    b.attempt(store, kStart + kMillisecond);
    EXPECT_TRUE(b.election.is_leader(kStart + kMillisecond));
}

TEST(Election, a_lease_that_was_deleted_is_made_again) {
    LeaseStore store;
    Candidate a("a");
    a.attempt(store, kStart);
    store.erase();
    a.attempt(store, kStart + kSecond);
    EXPECT_TRUE(a.election.is_leader(kStart + kSecond));
    EXPECT_EQ(store.text({"spec", "holderIdentity"}), "a");
}

TEST(Election, without_the_namespace_nobody_leads) {
    Candidate a("a");
    maybe(a.election.next_call(kStart, 0).body.empty());
    EXPECT_FALSE(a.election.on_outcome(
        std::unexpected(failure_of(
            {.status = 404,
             .body = R"({"kind":"Status","details":{"name":"x","kind":"namespaces"}})"})),
        kStart));
    EXPECT_EQ(a.election.next_call(kStart, 0).method, "GET");
}

TEST(Election, answers_that_are_no_lease_make_nobody_leader) {
    for (const char* body : {"", "{}", "[]", R"({"metadata":{"resourceVersion":7}})"}) {
        Candidate a("a");
        maybe(a.election.next_call(kStart, 0).body.empty());
        EXPECT_FALSE(a.election.on_outcome(Answer{.status = 200, .body = body}, kStart)) << body;
        EXPECT_FALSE(a.election.is_leader(kStart)) << body;
    }
}

TEST(Election, what_others_keep_in_the_lease_stays) {
    LeaseStore store;
    const Call foreign{
        .method = "POST",
        .body = R"({"metadata":{"name":"mcp-gateway","labels":{"team":"t"}},"spec":{)"
                R"("leaseDurationSeconds":1,"renewTime":"2026-11-21T09:57:57.123456Z"}})"};
    ASSERT_TRUE(store.serve(foreign));
    Candidate a("a");
    a.attempt(store, kStart);
    EXPECT_TRUE(a.election.is_leader(kStart));
    EXPECT_EQ(store.text({"metadata", "labels", "team"}), "t");
}

// --- Many candidates, messages that are slow, lost or late, clocks at different points
// ------------

class Simulation {
  public:
    explicit Simulation(std::uint64_t seed) : random_(seed) {
        for (std::size_t i = 0; i < 3; ++i) {
            members_.emplace_back("c" + std::to_string(i));
            // Their clocks began at different times; nobody's is right.
            members_.back().offset = random_() % 1'000'000 * kSecond;
        }
    }

    // Steps of 100 ms; false as soon as two lead.
    [[nodiscard]] bool run(Nanos length) {
        for (; now_ < length; now_ += 100 * kMillisecond) {
            if (random_() % 300 == 0) is_away_ = !is_away_;
            for (Member& member : members_)
                step(member);
            const auto leading = std::ranges::count_if(
                members_, [&](const Member& member) { return leads(member); });
            if (leading > 1) return false;
            led_ += leading == 1 ? 1 : 0;
        }
        return true;
    }
    [[nodiscard]] int led() const { return led_; }
    [[nodiscard]] std::size_t leaders() const {
        return static_cast<std::size_t>(
            std::ranges::count_if(members_, [](const Member& member) { return member.has_led; }));
    }

  private:
    struct Member {
        explicit Member(const std::string& name) : candidate(name) {}
        Candidate candidate;
        Nanos offset = 0;
        Nanos wakes_at = 0;
        Nanos paused_until = 0;  // the process is stopped
        std::optional<Call> call;
        Nanos asked_at = 0;
        Nanos arrives_at = 0;  // at the server; kNever: lost on the way
        std::optional<Outcome> outcome;
        Nanos answered_at = 0;
        bool has_led = false;
    };

    [[nodiscard]] bool leads(const Member& member) const {
        return member.candidate.election.is_leader(now_ + member.offset);
    }
    Nanos delay() { return random_() % 10 == 0 ? random_() % (20 * kSecond) : 0; }

    void step(Member& member) {
        member.has_led = member.has_led || leads(member);
        if (random_() % 500 == 0) member.paused_until = now_ + random_() % (40 * kSecond);
        deliver(member);
        if (now_ < member.paused_until) return;
        Election& election = member.candidate.election;
        const Nanos own = now_ + member.offset;
        if (!member.call) {
            if (now_ < member.wakes_at) return;
            member.call = election.next_call(own, 0);
            member.asked_at = now_;
            member.arrives_at = is_away_ || random_() % 20 == 0 ? kNever : now_ + delay();
            member.outcome.reset();
            member.answered_at = random_() % 20 == 0 ? kNever : member.arrives_at + delay();
            return;
        }
        const bool is_late = now_ >= member.asked_at + member.call->timeout_ms * kMillisecond;
        const bool has_answer = member.outcome && now_ >= member.answered_at;
        if (!is_late && !has_answer) return;
        const bool goes_on =
            has_answer ? election.on_outcome(*member.outcome, own)
                       : election.on_outcome(std::unexpected(transport_failure("late")), own);
        // A request that nobody waits for any more may still arrive.
        if (!member.outcome && member.arrives_at != kNever)
            late_.push_back({*member.call, member.arrives_at});
        member.call.reset();
        member.wakes_at = goes_on ? now_ : now_ + election.pause(random_());
    }

    void deliver(Member& member) {
        if (member.call && !member.outcome && now_ >= member.arrives_at)
            member.outcome = store_.serve(*member.call);
        std::erase_if(late_, [&](const auto& item) {
            if (now_ < item.second) return false;
            static_cast<void>(store_.serve(item.first));
            return true;
        });
    }

    std::mt19937_64 random_;
    LeaseStore store_;
    std::deque<Member> members_;
    std::vector<std::pair<Call, Nanos>> late_;
    Nanos now_ = kStart;
    bool is_away_ = false;
    int led_ = 0;
};

TEST(Election, never_has_two_leaders_whatever_happens) {
    constexpr std::uint64_t kSeeds = 12;  // half an hour of three candidates each
    std::size_t leaders = 0;
    int led = 0;
    for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
        Simulation simulation(seed);
        ASSERT_TRUE(simulation.run(kStart + 1800 * kSecond)) << "seed " << seed;
        leaders = std::max(leaders, simulation.leaders());
        led += simulation.led();
    }
    // And it does elect: every candidate at some time, and somebody for a good part of it.
    EXPECT_EQ(leaders, 3U);
    EXPECT_GT(led, static_cast<int>(kSeeds) * 18000 / 4);
}

}  // namespace
}  // namespace mcpgw::kubernetes
