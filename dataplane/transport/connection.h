// One socket with its input, its output and its end. It knows bytes, no protocol.
//
//   connecting -> open -> draining -> closing -> closed         only to the right
//
//   connecting  the kernel is establishing it; output may be queued already
//   open        both directions
//   draining    no further input is wanted; what is queued goes out, then closing
//   closing     operations are being cancelled; nothing new is armed
//   closed      the descriptor is given back; nothing is armed: the owner may be buried
//
// Receiving stops while any PauseReason is set, and resumes when the last one is cleared. At most
// one send is in the kernel; it covers up to gather_pieces_max segments of the queue. The owner is
// marked dirty when there is input, an end, a failure, room again after it asked for it, or when
// the peer turns out to be slow.
#pragma once

#include <algorithm>
#include <cstdint>

#include <sys/socket.h>

#include "common/result.h"
#include "dataplane/transport/context.h"

namespace mcpgw::transport {

enum class PauseReason : std::uint8_t {
    input_full = 1,   // enough unprocessed input is queued
    peer_full = 2,    // the other side of the exchange takes no more
    not_my_turn = 4,  // the owner wants no input now (pipelined requests wait here)
    spliced = 8,      // input goes to another connection inside the kernel
};

class Connection : public ListNode<WorkTag> {
  public:
    enum class State : std::uint8_t { connecting, open, draining, closing, closed };
    enum class Role : std::uint8_t { client, backend };

    // `owner` is the object whose member this is.
    template <class Owner>
    Connection(Context& context, Owner& owner, Role role)
        : Connection(context, owner_from(owner, this), role) {}
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;
    ~Connection();

    [[nodiscard]] Context& context() const { return context_; }

    // Takes an accepted socket: connecting -> open.
    void adopt(int socket);
    // Starts connecting. `address` must stay until the connection is open or failed.
    void connect(int socket, const sockaddr* address, socklen_t size);

    [[nodiscard]] State state() const { return state_; }
    [[nodiscard]] bool is_open() const { return state_ == State::open; }
    // The first failure of the connection: errno as a positive number, 0 for none.
    [[nodiscard]] int error_number() const { return error_number_; }
    [[nodiscard]] bool input_ended() const { return input_ended_; }

    // Input, oldest first.
    [[nodiscard]] SegmentQueue input() { return {context_.segments, input_}; }
    [[nodiscard]] bool input_is_high() const {
        return input_.bytes() >= limits::in_queue_bytes_high ||
               input_.count() >= limits::in_queue_segments_high;
    }
    void pause(PauseReason reason);
    void resume(PauseReason reason);

    // Output. The push functions of the queue may be used while not closing; then call touch().
    [[nodiscard]] SegmentQueue output() { return {context_.segments, output_}; }
    [[nodiscard]] const Segments& output() const { return output_; }
    [[nodiscard]] bool output_is_high() const {
        return output_.bytes() >= output_bytes_high() ||
               output_.count() >= limits::out_queue_segments_high;
    }
    [[nodiscard]] bool output_is_low() const {
        return output_.bytes() <= output_bytes_high() / 2 &&
               output_.count() <= limits::out_queue_segments_low;
    }
    // Marks the owner dirty once the output is low.
    void want_room();
    // The peer's kernel has taken something since forget_sent(), or the beginning.
    [[nodiscard]] bool has_sent() const { return has_sent_; }
    void forget_sent() { has_sent_ = false; }
    // It did not take all of the last send.
    [[nodiscard]] bool peer_is_slow() const { return peer_is_slow_; }
    // Bytes that wait for the peer to take them: queued, or on their way in a splice.
    [[nodiscard]] std::size_t owed_bytes() const;
    // True while the kernel works on a send: how much of it the peer gets is not known yet.
    [[nodiscard]] bool sending() const { return vector_ != nullptr; }
    // Something has come since forget_received(), or the beginning.
    [[nodiscard]] bool has_received() const { return has_received_; }
    void forget_received() { has_received_ = false; }

    // Ends: drain() after the queued output, half_close() sends FIN after it but keeps reading,
    // abort() at once (unsent output is lost).
    void drain();
    void half_close();
    void abort();

    // The splice that takes the input of this connection; nullptr if there is none.
    [[nodiscard]] Splice* splice_from_here() const;
    // Ends the splice that this connection takes part in, on either side.
    void end_splice();

    // Receive buffers are scarce: lets small slices that wait go elsewhere. A send that waits for
    // the peer is taken back from the kernel for that, and goes out again.
    void relieve();

    // Tells the worker that wishes towards the kernel changed; settle() acts on them once a tick.
    void touch();
    void settle();
    // For the worker: it was starved, and there are receive buffers again.
    void feed();

  private:
    // What a slow peer will take next waits in its kernel already; more here would only hold
    // receive buffers.
    [[nodiscard]] std::size_t output_bytes_high() const {
        return peer_is_slow_ ? std::min(limits::out_queue_bytes_slow, context_.out_queue_bytes_high)
                             : context_.out_queue_bytes_high;
    }
    Connection(Context& context, io::OwnerOffset owner, Role role);
    template <class Owner>
    static io::OwnerOffset owner_from(const Owner& owner, const Connection* connection) {
        const Dirty* dirty = &owner;
        const auto before = static_cast<std::size_t>(reinterpret_cast<const std::byte*>(dirty) -
                                                     reinterpret_cast<const std::byte*>(&owner));
        return {dirty, connection, sizeof(Owner) - before};
    }
    void mark_owner() { context_.mark(*static_cast<Dirty*>(owner_.owner_of(this))); }

    void on_received(const io::Completion& completion);
    void on_output_done(const io::Completion& completion);
    void on_connected(const io::Completion& completion);
    void on_readable(const io::Completion& completion);
    void on_sent(const io::Completion& completion);

    // For the splice.
    friend class Splice;
    friend class SpliceTable;
    [[nodiscard]] bool takes_splice() const;
    void poll_readable();
    void poll_writable();
    void count_spliced_in(std::size_t bytes);
    void count_spliced_out(std::size_t bytes);

    void fail(int error_number);
    void spill(SegmentQueue queue, std::size_t skip);
    void settle_receive();
    void settle_send();
    void settle_close();
    void clear_queues();
    [[nodiscard]] bool anything_armed() const;
    [[nodiscard]] bool something_waits_for_the_send() const;

    Context& context_;
    Segments input_;
    Segments output_;
    SendVector* vector_ = nullptr;  // while a send is in the kernel
    io::OperationOf<Connection, &Connection::on_received> receive_operation_{*this};
    // The connect, and then each send.
    io::OperationOf<Connection, &Connection::on_output_done> send_operation_{*this};
    int socket_ = -1;
    std::uint16_t error_number_ = 0;
    io::OwnerOffset owner_;
    std::uint16_t splice_ = 0;  // the number of the one it takes part in; 0: none
    std::uint8_t pause_reasons_ = 0;
    State state_ = State::connecting;
    Role role_;
    bool input_ended_ : 1 = false;
    bool wants_room_ : 1 = false;
    bool wants_half_close_ : 1 = false;
    bool receive_cancelled_ : 1 = false;
    bool peer_is_slow_ : 1 = false;  // it did not take all of the last send: the next one waits
    bool receive_is_bounded_ : 1 = false;
    bool receive_is_poll_ : 1 = false;
    bool send_cancelled_ : 1 = false;
    bool has_sent_ : 1 = false;
    bool has_received_ : 1 = false;
    bool is_unsettled_ : 1 = false;  // it is in the list of those
    bool is_starved_ : 1 = false;    // once settled it is in the list of those
};

}  // namespace mcpgw::transport
