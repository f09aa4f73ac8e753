// What people read of servers under a real systemd and its journal: the newest run, the one before,
// and what comes.
#include <atomic>
#include <mutex>
#include <thread>

#include "controlplane/systemd/systemd_fixture.h"

namespace mcpgw::systemd {
namespace {

using namespace testing;  // NOLINT: tests speak its words

class Logs : public SystemdDeployerTest {
  protected:
    // What was written is in the journal a moment later.
    [[nodiscard]] bool log_becomes(const deploy::LogQuery& query, const std::string& wanted) {
        std::string text;
        const bool good = eventually([&] { return (text = log_text(query)) == wanted; });
        if (!good) ADD_FAILURE() << text;
        return good;
    }
    void say(const std::string& text) { EXPECT_EQ(ask(one().port, "say " + text), "ok"); }
    std::string listening() { return "listening on " + std::to_string(one().port) + "\n"; }
};

TEST_F(Logs, begin_with_an_explaining_line) {
    adapter_.replica_count = 1;
    deployer();
    std::filesystem::create_directories(instance_path());
    EXPECT_EQ(log_text(), "The server has not started yet.\n");
    EXPECT_EQ(log_text({.previous = true}), "There is no log of an earlier run.\n");
    const Result<> missing =
        deployer().logs(adapter_, {.instance = 7}, [](std::string_view) { return true; });
    ASSERT_FALSE(missing.has_value());
    EXPECT_EQ(missing.error().code, Code::not_found);
}

TEST_F(Logs, hold_what_the_server_wrote_and_nothing_else) {
    ASSERT_TRUE(until(ready_count(1)));
    say("one");
    say("two");
    say("three");
    EXPECT_TRUE(log_becomes({}, listening() + "one\ntwo\nthree\n"));
    EXPECT_TRUE(log_becomes({.tail = 2}, "two\nthree\n"));
    EXPECT_TRUE(log_becomes({.tail = 0}, ""));
    EXPECT_TRUE(log_becomes({.since_unix_ms = unix_millis_now() + 3'600'000}, ""));
    EXPECT_TRUE(log_becomes({.since_unix_ms = unix_millis_now() - 3'600'000},
                            listening() + "one\ntwo\nthree\n"));
}

TEST_F(Logs, of_an_earlier_run_are_kept_apart) {
    ASSERT_TRUE(until(ready_count(1)));
    const std::string first = listening();
    say("before");
    EXPECT_EQ(ask(one().port, "exit 1"), "");
    ASSERT_TRUE(until([](const auto& all) { return all[0].ready && all[0].restarts == 1; }));
    say("after");
    EXPECT_TRUE(log_becomes({}, listening() + "after\n"));
    EXPECT_TRUE(log_becomes({.previous = true}, first + "before\n"));
}

TEST_F(Logs, of_two_instances_are_kept_apart) {
    adapter_.replica_count = 2;
    ASSERT_TRUE(until(ready_count(2)));
    say("I am the first");
    const std::uint16_t other = deployer().observe("x").at(1).port;
    EXPECT_TRUE(log_becomes({}, listening() + "I am the first\n"));
    EXPECT_TRUE(log_becomes({.instance = 1}, "listening on " + std::to_string(other) + "\n"));
}

TEST_F(Logs, that_are_followed_go_on_through_a_restart_until_the_reader_leaves) {
    ASSERT_TRUE(until(ready_count(1)));
    say("before");
    ASSERT_TRUE(log_becomes({}, listening() + "before\n"));
    std::mutex mutex;
    std::string text;
    std::atomic<bool> leaves = false;
    const auto contains = [&](const std::string& wanted) {
        const std::scoped_lock lock(mutex);
        return text.find(wanted) != std::string::npos;
    };
    deployer();
    std::thread reader([&] {
        const Result<> done =
            deployer_->logs(adapter_, {.tail = 1, .follow = true}, [&](std::string_view piece) {
                const std::scoped_lock lock(mutex);
                text += piece;
                return !leaves;
            });
        EXPECT_TRUE(done.has_value());
    });
    EXPECT_TRUE(eventually([&] { return contains("before\n"); }));
    say("meanwhile");
    EXPECT_TRUE(eventually([&] { return contains("before\nmeanwhile\n"); }));
    EXPECT_EQ(ask(one().port, "exit 1"), "");
    EXPECT_TRUE(until([](const auto& all) { return all[0].ready && all[0].restarts == 1; }));
    say("after");
    EXPECT_TRUE(eventually([&] { return contains(listening() + "after\n"); }));
    leaves = true;
    reader.join();
}

TEST_F(Logs, that_are_followed_end_with_the_instance) {
    ASSERT_TRUE(until(ready_count(1)));
    std::thread reader([this] {
        const Result<> done =
            deployer_->logs(adapter_, {.follow = true}, [](std::string_view) { return true; });
        EXPECT_TRUE(done.has_value());
    });
    EXPECT_TRUE(drive_away(deployer(), "x"));
    reader.join();
}

}  // namespace
}  // namespace mcpgw::systemd
