// One child process that speaks lines on its standard input and output.
//
//   running -> ending (input closed) -> terminated (SIGTERM) -> killed (SIGKILL) -> gone
//
// end(), the end of its output or a broken line start the way to the right; each step has
// limits::bridge_child_grace_ms. One thread per child forks it, reads it and reaps it: the kernel
// sends the parent-death signal when the forking *thread* ends, so that thread must outlive the
// child. The child leads a process group, and the whole group is killed at the end. What it writes
// to standard error goes to ours, line by line, with its process id in front.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <sys/types.h>

#include "common/result.h"
#include "common/time.h"
#include "tools/server/spawn.h"

namespace mcpgw::server {

// Called on the child's thread. A callback may block; meanwhile the child is not read.
struct ChildEvents {
    std::function<void(pid_t pid)> on_start;
    std::function<void(std::string_view line)> on_line;  // without its end; never empty
    // The child is of no more use, though nobody asked for its end. At most once.
    std::function<void(const std::string& why)> on_lost;
    // It is reaped, and nothing of it comes any more. Once if it was started.
    std::function<void(pid_t pid, const std::string& how)> on_gone;
};

class ChildProcess {
  public:
    explicit ChildProcess(ChildEvents events);
    ~ChildProcess();  // end_and_wait()
    ChildProcess(const ChildProcess&) = delete;
    ChildProcess& operator=(const ChildProcess&) = delete;

    // Returns when the program runs, or with the reason why it does not. Once.
    [[nodiscard]] Result<> start(const ChildCommand& command);
    // Writes the line and its end. Errors: timed_out (nothing was written), unavailable (it has
    // ended, or took only a part of the line and is therefore ended now).
    [[nodiscard]] Result<> write_line(std::string_view line, std::chrono::milliseconds time);
    // Starts the end; returns at once.
    void end();
    // Starts the end and returns when the child is gone. Not on the child's own thread; by its
    // owner.
    void end_and_wait();
    // Its thread has nothing more to do; destruction does not wait.
    [[nodiscard]] bool gone() const { return gone_; }

  private:
    enum class State : std::uint8_t { running, ending, terminated, killed };

    void run(Spawned child);
    void watch();
    void step_right();  // the next state and what is done on entering it
    void lose(const std::string& why);
    bool read_output();  // false: no more will come now
    bool read_errors();
    bool take_lines(std::string_view bytes);  // false: a line is too long
    void take_errors(std::string_view bytes);
    void drain();
    bool write_all(std::string_view& rest, std::chrono::steady_clock::time_point until);
    bool take_input(std::chrono::steady_clock::time_point until);
    void release_input();
    void close_input();

    const ChildEvents events_;
    const int end_event_;  // readable from end() on
    std::mutex input_mutex_;
    std::condition_variable input_free_;
    bool input_busy_ = false;  // somebody writes a line; only who sets it may use or close input_
    int input_ = -1;
    std::atomic<bool> input_broken_ = false;
    // From here on only the child's thread.
    Spawned child_;
    State state_ = State::running;
    Nanos step_due_ = kNever;
    bool lost_ = false;
    std::string line_;
    std::string error_line_;

    std::atomic<bool> gone_ = true;  // before the start, and again at the end
    std::thread thread_;
};

}  // namespace mcpgw::server
