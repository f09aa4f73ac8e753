// One connection to the control plane's contract socket: frames in, frames out, never blocking.
//
//   receive() ──▶ FrameDecoder ──▶ next_frame()          send() ──▶ [ waiting bytes ] ──▶ kernel
//
// Any error ends the connection; its owner drops it and makes another one later. What frames mean
// is left to ControlLink.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <sys/types.h>

#include "common/contract/frames.h"
#include "common/result.h"
#include "dataplane/link/file_descriptor.h"

namespace mcpgw {

// Only the gateway's own user and root may tell the data plane what to do.
[[nodiscard]] constexpr bool is_trusted_peer(uid_t peer, uid_t own) {
    return peer == own || peer == 0;
}

class ControlSocket {
  public:
    // Whether a path fits into an address of a Unix socket.
    [[nodiscard]] static bool is_possible_path(std::string_view path);

    // Code::permission_denied when the listener is another user's.
    [[nodiscard]] static Result<ControlSocket> connect(const std::string& path);

    [[nodiscard]] int fd() const { return socket_.get(); }
    [[nodiscard]] std::size_t waiting_bytes() const { return out_.size() - sent_; }

    // Sends the JSON text as a frame, or keeps what the kernel does not take now.
    [[nodiscard]] Result<> send(std::string_view json);
    [[nodiscard]] Result<> flush();

    // Takes what has arrived, at most one buffer full. Code::reset when the peer has closed.
    [[nodiscard]] Result<> receive();
    [[nodiscard]] Result<std::optional<std::string>> next_frame() { return decoder_.next(); }

  private:
    explicit ControlSocket(FileDescriptor socket) : socket_(std::move(socket)) {}

    FileDescriptor socket_;
    contract::FrameDecoder decoder_;
    std::string out_;
    std::size_t sent_ = 0;
};

}  // namespace mcpgw
