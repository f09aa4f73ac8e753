// The ring on io_uring.
//
// DEFER_TASKRUN and SINGLE_ISSUER (kernel 6.1) let completions be made only when this thread asks
// for them, which is what a tick wants. One provided-buffer ring serves every socket. Operations of
// which nobody wants to know the end (cancel, close, shutdown) carry user data 0.
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include <arpa/inet.h>
#include <fcntl.h>
#include <liburing.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "common/limits.h"
#include "dataplane/io/loopback.h"
#include "dataplane/io/ring.h"

namespace mcpgw::io {
namespace {

constexpr int kBufferGroup = 1;

// With MSG_WAITALL a send that took a part counts as failed: its completion tells how much.
constexpr int kPromptFlags = MSG_NOSIGNAL | MSG_DONTWAIT | MSG_WAITALL;

constexpr unsigned kSpliceFlags = SPLICE_F_MOVE | SPLICE_F_NONBLOCK;

// Names of kernel 6.12 that liburing 2.3 does not have yet.
constexpr std::uint16_t kBufferRingIncremental = 2;  // IOU_PBUF_RING_INC
constexpr unsigned kCompletionBufferMore = 1U << 4;  // IORING_CQE_F_BUF_MORE

// User data is the address of an Operation, or one of these: its lowest bits tell.
constexpr std::uint64_t kNobody = 0;
constexpr std::uint64_t kTimeout = 2;
constexpr std::uint64_t kPromptSend = 1;  // the number of the send is above this bit
constexpr unsigned kSetupFlags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
                                 IORING_SETUP_CQSIZE | IORING_SETUP_SUBMIT_ALL;

std::string kernel_release() {
    utsname names{};
    return uname(&names) == 0 ? names.release : "unknown";
}

Error why_not(int error_number) {
    switch (error_number) {
        case ENOSYS:
            return {Code::unsupported, Side::gateway, Retry::never,
                    "this kernel has no io_uring, or a seccomp profile hides it: run on Linux 6.1 "
                    "or newer, and in a container with a profile that allows io_uring_setup, "
                    "io_uring_enter and io_uring_register"};
        case EPERM:
        case EACCES:
            return {Code::permission_denied, Side::gateway, Retry::never,
                    "io_uring is forbidden here: set sysctl kernel.io_uring_disabled=0, or allow "
                    "io_uring_setup, io_uring_enter and io_uring_register in the seccomp profile "
                    "of the container"};
        case EINVAL:
            return {Code::unsupported, Side::gateway, Retry::never,
                    "the io_uring of kernel " + kernel_release() +
                        " is too old: Linux 6.1 or newer is needed"};
        case ENOMEM:
            return {Code::limit_exceeded, Side::gateway, Retry::never,
                    "io_uring could not get memory: raise the memory limit of the service, or the "
                    "locked-memory limit (ulimit -l)"};
        default:
            return error_from_errno(error_number, "io_uring could not be set up");
    }
}

}  // namespace

struct Ring::State {
    ~State() {
        if (buffer_ring != nullptr) {
            io_uring_unregister_buf_ring(&ring, kBufferGroup);
            munmap(buffer_ring, buffer_ring_bytes);
        }
        if (is_open) io_uring_queue_exit(&ring);
    }

    // A free submission entry; submits what is queued if there is none.
    io_uring_sqe* entry(Operation* operation) {
        io_uring_sqe* sqe = io_uring_get_sqe(&ring);
        while (sqe == nullptr) {
            hand_out_buffers();
            enter(0, 0);
            sqe = io_uring_get_sqe(&ring);
        }
        if (operation != nullptr) operation->arm();
        return sqe;
    }
    static void bind(io_uring_sqe* sqe, Operation* operation) {
        io_uring_sqe_set_data(sqe, operation);
    }
    // For operations without an owner: success is silent, failure is ignored in deliver().
    static void bind_silent(io_uring_sqe* sqe) {
        io_uring_sqe_set_data64(sqe, kNobody);
        io_uring_sqe_set_flags(sqe, IOSQE_CQE_SKIP_SUCCESS);
    }

    // Makes what is queued visible to the kernel; returns how much that is.
    unsigned flush() {
        io_uring_sq& queue = ring.sq;
        unsigned tail = *queue.ktail;
        for (; queue.sqe_head != queue.sqe_tail; ++queue.sqe_head, ++tail)
            queue.array[tail & queue.ring_mask] = queue.sqe_head & queue.ring_mask;
        io_uring_smp_store_release(queue.ktail, tail);
        return tail - io_uring_smp_load_acquire(queue.khead);
    }

    // Submits everything, and waits for `wanted` completions. A signal or a full completion queue
    // only makes the call end early.
    void enter(unsigned wanted, unsigned flags) {
        flags |= registered ? IORING_ENTER_REGISTERED_RING : 0U;
        io_uring_enter(static_cast<unsigned>(ring.enter_ring_fd), flush(), wanted, flags, nullptr);
    }

    // Asks again and again, without sleeping; false if nothing has completed by then.
    bool poll(Nanos until) {
        while (monotonic_now() < until) {
            enter(0, IORING_ENTER_GETEVENTS);
            if (io_uring_cq_ready(&ring) > 0) return true;
        }
        return false;
    }

    // The one timer of the ring: armed until it fires, so that a wait that ends earlier leaves it
    // alone. Moved only when something is due before it.
    void arm_timeout(Nanos deadline) {
        if (deadline == kNever || (timeout_at != kNever && timeout_at <= deadline)) return;
        const bool armed = timeout_at != kNever;
        timeout_at = deadline;
        timeout_time.tv_sec = static_cast<long long>(deadline / kSecond);
        timeout_time.tv_nsec = static_cast<long long>(deadline % kSecond);
        io_uring_sqe* sqe = entry(nullptr);
        if (armed) {
            io_uring_prep_timeout_update(sqe, &timeout_time, kTimeout, IORING_TIMEOUT_ABS);
            bind_silent(sqe);
        } else {
            io_uring_prep_timeout(sqe, &timeout_time, 0, IORING_TIMEOUT_ABS);
            io_uring_sqe_set_data64(sqe, kTimeout);
        }
    }

    // Registers a ring of `count` entries; the kernel's errno as a negative number.
    int register_buffer_ring(std::uint16_t count, std::uint16_t flags) {
        io_uring_buf_reg registration{};
        registration.ring_addr = reinterpret_cast<std::uintptr_t>(buffer_ring);
        registration.ring_entries = count;
        registration.bgid = kBufferGroup;
        registration.pad = flags;  // `flags` since 6.12; must be 0 before
        return io_uring_register_buf_ring(&ring, &registration, 0);
    }

    Result<> make_buffers(const RingOptions& options) {
        std::uint16_t count = options.receive_buffers;
        std::size_t bytes = options.receive_buffer_bytes;
        std::uint16_t single_use = count;
        std::size_t single_use_bytes = bytes;
        while (single_use_bytes > limits::single_use_buffer_bytes && single_use < 16384) {
            single_use = static_cast<std::uint16_t>(single_use * 2);
            single_use_bytes /= 2;
        }
        buffer_ring_bytes = single_use * sizeof(io_uring_buf);
        void* memory = mmap(nullptr, buffer_ring_bytes, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED)
            return std::unexpected(error_from_errno(errno, "memory for the buffer ring"));
        buffer_ring = static_cast<io_uring_buf_ring*>(memory);
        incremental = register_buffer_ring(count, kBufferRingIncremental) == 0;
        if (!incremental) {
            count = single_use;
            bytes = single_use_bytes;
            if (const int status = register_buffer_ring(count, 0); status < 0) {
                munmap(memory, buffer_ring_bytes);
                buffer_ring = nullptr;
                return std::unexpected(why_not(-status));
            }
        }
        io_uring_buf_ring_init(buffer_ring);
        pool.emplace(count, bytes);
        handed_out_max = std::min<std::size_t>(count, limits::handed_out_buffers_min);
        hand_out_buffers();
        return {};
    }

    // The kernel gets a few buffers at a time, so that the same ones, which lie in the cache, are
    // filled again and again.
    void hand_out_buffers() {
        const int mask = io_uring_buf_ring_mask(pool->buffers());
        int offset = 0;
        while (pool->with_kernel() < handed_out_max && !pool->none_free()) {
            const std::uint16_t buffer = pool->hand_out();
            io_uring_buf_ring_add(buffer_ring, pool->address(buffer),
                                  static_cast<unsigned>(pool->buffer_bytes()), buffer, mask,
                                  offset++);
        }
        io_uring_buf_ring_advance(buffer_ring, offset);
    }

    // Few connections that run out of buffers move large bodies, and do it best in turns through
    // memory that is still in the cache. Many need more buffers.
    void adapt_handed_out(Nanos now) {
        if (std::exchange(left_without, 0) > handed_out_max) {
            handed_out_max = std::min<std::size_t>(pool->buffers(), handed_out_max * 2);
            adapted_at = now;
        } else if (handed_out_max > limits::handed_out_buffers_min && now >= adapted_at + kSecond) {
            handed_out_max /= 2;
            adapted_at = now;
        }
    }

    unsigned deliver_queue() {
        unsigned seen = 0;
        unsigned delivered = 0;
        unsigned head = 0;
        io_uring_cqe* cqe = nullptr;
        io_uring_for_each_cqe(&ring, head, cqe) {
            ++seen;
            const std::uint64_t data = io_uring_cqe_get_data64(cqe);
            if (data == kNobody) continue;
            if (data == kTimeout) {
                timeout_at = kNever;
                continue;
            }
            if ((data & kPromptSend) != 0) {
                prompt_sends[data >> 1].result = cqe->res;
                continue;
            }
            Completion completion;
            completion.result = cqe->res;
            completion.more = (cqe->flags & IORING_CQE_F_MORE) != 0;
            completion.has_buffer = (cqe->flags & IORING_CQE_F_BUFFER) != 0;
            completion.buffer_more = (cqe->flags & kCompletionBufferMore) != 0;
            completion.buffer = static_cast<std::uint16_t>(cqe->flags >> IORING_CQE_BUFFER_SHIFT);
            left_without += cqe->res == -ENOBUFS ? 1U : 0U;
            ++delivered;
            reinterpret_cast<Operation*>(data)->complete(completion);
        }
        io_uring_cq_advance(&ring, seen);
        return delivered;
    }

    // Completions that did not fit into the queue wait in the kernel until there is room.
    unsigned deliver() {
        unsigned delivered = deliver_queue();
        while (io_uring_cq_has_overflow(&ring)) {
            enter(0, IORING_ENTER_GETEVENTS);
            delivered += deliver_queue();
        }
        return delivered + deliver_prompt_sends();
    }

    // A prompt send has been tried by the time its submission returns; of those that took
    // everything the kernel says nothing. Handlers only record, so nothing is added meanwhile.
    unsigned deliver_prompt_sends() {
        for (const PromptSend& send : prompt_sends)
            send.operation->complete({.result = send.result});
        const auto delivered = static_cast<unsigned>(prompt_sends.size());
        prompt_sends.clear();
        return delivered;
    }

    struct PromptSend {
        Operation* operation;
        std::int32_t result;  // what it is if the kernel is silent
    };

    io_uring ring{};
    bool is_open = false;
    bool registered = false;  // the kernel knows the ring by a number of this thread
    bool incremental = false;
    std::size_t left_without = 0;  // receives that found no buffer, since the last wait
    std::optional<BufferPool> pool;
    io_uring_buf_ring* buffer_ring = nullptr;
    std::size_t buffer_ring_bytes = 0;
    std::size_t handed_out_max = 0;
    Nanos adapted_at = 0;
    Nanos poll_nanos = 0;
    Nanos timeout_at = kNever;
    __kernel_timespec timeout_time{};
    std::vector<PromptSend> prompt_sends;
};

Ring::Ring(std::unique_ptr<State> state) : state_(std::move(state)) {}
Ring::~Ring() = default;

Result<std::unique_ptr<Ring>> Ring::open(const RingOptions& options) {
    auto state = std::make_unique<State>();
    io_uring_params parameters{};
    parameters.flags = kSetupFlags;
    parameters.cq_entries = options.submissions_max * 4;
    const int status =
        io_uring_queue_init_params(options.submissions_max, &state->ring, &parameters);
    if (status < 0) return std::unexpected(why_not(-status));
    state->is_open = true;
    state->poll_nanos = options.poll_nanos;
    state->prompt_sends.reserve(options.submissions_max);
    // Saves looking up the descriptor in every call; where the kernel has no such table, without.
    state->registered = io_uring_register_ring_fd(&state->ring) == 1;
    if (auto registered = state->make_buffers(options); !registered)
        return std::unexpected(registered.error());
    return std::unique_ptr<Ring>(new Ring(std::move(state)));
}

std::string Ring::engine() const {
    return state_->incremental
               ? "io_uring (defer_taskrun, multishot accept and receive, incremental buffers, "
                 "splice)"
               : "io_uring (defer_taskrun, multishot accept and receive, provided buffers, splice)";
}

BufferPool& Ring::buffers() {
    return *state_->pool;
}
Nanos Ring::now() const {
    return monotonic_now();
}
std::uint64_t Ring::unix_seconds() const {
    return unix_seconds_now();
}

Result<int> Ring::open_socket(const sockaddr& destination) {
    const int family = destination.sa_family;
    const int socket = ::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (socket < 0) return std::unexpected(error_from_errno(errno, "socket"));
    if (family != AF_UNIX) {
        const int on = 1;
        setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        if (is_loopback(destination)) do_not_pace(socket);
    }
    return socket;
}

std::string Ring::peer_address(int socket) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    if (getpeername(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0) return {};
    std::array<char, INET6_ADDRSTRLEN> text{};
    const void* raw = nullptr;
    if (address.ss_family == AF_INET)
        raw = &reinterpret_cast<const sockaddr_in*>(&address)->sin_addr;
    else if (address.ss_family == AF_INET6)
        raw = &reinterpret_cast<const sockaddr_in6*>(&address)->sin6_addr;
    if (raw == nullptr) return {};
    const char* written = inet_ntop(address.ss_family, raw, text.data(), text.size());
    return written == nullptr ? std::string() : std::string(written);
}

void Ring::accept(Operation& operation, int listener) {
    io_uring_sqe* sqe = state_->entry(&operation);
    io_uring_prep_multishot_accept(sqe, listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    State::bind(sqe, &operation);
}

void Ring::receive(Operation& operation, int socket, std::size_t bytes_max) {
    io_uring_sqe* sqe = state_->entry(&operation);
    if (bytes_max == 0)
        io_uring_prep_recv_multishot(sqe, socket, nullptr, 0, 0);
    else
        io_uring_prep_recv(sqe, socket, nullptr, bytes_max, 0);
    io_uring_sqe_set_flags(sqe, IOSQE_BUFFER_SELECT);
    sqe->buf_group = kBufferGroup;
    State::bind(sqe, &operation);
}

void Ring::send(Operation& operation, int socket, const msghdr& message) {
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < message.msg_iovlen; ++i)
        bytes += message.msg_iov[i].iov_len;
    io_uring_sqe* sqe = state_->entry(&operation);
    if (message.msg_iovlen == 1)
        io_uring_prep_send(sqe, socket, message.msg_iov->iov_base, bytes, kPromptFlags);
    else
        io_uring_prep_sendmsg(sqe, socket, &message, kPromptFlags);
    io_uring_sqe_set_flags(sqe, IOSQE_CQE_SKIP_SUCCESS);
    io_uring_sqe_set_data64(sqe, state_->prompt_sends.size() << 1 | kPromptSend);
    state_->prompt_sends.push_back({&operation, static_cast<std::int32_t>(bytes)});
}

void Ring::send_patiently(Operation& operation, int socket, const msghdr& message) {
    io_uring_sqe* sqe = state_->entry(&operation);
    io_uring_prep_sendmsg(sqe, socket, &message, MSG_NOSIGNAL);
    State::bind(sqe, &operation);
}

void Ring::connect(Operation& operation, int socket, const sockaddr* address, socklen_t size) {
    io_uring_sqe* sqe = state_->entry(&operation);
    io_uring_prep_connect(sqe, socket, address, size);
    State::bind(sqe, &operation);
}

void Ring::poll_readable(Operation& operation, int socket) {
    io_uring_sqe* sqe = state_->entry(&operation);
    io_uring_prep_poll_add(sqe, socket, POLLIN | POLLRDHUP);
    State::bind(sqe, &operation);
}

void Ring::poll_writable(Operation& operation, int socket) {
    io_uring_sqe* sqe = state_->entry(&operation);
    io_uring_prep_poll_add(sqe, socket, POLLOUT);
    State::bind(sqe, &operation);
}

// io_uring hands a splice to a thread of its own; the plain system call is done at once.
Result<Pipe> Ring::open_pipe() {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0)
        return std::unexpected(error_from_errno(errno, "pipe"));
    return Pipe{ends[0], ends[1]};
}

void Ring::close_pipe(Pipe& pipe) {
    if (!pipe.is_open()) return;
    ::close(pipe.out);
    ::close(pipe.in);
    pipe = {};
}

std::int64_t Ring::splice_in(int socket, const Pipe& pipe, std::size_t bytes_max) {
    const ssize_t moved = ::splice(socket, nullptr, pipe.in, nullptr, bytes_max, kSpliceFlags);
    return moved < 0 ? -errno : moved;
}

std::int64_t Ring::splice_out(const Pipe& pipe, int socket, std::size_t bytes_max) {
    const ssize_t moved = ::splice(pipe.out, nullptr, socket, nullptr, bytes_max, kSpliceFlags);
    return moved < 0 ? -errno : moved;
}

void Ring::read(Operation& operation, int descriptor, std::span<std::byte> into) {
    io_uring_sqe* sqe = state_->entry(&operation);
    io_uring_prep_read(sqe, descriptor, into.data(), static_cast<unsigned>(into.size()), 0);
    State::bind(sqe, &operation);
}

void Ring::cancel(Operation& target) {
    if (!target.armed()) return;
    io_uring_sqe* sqe = state_->entry(nullptr);
    io_uring_prep_cancel(sqe, &target, 0);
    State::bind_silent(sqe);
}

void Ring::shutdown_write(int socket) {
    io_uring_sqe* sqe = state_->entry(nullptr);
    io_uring_prep_shutdown(sqe, socket, SHUT_WR);
    State::bind_silent(sqe);
}

void Ring::close(int descriptor) {
    io_uring_sqe* sqe = state_->entry(nullptr);
    io_uring_prep_close(sqe, descriptor);
    State::bind_silent(sqe);
}

unsigned Ring::wait(Nanos deadline) {
    const Nanos current = now();
    state_->adapt_handed_out(current);
    state_->hand_out_buffers();
    // What is due now is looked for, and not waited for.
    const bool sleeps = deadline > current;
    if (sleeps) state_->arm_timeout(deadline);
    const Nanos poll_until = sleeps ? std::min(deadline, current + state_->poll_nanos) : current;
    if (!state_->poll(poll_until)) state_->enter(sleeps ? 1 : 0, IORING_ENTER_GETEVENTS);
    while (io_uring_sq_ready(&state_->ring) > 0)
        state_->enter(0, IORING_ENTER_GETEVENTS);
    return state_->deliver();
}

}  // namespace mcpgw::io
