// The bounds on a child's log.
#include "tools/server/child_log.h"

#include <algorithm>
#include <mutex>

#include <poll.h>
#include <unistd.h>

#include "common/limits.h"

namespace mcpgw::server {
namespace {

// Room for the process id in front and the count of cut bytes behind.
constexpr std::size_t kFrameBytes = 64;
constexpr std::size_t kTextBytesMax = limits::bridge_log_line_bytes_max - kFrameBytes;

}  // namespace

void ChildLog::append(std::string_view bytes, Nanos now) {
    while (!bytes.empty()) {
        const std::size_t end = bytes.find('\n');
        const std::string_view piece = bytes.substr(0, end);
        const std::size_t kept = std::min(piece.size(), kTextBytesMax - line_.size());
        line_.append(piece.substr(0, kept));
        cut_bytes_ += piece.size() - kept;
        if (end == std::string_view::npos) return;
        bytes.remove_prefix(end + 1);
        end_line(now);
    }
}

void ChildLog::end_line(Nanos now) {
    if (line_.ends_with('\r')) line_.pop_back();
    if (take_turn(now)) write(line_, cut_bytes_);
    line_.clear();
    cut_bytes_ = 0;
}

void ChildLog::note(std::string_view line, Nanos now) {
    if (!take_turn(now)) return;
    const std::string_view kept = line.substr(0, kTextBytesMax);
    write(kept, line.size() - kept.size());
}

void ChildLog::tick(Nanos now) {
    if (now >= tick_due()) tell_dropped();
}

Nanos ChildLog::tick_due() const {
    return dropped_ == 0 ? kNever : second_from_ + kSecond;
}

void ChildLog::finish(Nanos now) {
    if (!line_.empty()) end_line(now);
    tell_dropped();
}

bool ChildLog::take_turn(Nanos now) {
    if (now >= second_from_ + kSecond) {
        tell_dropped();
        second_from_ = now;
        lines_ = 0;
    }
    if (lines_ < limits::bridge_log_lines_per_second_max) {
        ++lines_;
        return true;
    }
    ++dropped_;
    return false;
}

void ChildLog::tell_dropped() {
    if (dropped_ == 0) return;
    write("(" + std::to_string(dropped_) + " lines were dropped: more than " +
              std::to_string(limits::bridge_log_lines_per_second_max) + " in a second)",
          0);
    dropped_ = 0;
}

void ChildLog::write(std::string_view text, std::size_t cut_bytes) {
    std::string line = prefix_;
    line += text;
    if (cut_bytes > 0) line += " (" + std::to_string(cut_bytes) + " more bytes)";
    line += '\n';
    sink_(line);
}

void write_to_standard_error(std::string_view line) {
    // One at a time: a pipe that polls as writable takes one such line, not two.
    static std::mutex mutex;
    const std::lock_guard lock(mutex);
    pollfd fd = {STDERR_FILENO, POLLOUT, 0};
    if (poll(&fd, 1, 0) <= 0) return;
    if (::write(STDERR_FILENO, line.data(), line.size()) < 0) return;
}

}  // namespace mcpgw::server
