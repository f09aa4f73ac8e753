// One connected data plane: bytes in and out of its socket, and where the conversation stands.
//
//   greeting --hello--> idle --update--> waiting --ack, refuse--> idle          any --> closed
//
// Owned by the publisher's thread. What an update contains is the publisher's business. Beside the
// updates go questions, which do not change the state.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/contract/frames.h"
#include "common/result.h"
#include "common/time.h"
#include "controlplane/deploy/instance_directory.h"

namespace mcpgw::publish {

class Peer {
  public:
    enum class State : std::uint8_t { greeting, idle, waiting, closed };

    Peer(deploy::Descriptor socket, Nanos deadline)
        : socket_(std::move(socket)), deadline_(deadline) {}

    [[nodiscard]] int fd() const { return socket_.get(); }
    [[nodiscard]] State state() const { return state_; }
    [[nodiscard]] bool wants_to_write() const { return written_ < out_.size(); }
    // It has said hello, and is still there.
    [[nodiscard]] bool is_known() const {
        return state_ == State::idle || state_ == State::waiting;
    }
    // When we lose patience with it; kNever if we expect nothing.
    [[nodiscard]] Nanos deadline() const { return deadline_; }

    // Takes in what the socket has, up to a bounded amount; the end or an error closes.
    void receive();
    // The next whole frame; a broken one closes.
    [[nodiscard]] std::optional<std::string> next_frame();
    // Writes what the socket takes; every byte taken renews the deadline.
    void flush(Nanos now, Nanos patience);
    void close(std::string_view why);

    void greeted(std::uint64_t version);
    void send_update(std::string frame, std::uint64_t version, Nanos deadline);
    // A frame beside the updates. False: so much waits already that it is not taken.
    [[nodiscard]] bool send_beside(std::string_view frame, Nanos deadline);
    // False: that is not what was sent.
    [[nodiscard]] bool answered(std::uint64_t version, bool taken);

    // The version it has in force, 0 if that is none of ours.
    [[nodiscard]] std::uint64_t version() const { return version_; }
    // It said no to this one (or we cannot say it): not to be sent again.
    [[nodiscard]] std::uint64_t refused() const { return refused_; }
    void give_up_on(std::uint64_t version) { refused_ = version; }

    std::string process;       // what it calls itself; empty: knows no questions
    std::uint64_t pid = 0;     // for log lines
    std::uint64_t serial = 0;  // no other peer of this publisher had it or will have it

  private:
    deploy::Descriptor socket_;
    contract::FrameDecoder decoder_;
    State state_ = State::greeting;
    std::string out_;
    std::size_t written_ = 0;
    std::size_t update_end_ = 0;  // in out_; what is behind it goes beside the update
    std::uint64_t version_ = 0;
    std::uint64_t sent_ = 0;
    std::uint64_t refused_ = 0;
    Nanos deadline_;
};

}  // namespace mcpgw::publish
