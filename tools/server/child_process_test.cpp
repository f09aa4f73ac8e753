// A child when the machine has nothing left to start it with.
#include "tools/server/child_process.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

namespace mcpgw::server {
namespace {

// Leaves so many descriptors to this process, as long as it lives.
class FewDescriptors {
  public:
    explicit FewDescriptors(int left) {
        EXPECT_EQ(getrlimit(RLIMIT_NOFILE, &before_), 0);
        rlimit few = before_;
        for (int n = 0; n <= left; ++n) {
            // The lowest that is free. Those below the last of them stay to be had.
            fds_[n] = dup(0);
            few.rlim_cur = static_cast<rlim_t>(fds_[n]);
        }
        for (int n = 0; n <= left; ++n)
            close(fds_[n]);
        EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
    }
    ~FewDescriptors() { EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &before_), 0); }
    FewDescriptors(const FewDescriptors&) = delete;
    FewDescriptors& operator=(const FewDescriptors&) = delete;

  private:
    rlimit before_ = {};
    int fds_[32] = {};
};

ChildEvents deaf() {
    ChildEvents events;
    events.on_start = [](pid_t) {};
    events.may_read = [] { return true; };
    events.on_line = [](std::string_view) { return Result<>(); };
    events.on_long_line = [](const jsonrpc::Peek&) { return Result<>(); };
    events.on_lost = [](const std::string&) {};
    events.on_end = [](pid_t) {};
    events.on_gone = [](pid_t, const std::string&) {};
    return events;
}

TEST(ChildProcess, without_descriptors_it_fails_to_start_and_nothing_else) {
    const ChildCommand command{"/bin/sh", {"sh", "-c", "read line"}, {}};
    {
        // The sanitizers look at each type once, and need descriptors for it.
        ChildProcess child(deaf());
        ASSERT_TRUE(child.start(command));
    }
    int left = 0;
    for (bool started = false; !started; ++left) {
        // Two events, eight ends of pipes and a process are more than enough.
        ASSERT_LT(left, 16);
        const FewDescriptors few(left);
        ChildProcess child(deaf());
        const auto outcome = child.start(command);
        started = outcome.has_value();
        if (!started) {
            EXPECT_EQ(outcome.error().code, Code::limit_exceeded) << outcome.error().detail;
        }
        child.look_again();
    }
    EXPECT_GT(left, 10) << "it needs more than that";
}

}  // namespace
}  // namespace mcpgw::server
