// One child process that speaks lines on its standard input and output.
//
//   running -> ending (input closed) -> terminated (SIGTERM) -> killed (SIGKILL) -> gone
//
// end(), the end of its output or a hopeless line start the way to the right; each step has
// limits::bridge_child_grace_ms. One thread per child forks it, reads it and reaps it: the kernel
// sends the parent-death signal when the forking *thread* ends, so that thread must outlive the
// child, and waits for nothing else, so that no child stays unreaped. The child leads a process
// group, and the whole group is killed at the end. What it writes to standard error goes to ours,
// within the bounds of child_log.
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

#include <sys/types.h>

#include "common/result.h"
#include "common/time.h"
#include "tools/server/child_log.h"
#include "tools/server/line_reader.h"
#include "tools/server/spawn.h"

namespace mcpgw::server {

// Called on the child's thread; none may block.
struct ChildEvents {
    std::function<void(pid_t pid)> on_start;
    // Whether its output may be read now. Asked before every wait, and again after look_again().
    std::function<bool()> may_read;
    // A line without its end, never empty. An error is noted in the child's log.
    std::function<Result<>(std::string_view line)> on_line;
    // The same for a message that is longer than a line may be.
    std::function<Result<>(const jsonrpc::Peek& message)> on_long_line;
    // The child is of no more use, though nobody asked for its end. At most once.
    std::function<void(const std::string& why)> on_lost;
    // It has ended and its group was killed, but its process id is still its own. Once if it was
    // started; so is the next.
    std::function<void(pid_t pid)> on_end;
    // It is reaped, and nothing of it comes any more.
    std::function<void(pid_t pid, const std::string& how)> on_gone;
};

class ChildProcess {
  public:
    explicit ChildProcess(ChildEvents events);
    ~ChildProcess();  // end_and_wait()
    ChildProcess(const ChildProcess&) = delete;
    ChildProcess& operator=(const ChildProcess&) = delete;

    // Returns when the program runs, or with the reason why it does not. Once, and before all that
    // follows.
    [[nodiscard]] Result<> start(const ChildCommand& command);
    // Writes the line and its end. Errors: timed_out (nothing was written), unavailable (it has
    // ended, or took only a part of the line and is therefore ended now).
    [[nodiscard]] Result<> write_line(std::string_view line,
                                      std::chrono::steady_clock::time_point until);
    // may_read has changed.
    void look_again();
    // Starts the end; returns at once.
    void end();
    // Starts the end and returns when the child is gone. Not on the child's own thread; by its
    // owner.
    void end_and_wait();

  private:
    enum class State : std::uint8_t { running, ending, terminated, killed };

    [[nodiscard]] Result<> open_events();
    void run(Spawned child);
    void watch();
    [[nodiscard]] int wait_ms() const;  // until the next thing that is due; -1: forever
    void step_right();                  // the next state and what is done on entering it
    void lose(const std::string& why);
    bool read_output();  // false: no more will come now
    bool read_errors();
    void note(const Result<>& outcome);
    void drain();
    bool write_all(std::string_view line, std::size_t& written,
                   std::chrono::steady_clock::time_point until);
    bool take_input(std::chrono::steady_clock::time_point until);
    void release_input();
    void close_input();

    const ChildEvents events_;
    int end_event_ = -1;   // readable from end() on; -1: never started
    int look_event_ = -1;  // readable between look_again() and the look
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
    LineReader lines_;
    ChildLog log_;

    std::thread thread_;
};

}  // namespace mcpgw::server
