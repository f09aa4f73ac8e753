// The seam between the data plane and the kernel.
//
// One Ring per worker; every method is called on the worker's own thread. Operations are queued
// here, submitted together in wait(), and their completions delivered there, one after the other:
// handlers only record (see operation.h). The body is chosen at link time: io_uring in production
// (uring_ring.cpp), or simulated kernel, network and time (tests/sim/sim_ring.cpp) with the same
// object code above it; so no room above reads a clock or a socket by itself.
//
// Errors of operations arrive as negative errno values in Completion::result.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include <sys/socket.h>
#include <sys/uio.h>

#include "common/result.h"
#include "common/time.h"
#include "dataplane/io/buffer_pool.h"
#include "dataplane/io/operation.h"

namespace mcpgw::io {

struct RingOptions {
    std::uint16_t receive_buffers = 0;  // a power of two
    // Where the kernel cannot fill a buffer piece by piece (before 6.12) the same memory is cut
    // into smaller buffers, of single_use_buffer_bytes at most.
    std::size_t receive_buffer_bytes = 0;
    // How long a wait looks for completions before it sleeps; 0: not at all.
    Nanos poll_nanos = 0;
    std::uint32_t submissions_max = 4096;  // operations queued between two waits without an extra
                                           // system call
};

// A pipe of the kernel through which bytes go from one socket to another.
struct Pipe {
    int out = -1;  // bytes leave it here
    int in = -1;
    [[nodiscard]] bool is_open() const { return in >= 0; }
};

class Ring {
  public:
    // Must be called on the thread that will use the ring. The error says in one sentence what the
    // kernel lacks or forbids and what to change.
    [[nodiscard]] static Result<std::unique_ptr<Ring>> open(const RingOptions& options);
    Ring(const Ring&) = delete;
    Ring& operator=(const Ring&) = delete;
    ~Ring();

    // What is in use, for the start-up line.
    [[nodiscard]] std::string engine() const;
    [[nodiscard]] BufferPool& buffers();
    // The monotonic clock, and seconds since 1970.
    [[nodiscard]] Nanos now() const;
    [[nodiscard]] std::uint64_t unix_seconds() const;

    // A new TCP or Unix socket for connecting there: non-blocking, with TCP_NODELAY where it
    // applies, not pacing where it stays on this machine.
    [[nodiscard]] Result<int> open_socket(const sockaddr& destination);

    // The numeric address of the peer, without port; empty for Unix sockets.
    [[nodiscard]] std::string peer_address(int socket);

    // Completes once for each connection, with its descriptor; stays armed.
    void accept(Operation& operation, int listener);
    // Completes once for each range of received bytes, with a buffer; result 0 is the end of the
    // stream, -ENOBUFS means that no buffer was free. Stays armed while bytes come, unless
    // `bytes_max` is given: then it completes once, with no more than that.
    void receive(Operation& operation, int socket, std::size_t bytes_max = 0);
    // Both complete with the bytes that were taken; `message` and the pieces it points to must stay
    // until then. send() tries once: what the socket has room for, -EAGAIN if it has none. If all
    // is taken it ends no wait; its completion is delivered with the next one that ends, because
    // mostly nobody is waiting for it. Who does must see to it that the next wait does not sleep.
    // send_patiently() waits until there is room for something.
    void send(Operation& operation, int socket, const msghdr& message);
    void send_patiently(Operation& operation, int socket, const msghdr& message);
    void connect(Operation& operation, int socket, const sockaddr* address, socklen_t size);
    // Completes with the bytes read from an eventfd or pipe.
    void read(Operation& operation, int descriptor, std::span<std::byte> into);
    // Completes once, as soon as the socket has bytes to read, or its end; or takes bytes.
    void poll_readable(Operation& operation, int socket);
    void poll_writable(Operation& operation, int socket);
    // Makes an armed operation complete soon (-ECANCELED, or whatever it has reached by then).
    void cancel(Operation& target);
    // No completion: half-closes, or closes. Nothing may be armed on a descriptor that is closed.
    void shutdown_write(int socket);
    void close(int descriptor);

    // Moves bytes between a socket and a pipe without copying them. Each tries once, now, and
    // returns the bytes moved, 0 at the end of the stream, or a negative errno: -EAGAIN if the
    // socket has nothing, or takes nothing. A peer that is gone raises SIGPIPE: ignore it. An empty
    // pipe takes at least splice_bytes_max.
    [[nodiscard]] Result<Pipe> open_pipe();
    void close_pipe(Pipe& pipe);
    [[nodiscard]] std::int64_t splice_in(int socket, const Pipe& pipe, std::size_t bytes_max);
    [[nodiscard]] std::int64_t splice_out(const Pipe& pipe, int socket, std::size_t bytes_max);

    // Submits what is queued, sleeps until something completes or `deadline` (absolute, kNever for
    // none) passes, delivers all completions. Returns how many were delivered.
    unsigned wait(Nanos deadline);

  private:
    struct State;
    explicit Ring(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace mcpgw::io
