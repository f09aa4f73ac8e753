// A writer that is killed at any moment, over and over: what it was told is there.
//
// The writer is a process of its own. It says each acknowledged change over a pipe, and the parent
// looks at the database after the kill. Moments are random; a failure prints the seed.
#include <csignal>
#include <ctime>
#include <random>

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "controlplane/store/store_fixture.h"

namespace mcpgw::store {
namespace {

class KillTest : public StoreFolderTest {
  protected:
    // Counts the replicas of "x" up for ever; each number goes to the pipe when it is acknowledged.
    [[noreturn]] static void write_for_ever(const std::string& path, int pipe) {
        auto store = SqliteStore::open(path);
        if (!store) ::_exit(3);
        auto present = (*store)->get("x");
        if (!present) present = (*store)->create(adapter("x"), audit("adapter.create"));
        for (std::uint64_t step = std::stoull("0" + present->description) + 1;; ++step) {
            model::Adapter next = adapter("x", std::to_string(step));
            present = (*store)->replace(next, present->version, audit("adapter.replace"));
            if (!present || ::write(pipe, &step, sizeof(step)) != sizeof(step)) ::_exit(4);
        }
    }
    static std::uint64_t last_of(int pipe, std::uint64_t last) {
        std::uint64_t step = 0;
        while (::read(pipe, &step, sizeof(step)) == sizeof(step))
            last = step;
        return last;
    }
};

TEST_F(KillTest, every_acknowledged_change_is_there_after_a_kill_at_any_moment) {
    const auto seed = static_cast<std::uint64_t>(std::random_device{}());
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 dice(seed);
    std::uint64_t acknowledged = 0;
    for (int round = 0; round < 25; ++round) {
        int pipe[2];
        ASSERT_EQ(::pipe(pipe), 0);
        const pid_t writer = ::fork();
        ASSERT_GE(writer, 0);
        if (writer == 0) write_for_ever(path_, pipe[1]);
        ::close(pipe[1]);
        // Its first word, and then a moment of up to 20 ms.
        pollfd entry{pipe[0], POLLIN, 0};
        ASSERT_EQ(::poll(&entry, 1, 30'000), 1);
        const timespec moment{0, static_cast<long>(dice() % 20'000'000)};
        ::nanosleep(&moment, nullptr);
        ::kill(writer, SIGKILL);
        int status = 0;
        ASSERT_EQ(::waitpid(writer, &status, 0), writer);
        ASSERT_TRUE(WIFSIGNALED(status)) << "it ended by itself";
        const std::uint64_t before = acknowledged;
        acknowledged = last_of(pipe[0], acknowledged);
        ::close(pipe[0]);
        ASSERT_GT(acknowledged, before);

        const auto store = open();
        ASSERT_TRUE(store);
        const std::uint64_t found = std::stoull(store->get("x")->description);
        ASSERT_GE(found, acknowledged);
        ASSERT_LE(found, acknowledged + 1) << "the one whose answer was cut off";
        const AuditRecord newest = store->audit(std::nullopt, 1)->at(0);
        ASSERT_EQ(newest.id, found + 1) << "each change with its record";
        ASSERT_EQ(damage_of(path_), "");
        acknowledged = found;
    }
}

}  // namespace
}  // namespace mcpgw::store
