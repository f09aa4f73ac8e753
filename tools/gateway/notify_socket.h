// Where a plane says that it serves: the receiving end of the sd_notify protocol.
//
// A datagram holds lines of NAME=value; only READY=1 matters here. The socket is a file in the data
// directory, which nobody else may enter; it is removed with its owner.
#pragma once

#include <string>

#include "common/result.h"
#include "tools/gateway/unique_fd.h"

namespace mcpgw::cli {

class NotifySocket {
  public:
    // Replaces what an earlier gateway left at `path`.
    [[nodiscard]] static Result<NotifySocket> open(std::string path);
    NotifySocket(NotifySocket&&) = default;
    NotifySocket& operator=(NotifySocket&&) = delete;
    ~NotifySocket();

    [[nodiscard]] int fd() const { return fd_.get(); }
    [[nodiscard]] const std::string& path() const { return path_; }
    // Takes all datagrams that wait; true if one says READY=1.
    [[nodiscard]] bool take_ready();

  private:
    NotifySocket(std::string path, UniqueFd fd) : path_(std::move(path)), fd_(std::move(fd)) {}

    std::string path_;
    UniqueFd fd_;
};

// Whether one of the lines of a datagram is READY=1.
[[nodiscard]] bool says_ready(std::string_view datagram);

}  // namespace mcpgw::cli
