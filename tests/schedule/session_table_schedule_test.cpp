// Two threads on a table of a few sessions, in every order of their accesses. The texts are plain
// memory, which the explorer does not see; who has put them there is in the slot, too.
#include <array>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "dataplane/session/session_table.h"
#include "tests/schedule/explored_for_test.h"

namespace mcpgw {
namespace {

using schedule::Explored;
using schedule::report;

constexpr std::uint32_t kStart = 1000;
constexpr std::uint32_t kIdle = 60;
constexpr std::uint32_t kLate = kStart + kIdle + 1;
// Two that race, and one that is there already.
constexpr std::uint32_t kSlots = 3;

std::optional<SessionTable> table;

SessionKey key_of(std::string_view id) {
    return {1, 2, EndedSessions::mark_of(id)};
}

// `user` tells who has made it.
NewSession session(std::string_view id, std::string_view user = "u") {
    return {.key = key_of(id), .texts = {id, user, ""}, .principal = 0, .idle_seconds = kIdle};
}

SessionHandle opened(std::string_view id) {
    return table->open(session(id), kStart)->handle;
}

// The key of most tests has two buckets, or only one: two ways for threads to meet.
constexpr std::uint64_t kOneBucket = 2;
constexpr std::uint64_t kTwoBuckets = 1;
std::uint64_t seed = kTwoBuckets;

void make_table() {
    table.emplace(SessionTable::Options{.sessions_max = kSlots, .seed = seed});
}

void destroy_table() {
    table.reset();
}

void end_and_release(SessionHandle handle) {
    ASSERT_TRUE(table->end(handle));
    table->release(handle);
}

std::uint64_t number_of(SessionHandle handle) {
    return std::uint64_t{handle.generation} << 32 | handle.slot;
}

// The texts of a session belong to its key, and to the one who is said to have made it.
void expect_whole(const SessionRecord& record) {
    EXPECT_EQ(record.key.mark, key_of(record.texts.server_id()).mark);
    EXPECT_EQ(record.principal, record.texts.user() == "second" ? 2U : 0U);
}

std::uint32_t sessions_listed() {
    std::uint32_t count = 0;
    table->visit(0, kSlots, [&](const SessionRecord& record) {
        ++count;
        EXPECT_EQ(table->find(record.key), record.handle) << "it is listed, so it is found";
        expect_whole(record);
        return true;
    });
    return count;
}

// Exactly the live sessions take a place, and the others can all be had.
void expect_sound(std::uint32_t live) {
    EXPECT_EQ(table->size(), live);
    EXPECT_EQ(sessions_listed(), live);
    const std::array<std::string, kSlots> ids{"x", "y", "z"};
    for (std::uint32_t i = 0; i < kSlots; ++i)
        EXPECT_EQ(table->open(session(ids[i]), kStart).has_value(), i < kSlots - live);
}

// Adopts for one of two threads; what became of it is in its outcome.
struct Adoption {
    std::expected<OpenedSession, SessionRefusal> outcome;

    void run(std::string_view user, std::uint64_t principal = 0) {
        NewSession mine = session("a", user);
        mine.principal = principal;
        outcome = table->adopt(mine, kStart);
        report(outcome ? number_of(outcome->handle) : 0);
    }
};

Explored explore_two_adoptions() {
    Adoption first;
    Adoption second;
    return schedule::explore(
        {make_table,
         {[&] { first.run("first"); }, [&] { second.run("second", 2); }},
         [&] {
             ASSERT_TRUE(first.outcome && second.outcome);
             EXPECT_EQ(first.outcome->handle, second.outcome->handle);
             EXPECT_NE(first.outcome->made, second.outcome->made);
             SessionRecord record;
             ASSERT_TRUE(table->read(first.outcome->handle, record));
             EXPECT_EQ(record.texts.user(), first.outcome->made ? "first" : "second");
             EXPECT_EQ(table->sessions_of_principal(2), first.outcome->made ? 0U : 1U);
             expect_sound(1);
         },
         destroy_table});
}

TEST(SessionTableSchedule, of_two_who_adopt_one_session_one_makes_it_and_both_have_it) {
    seed = kOneBucket;
    schedule::expect_all(explore_two_adoptions(), 7'000);
    seed = kTwoBuckets;
    schedule::expect_all(explore_two_adoptions(), 10'000);
}

// The other thread may have finished the work of the first one, and have ended what came of it,
// before the first one notices.
TEST(SessionTableSchedule, who_ends_what_both_have_adopted_ends_it_for_both) {
    Adoption first;
    Adoption second;
    bool ended = false;
    const Explored explored = schedule::explore(
        {make_table,
         {[&] { first.run("first"); },
          [&] {
              second.run("second", 2);
              ended = second.outcome && table->end(second.outcome->handle);
              report(ended ? 1 : 0);
              if (ended) table->release(second.outcome->handle);
          }},
         [&] {
             ASSERT_TRUE(second.outcome && ended) << "nobody else ends anything";
             if (!first.outcome) {
                 EXPECT_EQ(first.outcome.error(), SessionRefusal::ending);
             }
             const bool same = first.outcome && first.outcome->handle == second.outcome->handle;
             EXPECT_TRUE(!same || first.outcome->made != second.outcome->made);
             const bool lives = first.outcome && !same;
             EXPECT_EQ(table->find(key_of("a")), lives ? first.outcome->handle : SessionHandle{});
             expect_sound(lives ? 1 : 0);
         },
         destroy_table});
    schedule::expect_all(explored, 20'000);
}

TEST(SessionTableSchedule, of_three_who_adopt_one_session_one_makes_it_and_all_have_it) {
    std::array<Adoption, 3> adoptions;
    const Explored explored = schedule::explore(
        {make_table,
         {[&] { adoptions[0].run("first"); }, [&] { adoptions[1].run("second", 2); },
          [&] { adoptions[2].run("third"); }},
         [&] {
             int made = 0;
             for (const Adoption& adoption : adoptions) {
                 ASSERT_TRUE(adoption.outcome.has_value());
                 EXPECT_EQ(adoption.outcome->handle, adoptions[0].outcome->handle);
                 made += adoption.outcome->made ? 1 : 0;
             }
             EXPECT_EQ(made, 1);
             expect_sound(1);
         },
         destroy_table,
         schedule::changes_max(2)});
    schedule::expect_all(explored, 100'000);
}

TEST(SessionTableSchedule, a_session_that_ends_is_found_whole_or_not_at_all) {
    SessionHandle found;
    bool touched = false;
    const Explored explored =
        schedule::explore({make_table,
                           {[] {
                                const SessionHandle handle = opened("a");
                                report(number_of(handle));
                                end_and_release(handle);
                            },
                            [&] {
                                report(number_of(found = table->find(key_of("a"))));
                                touched = found && table->touch(found, kStart + 5);
                                report(number_of(found) + (touched ? 1 : 0));
                            }},
                           [&] {
                               EXPECT_TRUE(!found || found == (SessionHandle{1, 0}));
                               expect_sound(0);
                           },
                           destroy_table});
    schedule::expect_all(explored, 400);
}

TEST(SessionTableSchedule, of_two_who_end_a_session_one_does) {
    SessionHandle handle;
    std::array<bool, 2> ended{};
    const auto end = [&](std::size_t thread) {
        ended[thread] = table->end(handle);
        report(ended[thread] ? 1 : 0);
        if (ended[thread]) table->release(handle);
    };
    const Explored explored = schedule::explore({[&] {
                                                     make_table();
                                                     handle = opened("a");
                                                 },
                                                 {[&] { end(0); }, [&] { end(1); }},
                                                 [&] {
                                                     EXPECT_NE(ended[0], ended[1]);
                                                     expect_sound(0);
                                                 },
                                                 destroy_table});
    schedule::expect_all(explored, 40);
}

// Who adopts may still see the place in the index that the slot had in its former life, of the same
// key, when its next life is not yet in the index.
TEST(SessionTableSchedule,
     a_session_that_ends_and_is_opened_again_is_one_for_who_adopts_meanwhile) {
    SessionHandle former;
    Adoption adoption;
    Adoption again;
    const Explored explored =
        schedule::explore({[&] {
                               make_table();
                               former = opened("a");
                           },
                           {[&] { adoption.run("first"); },
                            [&] {
                                end_and_release(former);
                                again.run("second", 2);
                            }},
                           [&] {
                               ASSERT_TRUE(again.outcome.has_value());
                               EXPECT_EQ(table->find(key_of("a")), again.outcome->handle);
                               if (adoption.outcome && adoption.outcome->handle != former) {
                                   EXPECT_EQ(adoption.outcome->handle, again.outcome->handle);
                                   EXPECT_NE(adoption.outcome->made, again.outcome->made);
                               }
                               expect_sound(1);
                           },
                           destroy_table});
    schedule::expect_all(explored, 20'000);
}

TEST(SessionTableSchedule, the_last_slot_is_had_by_the_next_session_as_soon_as_it_is_free) {
    bool has_room = false;
    const Explored explored =
        schedule::explore({[] {
                               make_table();
                               for (const char* id : {"a", "b", "c"})
                                   opened(id);
                           },
                           {[] { end_and_release(table->find(key_of("a"))); },
                            [&] {
                                has_room = table->open(session("d"), kStart).has_value();
                                report(has_room ? 1 : 0);
                            }},
                           [&] {
                               EXPECT_EQ(static_cast<bool>(table->find(key_of("d"))), has_room);
                               expect_sound(has_room ? 3 : 2);
                           },
                           destroy_table});
    schedule::expect_all(explored, 150);
}

// The janitor as the data plane runs it; returns how many it has ended.
std::uint32_t swept(std::uint32_t now) {
    const auto nothing_is_gone = [](const SessionKey&) { return false; };
    std::uint32_t ended = 0;
    for (std::uint32_t i = 0; i < kSlots; ++i) {
        ended += table->sweep(now, 1, nothing_is_gone, [](SessionHandle handle, ExpiryReason) {
            SessionRecord record;
            ASSERT_TRUE(table->read(handle, record));
            expect_whole(record);
            table->release(handle);
        });
        report(ended);
    }
    return ended;
}

TEST(SessionTableSchedule, a_session_that_expires_is_adopted_before_or_after_or_said_to_be_ending) {
    Adoption adoption;
    std::uint32_t ended = 0;
    const Explored explored =
        schedule::explore({[] {
                               make_table();
                               opened("a");
                           },
                           {[&] { adoption.run("second", 2); }, [&] { ended = swept(kLate); }},
                           [&] {
                               // The janitor may also see the session that was adopted anew: it is
                               // idle, too.
                               const bool anew = adoption.outcome && adoption.outcome->made;
                               EXPECT_GE(ended, 1U);
                               EXPECT_LE(ended, anew ? 2U : 1U);
                               if (!adoption.outcome) {
                                   EXPECT_EQ(adoption.outcome.error(), SessionRefusal::ending);
                               }
                               const std::uint32_t live = anew && ended == 1 ? 1 : 0;
                               EXPECT_EQ(table->sessions_of_principal(2), live);
                               expect_sound(live);
                           },
                           destroy_table});
    schedule::expect_all(explored, 20'000);
}

TEST(SessionTableSchedule, a_session_that_is_used_in_time_does_not_expire) {
    SessionHandle handle;
    bool touched = false;
    std::uint32_t ended = 0;
    const Explored explored = schedule::explore({[&] {
                                                     make_table();
                                                     handle = opened("a");
                                                 },
                                                 {[&] {
                                                      touched = table->touch(handle, kLate);
                                                      report(touched ? 1 : 0);
                                                  },
                                                  [&] { ended = swept(kLate); }},
                                                 [&] {
                                                     EXPECT_EQ(ended, touched ? 0U : 1U);
                                                     expect_sound(touched ? 1 : 0);
                                                 },
                                                 destroy_table});
    schedule::expect_all(explored, 300);
}

TEST(SessionTableSchedule, a_stale_touch_leaves_the_next_session_of_the_slot_alone) {
    SessionHandle former;
    SessionHandle present;
    const Explored explored =
        schedule::explore({[&] {
                               make_table();
                               former = opened("a");
                           },
                           {[&] {
                                end_and_release(former);
                                present = opened("b");
                            },
                            [&] { report(table->touch(former, kStart + 5) ? 1 : 0); }},
                           [&] {
                               SessionRecord record;
                               ASSERT_TRUE(table->read(present, record));
                               EXPECT_EQ(record.texts.server_id(), "b");
                               EXPECT_EQ(record.last_used, kStart);
                               EXPECT_EQ(record.requests, 0U);
                               expect_sound(1);
                           },
                           destroy_table});
    schedule::expect_all(explored, 500);
}

TEST(SessionTableSchedule, what_is_read_is_one_session_while_its_slot_is_used_again) {
    SessionHandle former;
    const Explored explored = schedule::explore({[&] {
                                                     make_table();
                                                     former = opened("a");
                                                 },
                                                 {[&] {
                                                      end_and_release(former);
                                                      report(number_of(opened("b")));
                                                  },
                                                  [&] {
                                                      SessionRecord record;
                                                      if (!table->read(former, record)) return;
                                                      EXPECT_EQ(record.texts.server_id(), "a");
                                                      expect_whole(record);
                                                  }},
                                                 [] { expect_sound(1); },
                                                 destroy_table});
    schedule::expect_all(explored, 900);
}

TEST(SessionTableSchedule, two_standalone_streams_of_a_session_are_never_open_at_once) {
    SessionHandle handle;
    int open = 0;
    const auto stream = [&] {
        if (table->begin_stream(handle, StreamKind::standalone, kStart) != SessionUse::begun)
            return;
        EXPECT_EQ(++open, 1);
        report(table->size());
        --open;
        table->end_stream(handle, StreamKind::standalone, kStart);
    };
    const Explored explored = schedule::explore({[&] {
                                                     make_table();
                                                     open = 0;
                                                     handle = opened("a");
                                                 },
                                                 {stream, stream},
                                                 [] { expect_sound(1); },
                                                 destroy_table});
    schedule::expect_all(explored, 40);
}

TEST(SessionTableSchedule, the_last_one_to_let_go_of_an_ended_session_frees_its_slot) {
    SessionHandle handle;
    const Explored explored = schedule::explore(
        {[&] {
             make_table();
             handle = opened("a");
             ASSERT_EQ(table->begin_request(handle, kStart), SessionUse::begun);
         },
         {[&] { end_and_release(handle); }, [&] { table->end_request(handle, kStart + 1); }},
         [] { expect_sound(0); },
         destroy_table});
    schedule::expect_all(explored, 50);
}

TEST(SessionTableSchedule, a_listing_sees_sessions_that_stay_whatever_comes_and_goes) {
    std::uint32_t seen = 0;
    const Explored explored =
        schedule::explore({[] {
                               make_table();
                               opened("a");
                               opened("b");
                           },
                           {[] {
                                end_and_release(table->find(key_of("a")));
                                report(number_of(opened("c")));
                            },
                            [&] {
                                seen = 0;
                                table->visit(0, kSlots, [&](const SessionRecord& record) {
                                    expect_whole(record);
                                    report(seen += record.texts.server_id() == "b" ? 1 : 0);
                                    return true;
                                });
                                report(seen);
                            }},
                           [&] {
                               EXPECT_EQ(seen, 1U);
                               expect_sound(2);
                           },
                           destroy_table});
    schedule::expect_all(explored, 2'500);
}

}  // namespace
}  // namespace mcpgw
