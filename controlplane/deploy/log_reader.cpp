// Tail by scanning a file that is bounded anyway; follow with inotify on the directory.
#include "controlplane/deploy/log_reader.h"

#include <array>
#include <cerrno>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/time.h"
#include "controlplane/deploy/instance_directory.h"
#include "controlplane/shim/server_log.h"

namespace mcpgw::deploy {
namespace {

// How often a reader that follows is asked whether it is still there. Also the longest delay should
// the kernel have no inotify watch left for us.
constexpr int kHeartbeatMs = 500;

constexpr const char* kLog = "/log";
constexpr const char* kLogBefore = "/log.1";

constexpr std::string_view kStampForm = "0000-00-00T00:00:00.000Z ";

// A line starts with a stamp unless it is the cut-off rest of a longer one.
bool has_stamp(std::string_view line) {
    if (line.size() < kStampForm.size()) return false;
    for (std::size_t i = 0; i < kStampForm.size(); ++i) {
        const bool digit = line[i] >= '0' && line[i] <= '9';
        if (kStampForm[i] == '0' ? !digit : line[i] != kStampForm[i]) return false;
    }
    return true;
}

// Removes stamps and drops lines that are too old. Keeps the beginning of a line that is not
// complete until the rest, or the decision about it, has come.
class LineFilter {
  public:
    explicit LineFilter(std::uint64_t since_unix_ms)
        : since_(since_unix_ms == 0 ? std::string() : rfc3339(since_unix_ms)) {}

    std::string take(std::string_view bytes) {
        held_ += bytes;
        std::string out;
        for (std::size_t end = 0; (end = held_.find('\n')) != std::string::npos;) {
            pass(std::string_view(held_).substr(0, end + 1), out);
            held_.erase(0, end + 1);
        }
        return out;
    }
    // The file ended: what is held counts as a line.
    std::string finish() {
        std::string out;
        if (!held_.empty()) pass(held_ + "\n", out);
        held_.clear();
        return out;
    }

  private:
    void pass(std::string_view line, std::string& out) {
        const bool stamped = has_stamp(line);
        // RFC 3339 in UTC with fixed width compares like time.
        if (stamped) passing_ = line.substr(0, shim::kStampBytes - 1) >= since_;
        if (!passing_) return;
        out += stamped ? line.substr(shim::kStampBytes) : line;
    }

    const std::string since_;
    std::string held_;
    bool passing_ = true;
};

// The part of `text` that holds its last `count` lines.
std::string_view last_lines(std::string_view text, std::size_t count) {
    if (count == 0) return {};
    std::size_t at = text.size();
    if (text.ends_with('\n')) --at;
    for (; count > 0; --count) {
        if (at == 0) return text;
        const std::size_t before = text.rfind('\n', at - 1);
        if (before == std::string_view::npos) return text;
        at = before;
    }
    return text.substr(at + 1);
}

// An open log file that is read to its end again and again.
class Tail {
  public:
    Tail(std::string directory, const char* name)
        : directory_(std::move(directory)), path_(directory_ + name) {
        open_now();
    }

    [[nodiscard]] const std::string& directory() const { return directory_; }

    [[nodiscard]] bool is_open() const { return static_cast<bool>(file_); }
    std::string read_on() const {
        std::string text;
        std::array<char, 65536> block;
        while (file_) {
            const ssize_t got = read(file_.get(), block.data(), block.size());
            if (got < 0 && errno == EINTR) continue;
            if (got <= 0) break;
            text.append(block.data(), static_cast<std::size_t>(got));
        }
        return text;
    }
    // The name now belongs to another file, or to a file at last.
    [[nodiscard]] bool replaced() const {
        struct stat named{};
        struct stat opened{};
        if (stat(path_.c_str(), &named) != 0) return false;
        if (!file_) return true;
        return fstat(file_.get(), &opened) == 0 && named.st_ino != opened.st_ino;
    }
    void open_now() {
        if (!directory_.empty()) file_ = Descriptor(open(path_.c_str(), O_RDONLY | O_CLOEXEC));
    }

  private:
    std::string directory_;
    std::string path_;
    Descriptor file_;
};

// Waits for a change in the directory, at most for a heartbeat.
class ChangeWatch {
  public:
    explicit ChangeWatch(const std::string& directory)
        : inotify_(inotify_init1(IN_CLOEXEC | IN_NONBLOCK)) {
        if (inotify_)
            inotify_add_watch(inotify_.get(), directory.c_str(),
                              IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_DELETE_SELF);
    }
    void wait() const {
        pollfd wait{inotify_.get(), POLLIN, 0};
        poll(&wait, 1, kHeartbeatMs);
        std::array<char, 8192> events;
        while (inotify_ && read(inotify_.get(), events.data(), events.size()) > 0) {
        }
    }

  private:
    Descriptor inotify_;
};

// What follows in this directory, until the sink has enough (false) or another one is the newest.
bool follow_here(const LogPlace& place, Tail& tail, LineFilter& filter, const LogSink& sink) {
    const std::string directory = tail.directory();
    const ChangeWatch watch(directory);
    for (;;) {
        const bool is_newest = !directory.empty() && place() == directory;
        // First ask about the name, then read: what was written before a rotation is not lost.
        const bool replaced = tail.replaced();
        std::string text = filter.take(tail.read_on());
        if (replaced) {
            text += filter.finish();
            tail.open_now();
            text += filter.take(tail.read_on());
        }
        if (!sink(text)) return false;
        if (!is_newest) return true;
        watch.wait();
    }
}

void follow(const LogPlace& place, Tail tail, LineFilter& filter, const LogSink& sink) {
    while (follow_here(place, tail, filter, sink)) {
        if (const std::string rest = filter.finish(); !rest.empty() && !sink(rest)) return;
        const std::string next = place();
        if (next.empty()) return;
        tail = Tail(next, kLog);
    }
}

}  // namespace

void read_log(const LogPlace& place, const LogQuery& query, const LogSink& sink) {
    Tail tail(place(), query.previous ? kLogBefore : kLog);
    LineFilter filter(query.since_unix_ms);
    if (!tail.is_open()) {
        const bool goes_on = sink(query.previous ? "There is no log of an earlier run.\n"
                                                 : "The server has not started yet.\n");
        if (!goes_on || !query.follow || query.previous) return;
        follow(place, std::move(tail), filter, sink);
        return;
    }
    // Old lines are dropped before the last ones are counted.
    std::string text = filter.take(tail.read_on());
    if (!query.follow || query.previous) text += filter.finish();
    if (!sink(last_lines(text, query.tail))) return;
    if (query.follow && !query.previous) follow(place, std::move(tail), filter, sink);
}

}  // namespace mcpgw::deploy
