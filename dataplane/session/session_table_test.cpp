// The table of sessions in one thread: what is found, refused, held, listed and ended.
#include "dataplane/session/session_table.h"

#include <fstream>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace mcpgw {
namespace {

constexpr std::uint32_t kStart = 1'000'000;

struct Person {
    std::uint64_t hash = 0;
    std::string name;
};

const Person kAda{7, "ada"};
const Person kBob{8, "bob"};
const Person kNobody;

SessionKey key_of(std::uint64_t adapter, std::uint64_t instance, std::string_view id) {
    return {adapter, instance, EndedSessions::mark_of(id)};
}

NewSession new_session(std::string_view id, const Person& user = kAda) {
    return {.key = key_of(1, 2, id),
            .texts = {id, user.name, "acme"},
            .principal = user.hash,
            .tenant = 9,
            .idle_seconds = 1800};
}

SessionTable small_table(std::uint32_t sessions_max = 1024) {
    return SessionTable({.sessions_max = sessions_max, .seed = 42});
}

SessionHandle opened(SessionTable& table, const NewSession& session, std::uint32_t now = kStart) {
    const auto outcome = table.open(session, now);
    EXPECT_TRUE(outcome.has_value());
    return outcome ? outcome->handle : SessionHandle{};
}

void expect_refused(SessionTable& table, const NewSession& session, SessionRefusal why) {
    const auto outcome = table.open(session, kStart);
    ASSERT_FALSE(outcome.has_value());
    EXPECT_EQ(outcome.error(), why);
}

void end_and_release(SessionTable& table, SessionHandle handle) {
    ASSERT_TRUE(table.end(handle));
    table.release(handle);
}

std::string id_of(std::size_t number) {
    return "session-" + std::to_string(number);
}

bool nothing_is_gone(const SessionKey&) {
    return false;
}

// One look at every slot; what was ended is released and returned.
std::vector<std::pair<SessionHandle, ExpiryReason>> sweep_all(SessionTable& table,
                                                              std::uint32_t now) {
    std::vector<std::pair<SessionHandle, ExpiryReason>> ended;
    table.sweep(now, table.slots_touched(), nothing_is_gone,
                [&](SessionHandle handle, ExpiryReason reason) {
                    ended.emplace_back(handle, reason);
                    table.release(handle);
                });
    return ended;
}

TEST(SessionTable, a_session_is_found_by_its_whole_key_only) {
    SessionTable table = small_table();
    const SessionHandle handle = opened(table, new_session("a"));
    SessionKey key = key_of(1, 2, "a");
    EXPECT_EQ(table.find(key), handle);
    EXPECT_FALSE(table.find(key_of(1, 2, "b")));
    EXPECT_FALSE(table.find({key.adapter + 1, key.instance, key.mark}));
    EXPECT_FALSE(table.find({key.adapter, key.instance + 1, key.mark}));
    EXPECT_FALSE(table.find({key.adapter, key.instance, key.mark + 1}));
}

TEST(SessionTable, opening_or_adopting_again_gives_the_session_that_is_there) {
    SessionTable table = small_table();
    const auto first = table.open(new_session("a"), kStart);
    const auto again = table.open(new_session("a", kBob), kStart + 1);
    const auto adopted = table.adopt(new_session("a"), kStart + 2);
    ASSERT_TRUE(first && again && adopted);
    EXPECT_TRUE(first->made);
    EXPECT_FALSE(again->made);
    EXPECT_FALSE(adopted->made);
    EXPECT_EQ(again->handle, first->handle);
    EXPECT_EQ(adopted->handle, first->handle);
    EXPECT_EQ(table.size(), 1U);
    SessionRecord record;
    ASSERT_TRUE(table.read(first->handle, record));
    EXPECT_EQ(record.texts.user(), "ada");
    EXPECT_EQ(record.created, kStart);
    EXPECT_FALSE(record.adopted);
    EXPECT_EQ(table.sessions_of_principal(8), 0U);
}

TEST(SessionTable, a_record_says_all_that_was_told) {
    SessionTable table = small_table();
    const auto adopted = table.adopt(new_session("a"), kStart);
    ASSERT_TRUE(adopted);
    const SessionHandle handle = adopted->handle;
    EXPECT_TRUE(table.touch(handle, kStart + 5));
    EXPECT_TRUE(table.touch(handle, kStart + 6));
    EXPECT_EQ(table.begin_stream(handle, StreamKind::answer, kStart + 7), SessionUse::begun);
    EXPECT_EQ(table.begin_stream(handle, StreamKind::standalone, kStart + 8), SessionUse::begun);
    SessionRecord record;
    ASSERT_TRUE(table.read(handle, record));
    EXPECT_EQ(record.handle, handle);
    EXPECT_EQ(record.key.adapter, 1U);
    EXPECT_EQ(record.key.instance, 2U);
    EXPECT_EQ(record.key.mark, key_of(1, 2, "a").mark);
    EXPECT_EQ(record.principal, 7U);
    EXPECT_EQ(record.created, kStart);
    EXPECT_EQ(record.last_used, kStart + 8);
    EXPECT_EQ(record.idle_seconds, 1800U);
    EXPECT_EQ(record.requests, 2U);
    EXPECT_EQ(record.streams, 2U);
    EXPECT_TRUE(record.has_standalone);
    EXPECT_TRUE(record.adopted);
    EXPECT_EQ(record.texts.server_id(), "a");
    EXPECT_EQ(record.texts.user(), "ada");
    EXPECT_EQ(record.texts.tenant(), "acme");
    table.end_stream(handle, StreamKind::answer, kStart + 9);
    table.end_stream(handle, StreamKind::standalone, kStart + 9);
    ASSERT_TRUE(table.read(handle, record));
    EXPECT_EQ(record.streams, 0U);
    EXPECT_EQ(record.last_used, kStart + 9);
    EXPECT_FALSE(record.has_standalone);
}

TEST(SessionTable, every_place_can_be_used_whatever_the_size) {
    for (const std::uint32_t sessions : {1U, 2U, 3U, 100U, 1000U, 1024U, 5000U, 40'000U}) {
        SessionTable table = small_table(sessions);
        for (std::uint32_t i = 0; i < sessions; ++i)
            ASSERT_TRUE(opened(table, new_session(id_of(i), kNobody))) << i << " of " << sessions;
        EXPECT_EQ(table.size(), sessions);
        expect_refused(table, new_session("one more", kNobody), SessionRefusal::table_full);
        for (std::uint32_t i = 0; i < sessions; ++i)
            ASSERT_TRUE(table.find(key_of(1, 2, id_of(i)))) << i << " of " << sessions;
        end_and_release(table, table.find(key_of(1, 2, id_of(sessions / 2))));
        EXPECT_TRUE(opened(table, new_session("one more", kNobody)));
    }
}

TEST(SessionTable, sessions_come_and_go_without_a_trace) {
    SessionTable table = small_table(3000);
    for (int round = 0; round < 5; ++round) {
        for (std::size_t i = 0; i < 3000; ++i)
            opened(table, new_session(id_of(i)));
        for (std::size_t i = 0; i < 3000; ++i)
            end_and_release(table, table.find(key_of(1, 2, id_of(i))));
        EXPECT_EQ(table.size(), 0U);
        EXPECT_EQ(table.sessions_of_principal(7), 0U);
        EXPECT_EQ(table.sessions_of_tenant(9), 0U);
        for (std::size_t i = 0; i < 3000; ++i)
            ASSERT_FALSE(table.find(key_of(1, 2, id_of(i))));
    }
    EXPECT_EQ(table.slots_touched(), 3000U);
}

TEST(SessionTable, slots_given_back_are_used_before_fresh_ones) {
    SessionTable table = small_table();
    for (std::size_t i = 0; i < 10; ++i)
        opened(table, new_session(id_of(i)));
    for (std::size_t i = 0; i < 1000; ++i) {
        end_and_release(table, table.find(key_of(1, 2, id_of(i))));
        opened(table, new_session(id_of(i + 10)));
    }
    EXPECT_EQ(table.slots_touched(), 10U);
}

// ThreadSanitizer keeps several words for each word that is touched.
#ifdef __SANITIZE_THREAD__
constexpr std::size_t kShadowFactor = 8;
#else
constexpr std::size_t kShadowFactor = 1;
#endif

std::size_t resident_bytes() {
    std::ifstream statm("/proc/self/statm");
    std::size_t all = 0;
    std::size_t resident = 0;
    statm >> all >> resident;
    return resident * 4096;
}

TEST(SessionTable, few_sessions_touch_few_pages_of_a_large_table) {
    const std::size_t before = resident_bytes();
    SessionTable table({.seed = 42});
    for (std::size_t i = 0; i < 1000; ++i)
        opened(table, new_session(id_of(i), {100 + i, "ada"}));
    // A page for each session would be four times as much, and more for each counter.
    EXPECT_LT(resident_bytes() - before, kShadowFactor * 1000 * 1024);
}

TEST(SessionTable, long_texts_are_kept_whole) {
    SessionTable table = small_table();
    for (const std::size_t bytes : {1UL, 90UL, 101UL, 102UL, 103UL, 354UL, 355UL, 1024UL}) {
        std::string id(bytes, 'x');
        id.back() = 'y';
        const Person user{7, std::string(bytes % 257, 'u')};
        const SessionHandle handle = opened(table, new_session(id, user));
        SessionRecord record;
        ASSERT_TRUE(table.read(handle, record));
        EXPECT_EQ(record.texts.server_id(), id);
        EXPECT_EQ(record.texts.user(), user.name);
        EXPECT_EQ(record.texts.tenant(), "acme");
    }
}

TEST(SessionTable, without_room_for_long_texts_a_session_is_refused_and_nothing_is_lost) {
    SessionTable table = small_table(64);  // 32 blocks
    const auto long_id = [](std::size_t i) { return std::string(1000, 'x') + std::to_string(i); };
    for (std::size_t i = 0; i < 8; ++i)
        opened(table, new_session(long_id(i)));
    expect_refused(table, new_session(long_id(8)), SessionRefusal::texts_full);
    EXPECT_EQ(table.size(), 8U);
    EXPECT_EQ(table.sessions_of_principal(7), 8U);
    EXPECT_TRUE(opened(table, new_session("short")));
    SessionRecord record;
    ASSERT_TRUE(table.read(table.find(key_of(1, 2, long_id(3))), record));
    EXPECT_EQ(record.texts.server_id(), long_id(3));
    end_and_release(table, record.handle);
    EXPECT_TRUE(opened(table, new_session(long_id(8))));
}

TEST(SessionTable, a_handle_of_a_former_life_changes_nothing) {
    SessionTable table = small_table();
    const SessionHandle former = opened(table, new_session("a"));
    end_and_release(table, former);
    const SessionHandle present = opened(table, new_session("b"));
    ASSERT_EQ(present.slot, former.slot);
    ASSERT_NE(present.generation, former.generation);
    SessionRecord record;
    EXPECT_FALSE(table.touch(former, kStart + 9));
    EXPECT_EQ(table.begin_request(former, kStart + 9), SessionUse::gone);
    EXPECT_EQ(table.begin_stream(former, StreamKind::standalone, kStart + 9), SessionUse::gone);
    EXPECT_FALSE(table.end(former));
    EXPECT_FALSE(table.read(former, record));
    ASSERT_TRUE(table.read(present, record));
    EXPECT_EQ(record.last_used, kStart);
    EXPECT_EQ(record.requests, 0U);
    EXPECT_EQ(record.streams, 0U);
}

TEST(SessionTable, no_handle_and_handles_of_other_tables_are_gone) {
    SessionTable table = small_table();
    SessionRecord record;
    for (const SessionHandle handle :
         {SessionHandle{}, SessionHandle{1, 0}, SessionHandle{9999, 0}}) {
        EXPECT_FALSE(table.touch(handle, kStart));
        EXPECT_EQ(table.begin_stream(handle, StreamKind::answer, kStart), SessionUse::gone);
        EXPECT_FALSE(table.end(handle));
        EXPECT_FALSE(table.read(handle, record));
    }
}

TEST(SessionTable, there_is_one_standalone_stream_and_any_number_of_answers) {
    SessionTable table = small_table();
    const SessionHandle handle = opened(table, new_session("a"));
    EXPECT_EQ(table.begin_stream(handle, StreamKind::standalone, kStart), SessionUse::begun);
    EXPECT_EQ(table.begin_stream(handle, StreamKind::standalone, kStart), SessionUse::taken);
    EXPECT_EQ(table.begin_stream(handle, StreamKind::answer, kStart), SessionUse::begun);
    table.end_stream(handle, StreamKind::standalone, kStart);
    EXPECT_EQ(table.begin_stream(handle, StreamKind::standalone, kStart), SessionUse::begun);
}

TEST(SessionTable, streams_and_requests_of_a_session_have_limits) {
    SessionTable table = small_table();
    const SessionHandle handle = opened(table, new_session("a"));
    for (std::uint32_t i = 0; i < limits::session_streams_max; ++i)
        ASSERT_EQ(table.begin_stream(handle, StreamKind::answer, kStart), SessionUse::begun);
    EXPECT_EQ(table.begin_stream(handle, StreamKind::answer, kStart), SessionUse::too_many);
    for (std::uint32_t i = 0; i < limits::session_requests_max; ++i)
        ASSERT_EQ(table.begin_request(handle, kStart), SessionUse::begun);
    EXPECT_EQ(table.begin_request(handle, kStart), SessionUse::too_many);
    SessionRecord record;
    ASSERT_TRUE(table.read(handle, record));
    EXPECT_EQ(record.streams, limits::session_streams_max);
    EXPECT_FALSE(record.has_standalone);
    table.end_request(handle, kStart);
    EXPECT_EQ(table.begin_request(handle, kStart), SessionUse::begun);
}

TEST(SessionTable, exactly_one_caller_ends_a_session) {
    SessionTable table = small_table();
    const SessionHandle handle = opened(table, new_session("a"));
    EXPECT_TRUE(table.end(handle));
    EXPECT_FALSE(table.end(handle));
    EXPECT_FALSE(table.find(key_of(1, 2, "a")));
    EXPECT_FALSE(table.touch(handle, kStart));
    SessionRecord record;
    EXPECT_TRUE(table.read(handle, record)) << "who ended it can still tell the server";
    EXPECT_EQ(record.texts.server_id(), "a");
    table.release(handle);
    EXPECT_FALSE(table.read(handle, record));
}

TEST(SessionTable, a_session_that_is_being_ended_is_not_opened_anew) {
    SessionTable table = small_table();
    const SessionHandle handle = opened(table, new_session("a"));
    ASSERT_TRUE(table.end(handle));
    expect_refused(table, new_session("a"), SessionRefusal::ending);
    EXPECT_EQ(table.sessions_of_principal(7), 1U);
    table.release(handle);
    EXPECT_TRUE(opened(table, new_session("a")));
}

TEST(SessionTable, a_held_slot_is_not_used_again_before_the_last_hold_has_gone) {
    SessionTable table = small_table(1);
    const SessionHandle handle = opened(table, new_session("a"));
    ASSERT_EQ(table.begin_request(handle, kStart), SessionUse::begun);
    ASSERT_EQ(table.begin_stream(handle, StreamKind::standalone, kStart), SessionUse::begun);
    end_and_release(table, handle);
    EXPECT_EQ(table.size(), 0U);
    EXPECT_EQ(table.sessions_of_principal(7), 0U);
    EXPECT_FALSE(table.find(key_of(1, 2, "a")));
    expect_refused(table, new_session("b"), SessionRefusal::table_full);
    table.end_request(handle, kStart);
    expect_refused(table, new_session("b"), SessionRefusal::table_full);
    table.end_stream(handle, StreamKind::standalone, kStart);
    EXPECT_TRUE(opened(table, new_session("b")));
}

TEST(SessionTable, a_session_that_was_never_used_expires_after_its_time) {
    SessionTable table = small_table();
    const SessionHandle handle = opened(table, new_session("a"));
    const std::uint32_t due = kStart + limits::unused_session_idle_seconds;
    // It may have been opened at the end of its second, and the sweep be at the beginning of this.
    EXPECT_TRUE(sweep_all(table, due).empty());
    const auto ended = sweep_all(table, due + 1);
    ASSERT_EQ(ended.size(), 1U);
    EXPECT_EQ(ended[0].first, handle);
    EXPECT_EQ(ended[0].second, ExpiryReason::never_used);
    EXPECT_EQ(table.size(), 0U);
}

TEST(SessionTable, a_session_that_was_used_expires_after_its_own_time) {
    SessionTable table = small_table();
    const SessionHandle handle = opened(table, new_session("a"));
    EXPECT_TRUE(table.touch(handle, kStart + 100));
    EXPECT_TRUE(sweep_all(table, kStart + 100 + 1800).empty());
    EXPECT_TRUE(table.touch(handle, kStart + 1899));
    EXPECT_TRUE(sweep_all(table, kStart + 1899 + 1800).empty());
    const auto ended = sweep_all(table, kStart + 1899 + 1801);
    ASSERT_EQ(ended.size(), 1U);
    EXPECT_EQ(ended[0].second, ExpiryReason::idle);
}

TEST(SessionTable, with_no_own_time_a_session_expires_only_if_it_was_never_used) {
    SessionTable table = small_table();
    NewSession session = new_session("used");
    session.idle_seconds = 0;
    EXPECT_TRUE(table.touch(opened(table, session), kStart));
    session = new_session("unused");
    session.idle_seconds = 0;
    opened(table, session);
    EXPECT_EQ(sweep_all(table, UINT32_MAX).size(), 1U);
    EXPECT_TRUE(table.find(key_of(1, 2, "used")));
}

TEST(SessionTable, a_shorter_own_time_holds_for_unused_sessions_too) {
    SessionTable table = small_table();
    NewSession session = new_session("a");
    session.idle_seconds = 60;
    opened(table, session);
    EXPECT_TRUE(sweep_all(table, kStart + 60).empty());
    EXPECT_EQ(sweep_all(table, kStart + 61).size(), 1U);
}

TEST(SessionTable, requests_and_streams_keep_a_session_and_their_end_counts_as_use) {
    SessionTable table = small_table();
    const SessionHandle handle = opened(table, new_session("a"));
    ASSERT_EQ(table.begin_stream(handle, StreamKind::standalone, kStart), SessionUse::begun);
    EXPECT_TRUE(sweep_all(table, kStart + 100'000).empty());
    ASSERT_EQ(table.begin_request(handle, kStart + 100'000), SessionUse::begun);
    table.end_stream(handle, StreamKind::standalone, kStart + 100'000);
    EXPECT_TRUE(sweep_all(table, kStart + 200'000).empty());
    table.end_request(handle, kStart + 200'000);
    EXPECT_TRUE(sweep_all(table, kStart + 200'000 + 1800).empty());
    EXPECT_EQ(sweep_all(table, kStart + 200'000 + 1801).size(), 1U);
}

TEST(SessionTable, a_clock_that_is_behind_ends_nothing) {
    SessionTable table = small_table();
    opened(table, new_session("a"));
    EXPECT_TRUE(sweep_all(table, kStart - 5).empty());
    EXPECT_TRUE(sweep_all(table, 0).empty());
}

TEST(SessionTable, sessions_of_instances_that_are_gone_end_whatever_they_do) {
    SessionTable table = small_table();
    NewSession session = new_session("a");
    opened(table, session);
    session.key = key_of(1, 3, "b");
    session.texts.server_id = "b";
    const SessionHandle busy = opened(table, session);
    ASSERT_EQ(table.begin_stream(busy, StreamKind::standalone, kStart), SessionUse::begun);
    std::vector<SessionHandle> ended;
    const auto gone = [](const SessionKey& key) { return key.instance == 3; };
    EXPECT_EQ(table.sweep(kStart, 10, gone,
                          [&](SessionHandle handle, ExpiryReason reason) {
                              EXPECT_EQ(reason, ExpiryReason::instance_gone);
                              ended.push_back(handle);
                              table.release(handle);
                          }),
              1U);
    EXPECT_EQ(ended, std::vector{busy});
    EXPECT_TRUE(table.find(key_of(1, 2, "a")));
    table.end_stream(busy, StreamKind::standalone, kStart);
}

TEST(SessionTable, a_sweep_looks_at_so_many_slots_and_goes_on_where_it_was) {
    SessionTable table = small_table();
    for (std::size_t i = 0; i < 100; ++i)
        opened(table, new_session(id_of(i)));
    const auto release = [&](SessionHandle handle, ExpiryReason) { table.release(handle); };
    std::uint32_t left = 100;
    for (int turn = 0; turn < 10; ++turn) {
        EXPECT_EQ(table.sweep(kStart + 10'000, 10, nothing_is_gone, release), 10U);
        EXPECT_EQ(table.size(), left -= 10);
    }
    EXPECT_EQ(table.sweep(kStart + 10'000, 1000, nothing_is_gone, release), 0U);
}

TEST(SessionTable, a_user_has_no_more_sessions_than_the_limit) {
    SessionTable table = small_table();
    NewSession session = new_session("");
    const auto named = [&](const std::string& id) {
        session.key = key_of(1, 2, id);
        session.texts.server_id = id;
        session.principal_sessions_max = 3;
        return session;
    };
    const std::vector<std::string> ids{"a", "b", "c", "d"};
    for (std::size_t i = 0; i < 3; ++i)
        opened(table, named(ids[i]));
    expect_refused(table, named("d"), SessionRefusal::principal_full);
    EXPECT_EQ(table.sessions_of_principal(7), 3U);
    EXPECT_EQ(table.sessions_of_tenant(9), 3U);
    EXPECT_EQ(table.size(), 3U);
    EXPECT_TRUE(table.open(named("b"), kStart).has_value()) << "it is there already";
    session.principal = 8;
    opened(table, named("other user"));
    session.principal = 7;
    end_and_release(table, table.find(key_of(1, 2, "a")));
    opened(table, named("d"));
    EXPECT_EQ(table.sessions_of_principal(7), 3U);
}

TEST(SessionTable, a_tenant_has_no_more_sessions_than_the_limit) {
    SessionTable table = small_table();
    NewSession session = new_session("a");
    session.tenant_sessions_max = 1;
    const SessionHandle first = opened(table, session);
    session = new_session("b", kBob);
    session.tenant_sessions_max = 1;
    expect_refused(table, session, SessionRefusal::tenant_full);
    EXPECT_EQ(table.sessions_of_principal(8), 0U) << "the user's count was given back";
    end_and_release(table, first);
    opened(table, session);
    EXPECT_EQ(table.sessions_of_tenant(9), 1U);
}

TEST(SessionTable, who_is_nobody_is_not_counted) {
    SessionTable table = small_table();
    NewSession session = new_session("a");
    session.principal = session.tenant = 0;
    session.principal_sessions_max = session.tenant_sessions_max = 1;
    opened(table, session);
    session.key = key_of(1, 2, "b");
    opened(table, session);
    EXPECT_EQ(table.size(), 2U);
}

TEST(SessionTable, a_listing_visits_each_session_once_while_others_come_and_go) {
    SessionTable table = small_table();
    for (std::size_t i = 0; i < 500; ++i)
        opened(table, new_session(id_of(i)));
    std::multiset<std::string> seen;
    std::uint32_t cursor = 0;
    std::size_t page = 0;
    do {
        std::size_t visited = 0;
        cursor = table.visit(cursor, 37, [&](const SessionRecord& record) {
            ++visited;
            seen.emplace(record.texts.server_id());
            return visited < 30;
        });
        EXPECT_LE(visited, 30U);
        // Odd ones below 200 end, new ones come.
        const std::size_t victim = 2 * page + 1;
        if (victim < 200) end_and_release(table, table.find(key_of(1, 2, id_of(victim))));
        opened(table, new_session(id_of(10'000 + page)));
        ++page;
    } while (cursor != 0);
    for (std::size_t i = 0; i < 500; ++i)
        if (i >= 2 * page || i % 2 == 0) {
            EXPECT_EQ(seen.count(id_of(i)), 1U) << i;
        }
}

TEST(SessionTable, a_page_that_ends_with_the_last_session_is_the_last) {
    SessionTable table = small_table();
    for (std::size_t i = 0; i < 6; ++i)
        opened(table, new_session(id_of(i)));
    std::size_t visited = 0;
    const auto count = [&](const SessionRecord&) { return ++visited > 0; };
    const std::uint32_t middle = table.visit(0, 3, count);
    EXPECT_NE(middle, 0U);
    EXPECT_EQ(table.visit(middle, 3, count), 0U);
    EXPECT_EQ(visited, 6U);
}

TEST(SessionTable, a_visit_looks_at_so_many_places_whether_anybody_is_there_or_not) {
    SessionTable table = small_table();
    for (std::size_t i = 0; i < 6; ++i)
        opened(table, new_session(id_of(i)));
    for (std::size_t i = 0; i < 5; ++i)
        end_and_release(table, table.find(key_of(1, 2, id_of(i))));
    std::size_t visited = 0;
    const auto count = [&](const SessionRecord&) { return ++visited > 0; };
    const std::uint32_t cursor = table.visit(0, 4, count);
    EXPECT_EQ(cursor, 4U);
    EXPECT_EQ(visited, 0U);
    EXPECT_EQ(table.visit(cursor, 4, count), 0U);
    EXPECT_EQ(visited, 1U);
}

TEST(SessionTable, a_public_id_leads_back_to_its_session_and_to_no_later_one) {
    SessionTable table = small_table();
    const SessionHandle first = opened(table, new_session("a"));
    const SessionHandle second = opened(table, new_session("b"));
    const auto text = [](const SessionTable::PublicId& id) {
        return std::string(id.data(), id.size());
    };
    const std::string id = text(table.public_id(first));
    EXPECT_EQ(table.from_public_id(id), first);
    EXPECT_EQ(table.from_public_id(text(table.public_id(second))), second);
    EXPECT_NE(id, text(table.public_id(second)));
    end_and_release(table, first);
    ASSERT_EQ(opened(table, new_session("c")).slot, first.slot);
    EXPECT_FALSE(table.end(table.from_public_id(id)));
    SessionTable next_process({.sessions_max = 1024, .seed = 43});
    opened(next_process, new_session("a"));
    EXPECT_FALSE(next_process.end(next_process.from_public_id(id)));
}

TEST(SessionTable, what_is_no_public_id_is_no_handle) {
    SessionTable table = small_table();
    for (const char* text : {"", "0", "0123456789abcde", "0123456789abcdeg", "0123456789abcdef0"})
        EXPECT_FALSE(table.from_public_id(text)) << text;
}

}  // namespace
}  // namespace mcpgw
