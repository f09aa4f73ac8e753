// The log of one server: what it writes, with the time in front of every line, in bounded space.
//
//   log      "2026-11-21T13:04:02.123Z listening on 8000\n"...     at most bytes_max
//   log.1    what was in `log` before it grew too large, or the run before this one
//
// Lines of a server are taken as they come; a stamp is put where a line begins. Rotation happens
// between lines, except that a line longer than the whole limit is cut. A disk that refuses to take
// more loses lines, never the server.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/result.h"

namespace mcpgw::shim {

// Length of a stamp with the blank behind it.
inline constexpr std::size_t kStampBytes = 25;

class ServerLog {
  public:
    // Moves what an earlier run left to `log.1`.
    [[nodiscard]] static Result<ServerLog> open(const std::string& directory,
                                                std::uint64_t bytes_max);
    ServerLog(ServerLog&& other) noexcept;
    ServerLog& operator=(ServerLog&&) = delete;
    ~ServerLog();

    // Output of the server as it was read, in any pieces.
    void append(std::string_view output, std::uint64_t now_unix_ms);
    // A whole line of our own.
    void note(std::string_view line, std::uint64_t now_unix_ms);

  private:
    ServerLog(std::string path, std::uint64_t bytes_max)
        : path_(std::move(path)), bytes_max_(bytes_max) {}
    [[nodiscard]] Result<> reopen();
    void rotate();
    void put(std::string_view text);

    std::string path_;
    std::uint64_t bytes_max_;
    std::uint64_t bytes_ = 0;
    int fd_ = -1;
    bool in_line_ = false;
};

}  // namespace mcpgw::shim
