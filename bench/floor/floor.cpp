// bench-floor LISTEN_PORT BACKEND_PORT [BUFFER_BYTES] [BUFFERS]: forwards bytes and nothing else.
//
// The floor of every benchmark: what the kernel costs when nobody parses, routes or checks. Each
// client connection has one backend connection of its own; what one end sends is received by a
// multishot receive into a provided buffer and sent to the other end from that same buffer, one
// send at a time. It knows no HTTP, so it neither shares backend connections nor keeps them.
//
// A side whose end has been read shuts down its partner once everything is sent; a pair is freed
// when neither side has an operation in the kernel. Back-pressure is the pool: no free buffer, no
// receive; receives are armed again when a buffer comes back.
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include <arpa/inet.h>
#include <liburing.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "common/check.h"

namespace {

using mcpgw::check;

constexpr unsigned kEntries = 4096;
constexpr unsigned kCompletions = 32768;
constexpr int kGroup = 0;
constexpr std::uint16_t kNone = 0xffff;

enum class Op : std::uint8_t { accept, connect, receive, send, shut };
constexpr std::uint64_t kOpMask = 7;

struct Pair;

// One connection of a pair, with the filled buffers that wait to be sent on it.
struct Side {
    Pair* pair = nullptr;
    int fd = -1;
    std::uint16_t first = kNone;
    std::uint16_t last = kNone;
    std::uint8_t armed = 0;  // operations in the kernel
    bool receives = false;
    bool sends = false;
    bool starved = false;
    bool read_to_end = false;
    bool shut = false;
};

struct Pair {
    Side client;
    Side backend;
};

Side& partner(Side& side) {
    return &side == &side.pair->client ? side.pair->backend : side.pair->client;
}

class Floor {
  public:
    Floor(int listener, std::uint16_t backend_port, std::size_t buffer_bytes,
          std::uint16_t buffers);
    [[noreturn]] void run();

  private:
    io_uring_sqe* entry(Side* side);
    void provide(std::uint16_t buffer);
    void on_completion(const io_uring_cqe& cqe);
    void on_accepted(const io_uring_cqe& cqe);
    void on_connected(Side& side, int result);
    void on_received(Side& side, const io_uring_cqe& cqe);
    void on_sent(Side& side, int result);
    void arm_accept();
    void arm_receive(Side& side);
    void feed_starved();
    void append(Side& to, std::uint16_t buffer);
    void send_first(Side& side);
    void end_pair(Pair& pair);
    void settle(Pair& pair);

    io_uring ring_{};
    int listener_;
    sockaddr_in backend_{};
    std::size_t buffer_bytes_;
    std::uint16_t buffers_;
    std::byte* memory_ = nullptr;
    io_uring_buf_ring* buffer_ring_ = nullptr;
    std::vector<std::uint32_t> lengths_;
    std::vector<std::uint16_t> nexts_;
    std::vector<Side*> starved_;
};

std::byte* map(std::size_t bytes) {
    void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    check(memory != MAP_FAILED, "memory");
    return static_cast<std::byte*>(memory);
}

Floor::Floor(int listener, std::uint16_t backend_port, std::size_t buffer_bytes,
             std::uint16_t buffers)
    : listener_(listener),
      buffer_bytes_(buffer_bytes),
      buffers_(buffers),
      lengths_(buffers),
      nexts_(buffers, kNone) {
    io_uring_params params{};
    params.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE |
                   IORING_SETUP_SUBMIT_ALL;
    params.cq_entries = kCompletions;
    check(io_uring_queue_init_params(kEntries, &ring_, &params) == 0, "io_uring");
    io_uring_register_ring_fd(&ring_);
    backend_.sin_family = AF_INET;
    backend_.sin_port = htons(backend_port);
    backend_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);

    memory_ = map(buffer_bytes * buffers);
    buffer_ring_ = reinterpret_cast<io_uring_buf_ring*>(map(buffers * sizeof(io_uring_buf)));
    io_uring_buf_ring_init(buffer_ring_);
    io_uring_buf_reg registration{};
    registration.ring_addr = reinterpret_cast<std::uintptr_t>(buffer_ring_);
    registration.ring_entries = buffers;
    registration.bgid = kGroup;
    check(io_uring_register_buf_ring(&ring_, &registration, 0) == 0, "buffer ring");
    for (std::uint16_t buffer = 0; buffer < buffers; ++buffer)
        provide(buffer);
}

io_uring_sqe* Floor::entry(Side* side) {
    io_uring_sqe* sqe = io_uring_get_sqe(&ring_);
    while (sqe == nullptr) {
        io_uring_submit(&ring_);
        sqe = io_uring_get_sqe(&ring_);
    }
    if (side != nullptr) ++side->armed;
    return sqe;
}

// The preparing functions of the library clear user data, so it is set after them.
void tag(io_uring_sqe* sqe, Op op, Side* side) {
    sqe->user_data = reinterpret_cast<std::uint64_t>(side) | static_cast<std::uint64_t>(op);
}

void Floor::provide(std::uint16_t buffer) {
    io_uring_buf_ring_add(buffer_ring_, memory_ + buffer * buffer_bytes_,
                          static_cast<unsigned>(buffer_bytes_), buffer,
                          io_uring_buf_ring_mask(buffers_), 0);
    io_uring_buf_ring_advance(buffer_ring_, 1);
}

void Floor::arm_accept() {
    io_uring_sqe* sqe = entry(nullptr);
    io_uring_prep_multishot_accept(sqe, listener_, nullptr, nullptr, SOCK_CLOEXEC);
    tag(sqe, Op::accept, nullptr);
}

void Floor::arm_receive(Side& side) {
    io_uring_sqe* sqe = entry(&side);
    io_uring_prep_recv_multishot(sqe, side.fd, nullptr, 0, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = kGroup;
    tag(sqe, Op::receive, &side);
    side.receives = true;
}

void Floor::on_accepted(const io_uring_cqe& cqe) {
    if ((cqe.flags & IORING_CQE_F_MORE) == 0) arm_accept();
    if (cqe.res < 0) return;
    auto* pair = new Pair;
    pair->client.pair = pair->backend.pair = pair;
    pair->client.fd = cqe.res;
    pair->backend.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    check(pair->backend.fd >= 0, "socket");
    const int on = 1;
    setsockopt(pair->client.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(pair->backend.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    io_uring_sqe* sqe = entry(&pair->backend);
    io_uring_prep_connect(sqe, pair->backend.fd, reinterpret_cast<sockaddr*>(&backend_),
                          sizeof backend_);
    tag(sqe, Op::connect, &pair->backend);
}

void Floor::on_connected(Side& side, int result) {
    if (result < 0) {
        side.shut = partner(side).shut = true;
        side.read_to_end = partner(side).read_to_end = true;
        return;
    }
    arm_receive(side);
    arm_receive(partner(side));
}

void Floor::append(Side& to, std::uint16_t buffer) {
    nexts_[buffer] = kNone;
    if (to.first == kNone)
        to.first = buffer;
    else
        nexts_[to.last] = buffer;
    to.last = buffer;
    if (!to.sends) send_first(to);
}

// The kernel goes on until the whole buffer is sent, so a send ends complete or failed.
void Floor::send_first(Side& side) {
    io_uring_sqe* sqe = entry(&side);
    io_uring_prep_send(sqe, side.fd, memory_ + side.first * buffer_bytes_, lengths_[side.first],
                       MSG_WAITALL | MSG_NOSIGNAL);
    tag(sqe, Op::send, &side);
    side.sends = true;
}

void Floor::on_received(Side& side, const io_uring_cqe& cqe) {
    if ((cqe.flags & IORING_CQE_F_MORE) == 0) side.receives = false;
    if (cqe.res > 0) {
        const auto buffer = static_cast<std::uint16_t>(cqe.flags >> IORING_CQE_BUFFER_SHIFT);
        lengths_[buffer] = static_cast<std::uint32_t>(cqe.res);
        append(partner(side), buffer);
        if (!side.receives) arm_receive(side);
    } else if (cqe.res == -ENOBUFS) {
        side.starved = true;
        starved_.push_back(&side);
    } else {
        side.read_to_end = true;
    }
}

void Floor::on_sent(Side& side, int result) {
    const std::uint16_t buffer = side.first;
    side.first = nexts_[buffer];
    side.sends = false;
    provide(buffer);
    // After a failed send the rest of the queue has nowhere to go.
    while (result < 0 && side.first != kNone) {
        const std::uint16_t lost = side.first;
        side.first = nexts_[lost];
        provide(lost);
    }
    if (result < 0) side.read_to_end = partner(side).read_to_end = true;
    if (side.first != kNone) send_first(side);
}

void Floor::feed_starved() {
    if (starved_.empty()) return;
    std::vector<Side*> sides;
    sides.swap(starved_);
    for (Side* side : sides) {
        side->starved = false;
        if (!side->receives && !side->read_to_end) arm_receive(*side);
        settle(*side->pair);
    }
}

void Floor::settle(Pair& pair) {
    for (Side* side : {&pair.client, &pair.backend}) {
        // What shut has been told to is left to the kernel; the operation keeps the pair alive.
        if (partner(*side).read_to_end && side->first == kNone && !side->shut) {
            side->shut = true;
            io_uring_sqe* sqe = entry(side);
            io_uring_prep_shutdown(sqe, side->fd, side->read_to_end ? SHUT_RDWR : SHUT_WR);
            tag(sqe, Op::shut, side);
        }
    }
    const auto is_over = [](const Side& side) {
        return side.read_to_end && side.shut && side.armed == 0 && !side.starved;
    };
    if (is_over(pair.client) && is_over(pair.backend)) end_pair(pair);
}

void Floor::end_pair(Pair& pair) {
    for (const Side* side : {&pair.client, &pair.backend}) {
        io_uring_sqe* sqe = entry(nullptr);
        io_uring_prep_close(sqe, side->fd);
        tag(sqe, Op::shut, nullptr);
    }
    delete &pair;
}

void Floor::on_completion(const io_uring_cqe& cqe) {
    const Op op = static_cast<Op>(cqe.user_data & kOpMask);
    auto* side = reinterpret_cast<Side*>(cqe.user_data & ~kOpMask);
    if (op == Op::accept) return on_accepted(cqe);
    if (side == nullptr) return;  // a close
    if ((cqe.flags & IORING_CQE_F_MORE) == 0) --side->armed;
    switch (op) {
        case Op::connect:
            on_connected(*side, cqe.res);
            break;
        case Op::receive:
            on_received(*side, cqe);
            break;
        case Op::send:
            on_sent(*side, cqe.res);
            break;
        case Op::shut:
        case Op::accept:
            break;
    }
    settle(*side->pair);
}

void Floor::run() {
    arm_accept();
    for (;;) {
        io_uring_submit_and_wait(&ring_, 1);
        unsigned head = 0;
        unsigned seen = 0;
        io_uring_cqe* cqe = nullptr;
        io_uring_for_each_cqe(&ring_, head, cqe) {
            ++seen;
            on_completion(*cqe);
        }
        io_uring_cq_advance(&ring_, seen);
        feed_starved();
    }
}

int listen_on(std::uint16_t port) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int on = 1;
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    check(fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
              setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0 &&
              bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 &&
              listen(fd, 4096) == 0,
          "listen");
    return fd;
}

}  // namespace

int main(int count, char** words) {
    if (count < 3) {
        std::fputs("usage: bench-floor LISTEN_PORT BACKEND_PORT [BUFFER_BYTES] [BUFFERS]\n",
                   stderr);
        return 2;
    }
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    const auto number = [&](int at, unsigned long absent) {
        return count > at ? std::strtoul(words[at], nullptr, 10) : absent;
    };
    Floor floor(listen_on(static_cast<std::uint16_t>(number(1, 0))),
                static_cast<std::uint16_t>(number(2, 0)), number(3, 2048),
                static_cast<std::uint16_t>(number(4, 1024)));
    floor.run();
}
