// Appends stamped lines and rotates by renaming.
#include "controlplane/shim/server_log.h"

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/check.h"
#include "common/time.h"

namespace mcpgw::shim {

Result<ServerLog> ServerLog::open(const std::string& directory, std::uint64_t bytes_max) {
    check(bytes_max > kStampBytes, "a line fits into the log");
    ServerLog log(directory + "/log", bytes_max);
    struct stat info{};
    if (stat(log.path_.c_str(), &info) == 0 && info.st_size > 0)
        rename(log.path_.c_str(), (log.path_ + ".1").c_str());
    if (Result<> opened = log.reopen(); !opened) return std::unexpected(opened.error());
    return log;
}

ServerLog::ServerLog(ServerLog&& other) noexcept
    : path_(std::move(other.path_)),
      bytes_max_(other.bytes_max_),
      bytes_(other.bytes_),
      fd_(std::exchange(other.fd_, -1)),
      in_line_(other.in_line_) {}

ServerLog::~ServerLog() {
    if (fd_ >= 0) close(fd_);
}

Result<> ServerLog::reopen() {
    if (fd_ >= 0) close(fd_);
    fd_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    bytes_ = 0;
    if (fd_ < 0) return std::unexpected(error_from_errno(errno, "cannot write " + path_));
    return {};
}

void ServerLog::rotate() {
    if (bytes_ == 0) return;
    rename(path_.c_str(), (path_ + ".1").c_str());
    // Without a file the lines that follow are lost; the next rotation tries again.
    maybe(reopen().has_value());
}

void ServerLog::put(std::string_view text) {
    bytes_ += text.size();
    while (!text.empty() && fd_ >= 0) {
        const ssize_t written = write(fd_, text.data(), text.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return;
        text.remove_prefix(static_cast<std::size_t>(written));
    }
}

void ServerLog::append(std::string_view output, std::uint64_t now_unix_ms) {
    std::string pending;  // written at once: one system call for a burst of lines
    const auto flush = [this, &pending] {
        put(pending);
        pending.clear();
    };
    while (!output.empty()) {
        const std::size_t end = output.find('\n');
        const bool ends = end != std::string_view::npos;
        const std::string_view piece = output.substr(0, ends ? end + 1 : output.size());
        const std::size_t size = piece.size() + (in_line_ ? 0 : kStampBytes);
        if (bytes_ + pending.size() + size > bytes_max_) {
            if (in_line_) pending += '\n';
            flush();
            rotate();
            in_line_ = false;
        }
        if (!in_line_) pending.append(rfc3339(now_unix_ms)).append(1, ' ');
        pending += piece;
        in_line_ = !ends;
        output.remove_prefix(piece.size());
    }
    flush();
}

void ServerLog::note(std::string_view line, std::uint64_t now_unix_ms) {
    std::string text = in_line_ ? "\n" : "";
    text.append("mcp-gateway: ").append(line).append(1, '\n');
    append(text, now_unix_ms);
}

}  // namespace mcpgw::shim
