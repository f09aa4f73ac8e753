// The thread that watches a child, and the writing of its input from other threads.
#include "tools/server/child_process.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <future>
#include <system_error>
#include <utility>

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/uio.h>
#include <unistd.h>

#include "common/check.h"
#include "common/limits.h"

namespace mcpgw::server {
namespace {

constexpr std::size_t kReadBytes = 64 * 1024;
// A process that ends closes its output a moment earlier; its exit status is the better reason.
constexpr int kEndAfterOutputMs = 100;

bool would_block() {
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

// One that was never opened has nobody to wake.
void raise(int event) {
    if (event < 0) return;
    const std::uint64_t one = 1;
    // Full is as good as written: it is readable.
    if (write(event, &one, sizeof one) < 0) check(errno == EAGAIN, "eventfd takes a count");
}

// Reads once. Nothing: the end (or an error, which is the end too); empty: nothing there yet.
bool read_once(int fd, char* buffer, std::string_view& got) {
    const ssize_t size = read(fd, buffer, kReadBytes);
    if (size > 0) {
        got = {buffer, static_cast<std::size_t>(size)};
        return true;
    }
    got = {};
    return size < 0 && would_block();
}

}  // namespace

ChildProcess::ChildProcess(ChildEvents events)
    : events_(std::move(events)),
      lines_({[this](std::string_view line) { note(events_.on_line(line)); },
              [this](const jsonrpc::Peek& message) { note(events_.on_long_line(message)); }}),
      log_(write_to_standard_error) {}

ChildProcess::~ChildProcess() {
    end_and_wait();
    close_fd(end_event_);
    close_fd(look_event_);
}

void ChildProcess::end_and_wait() {
    end();
    if (thread_.joinable()) thread_.join();
}

Result<> ChildProcess::open_events() {
    for (int* event : {&end_event_, &look_event_}) {
        *event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (*event < 0) return std::unexpected(error_from_errno(errno, "no event for a child"));
    }
    return {};
}

Result<> ChildProcess::start(const ChildCommand& command) {
    check(end_event_ < 0 && !thread_.joinable(), "a child is started once");
    if (auto opened = open_events(); !opened) return opened;
    std::promise<Result<>> started;
    auto outcome = started.get_future();
    try {
        thread_ = std::thread([this, &command, told = std::move(started)]() mutable {
            auto child = spawn(command);
            if (!child) {
                told.set_value(std::unexpected(child.error()));
                return;
            }
            input_ = std::exchange(child->input, -1);  // start() has not returned yet
            log_.set_process(child->pid);
            events_.on_start(child->pid);
            told.set_value({});
            run(*child);
        });
    } catch (const std::system_error& error) {
        return failure(Code::limit_exceeded, std::string("no thread: ") + error.what());
    }
    return outcome.get();
}

void ChildProcess::run(Spawned child) {
    child_ = child;
    watch();
    // As long as the child is not reaped, its process id names its group and nothing else.
    kill(-child_.pid, SIGKILL);
    drain();
    close_input();
    close_fd(child_.output);
    close_fd(child_.errors);
    close_fd(child_.process);
    events_.on_end(child_.pid);
    const std::string how = reap(child_.pid);
    if (state_ == State::running) lose("the server process ended: " + how);
    events_.on_gone(child_.pid, how);
}

int ChildProcess::wait_ms() const {
    const Nanos due = std::min(step_due_, log_.tick_due());
    if (due == kNever) return -1;
    const Nanos now = monotonic_now();
    return now < due ? static_cast<int>((due - now) / kMillisecond) + 1 : 0;
}

// Returns when the process has ended; it is not reaped yet.
void ChildProcess::watch() {
    for (;;) {
        pollfd fds[] = {{child_.process, POLLIN, 0},
                        {events_.may_read() ? child_.output : -1, POLLIN, 0},
                        {child_.errors, POLLIN, 0},
                        {state_ == State::running ? end_event_ : -1, POLLIN, 0},
                        {look_event_, POLLIN, 0}};
        if (poll(fds, std::size(fds), wait_ms()) < 0) check(errno == EINTR, "poll");
        if (fds[0].revents != 0) return;
        if (std::uint64_t looks = 0; fds[4].revents != 0)
            check(read(look_event_, &looks, sizeof looks) > 0, "a raised event has a count");
        if (fds[2].revents != 0 && !read_errors()) close_fd(child_.errors);
        if (fds[1].revents != 0 && !read_output()) {
            close_fd(child_.output);
            if (poll(fds, 1, kEndAfterOutputMs) > 0) return;
            lose("the server closed its output");
        }
        if (fds[3].revents != 0 && state_ == State::running) {
            if (input_broken_)
                lose("the server took only a part of a message");
            else
                step_right();
        }
        const Nanos now = monotonic_now();
        log_.tick(now);
        if (now >= step_due_) step_right();
    }
}

void ChildProcess::step_right() {
    step_due_ = monotonic_now() + limits::bridge_child_grace_ms * kMillisecond;
    switch (state_) {
        case State::running:
            state_ = State::ending;
            close_input();
            break;
        case State::ending:
            state_ = State::terminated;
            kill(-child_.pid, SIGTERM);
            break;
        case State::terminated:
            state_ = State::killed;
            kill(-child_.pid, SIGKILL);
            step_due_ = kNever;
            break;
        case State::killed:
            step_due_ = kNever;
            break;
    }
}

void ChildProcess::lose(const std::string& why) {
    if (lost_ || state_ != State::running) return;
    lost_ = true;
    if (child_.process >= 0) step_right();
    events_.on_lost(why);
}

bool ChildProcess::read_output() {
    char buffer[kReadBytes];
    std::string_view got;
    if (!read_once(child_.output, buffer, got)) return false;
    if (lines_.feed(got)) return true;
    lose("a line of the server is longer than " + std::to_string(limits::stdio_line_bytes_max) +
         " bytes and no message");
    return false;
}

bool ChildProcess::read_errors() {
    char buffer[kReadBytes];
    std::string_view got;
    const bool more = read_once(child_.errors, buffer, got);
    log_.append(got, monotonic_now());
    return more;
}

void ChildProcess::note(const Result<>& outcome) {
    if (!outcome) log_.note(outcome.error().detail, monotonic_now());
}

// The last words of a process that has ended. What left its group may still write, hence a bound.
void ChildProcess::drain() {
    constexpr std::size_t turns = limits::stdio_line_bytes_max / kReadBytes;
    for (std::size_t i = 0; i < turns; ++i) {
        pollfd fds[] = {{child_.output, POLLIN, 0}, {child_.errors, POLLIN, 0}};
        if (poll(fds, std::size(fds), 0) <= 0) break;
        if (fds[0].revents != 0 && !read_output()) close_fd(child_.output);
        if (fds[1].revents != 0 && !read_errors()) close_fd(child_.errors);
    }
    log_.finish(monotonic_now());
}

void ChildProcess::look_again() {
    raise(look_event_);
}

void ChildProcess::end() {
    raise(end_event_);
}

bool ChildProcess::take_input(std::chrono::steady_clock::time_point until) {
    std::unique_lock lock(input_mutex_);
    if (!input_free_.wait_until(lock, until, [this] { return !input_busy_; })) return false;
    input_busy_ = true;
    return true;
}

void ChildProcess::release_input() {
    const std::lock_guard lock(input_mutex_);
    input_busy_ = false;
    input_free_.notify_one();
}

void ChildProcess::close_input() {
    end();  // whoever writes lets go
    std::unique_lock lock(input_mutex_);
    input_free_.wait(lock, [this] { return !input_busy_; });
    close_fd(input_);
    input_free_.notify_one();
}

Result<> ChildProcess::write_line(std::string_view line,
                                  std::chrono::steady_clock::time_point until) {
    const auto slow = [] {
        return failure(Code::timed_out, "the server does not take its input", Side::backend);
    };
    const auto ended = [] {
        return failure(Code::unavailable, "the server process has ended", Side::backend);
    };
    if (!take_input(until)) return slow();
    std::size_t written = 0;
    const bool open = input_ >= 0;
    const bool complete = open && write_all(line, written, until);
    // Half a line: whatever followed would be read as its end.
    if (open && !complete && written > 0) input_broken_ = true;
    release_input();
    if (complete) return {};
    if (open && written == 0 && std::chrono::steady_clock::now() >= until) return slow();
    end();
    return ended();
}

bool ChildProcess::write_all(std::string_view line, std::size_t& written,
                             std::chrono::steady_clock::time_point until) {
    char newline = '\n';
    for (;;) {
        const std::string_view rest = line.substr(std::min(written, line.size()));
        const iovec pieces[] = {{const_cast<char*>(rest.data()), rest.size()}, {&newline, 1}};
        const ssize_t taken = writev(input_, pieces, std::size(pieces));
        if (taken < 0 && !would_block()) return false;
        if (taken > 0) written += static_cast<std::size_t>(taken);
        if (written > line.size()) return true;
        // Rounded up, so that the time is over when it is zero: who has written nothing may go on.
        const auto left =
            std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
        if (left.count() <= 0) return false;
        pollfd fds[] = {{input_, POLLOUT, 0}, {end_event_, POLLIN, 0}};
        if (poll(fds, std::size(fds), static_cast<int>(left.count())) <= 0) continue;
        if (fds[1].revents != 0) return false;
    }
}

}  // namespace mcpgw::server
