// What io_uring promises and what it may do, as a simulated kernel below io::Ring (sim_ring.cpp).
//
//   queue ──wait()──▶ in the kernel ──something happens──▶ ready (due) ──wait()──▶ delivered
//                          ▲ cancel finds it here              ▲ ... or too late: it is here
//
// Promised: each operation completes, bytes of a socket stay in order, completions of one operation
// come in their order. Everything else is drawn: the order among operations, how late a completion
// is seen, how much one receive or send takes, whether a multishot operation ends by itself, which
// buffer is filled. A buffer that is handed out again is overwritten: its old bytes are missed.
// Completions that fill the same buffer come in the order in which they have filled it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include <sys/socket.h>

#include "dataplane/io/ring.h"
#include "tests/sim/network.h"

namespace mcpgw::sim {

// How unkind the kernel is; permille of the chances there are.
struct KernelTemper {
    std::uint16_t buffers = 256;
    std::size_t buffer_bytes = 4096;
    bool incremental = false;        // buffers are filled piece by piece
    std::size_t handed_out_min = 8;  // buffers that the kernel has at first
    unsigned short_receive = 0;
    unsigned short_send = 0;
    unsigned late_completion = 0;  // by up to late_max
    Nanos late_max = 2 * kMillisecond;
    unsigned spontaneous_end = 0;  // of a multishot operation
    unsigned accept_failure = 0;
    unsigned socket_failure = 0;
    unsigned spurious_wake = 0;
    unsigned oversleep = 0;  // by up to oversleep_max
    Nanos oversleep_max = 5 * kMillisecond;
};

class Kernel {
  public:
    Kernel(World& world, Network& network, const KernelTemper& temper);
    Kernel(const Kernel&) = delete;
    Kernel& operator=(const Kernel&) = delete;
    ~Kernel();
    [[nodiscard]] static Kernel& current();

    // Before every wait of the worker: the end of a tick.
    std::function<void()> on_tick;
    // The kernel lets the gateway down (no buffer, no descriptor): who waits may suffer for it.
    std::function<void(const char*)> on_hardship;
    // Somebody has written to the worker's mailbox.
    void mail_arrives() { mail_waits_ = true; }
    // At the end of the worker: the kernel lets its buffers go, and all of them must be free.
    void check_buffers();
    [[nodiscard]] std::size_t open_pipes() const { return open_pipes_; }
    // Operations that have not completed.
    // Whether a client has left, and the gateway cannot know: it does not receive from it, either
    // because it takes the client's end for a half-close and waits for the answer, or because the
    // server does not take the client's upload.
    [[nodiscard]] bool somebody_left_unheard() const;
    [[nodiscard]] std::size_t operations() const { return where_.size(); }
    [[nodiscard]] std::uint64_t waits() const { return waits_; }
    // True while the worker's own code runs, and not the simulation's.
    [[nodiscard]] static bool worker_runs() { return worker_runs_; }
    static void set_worker_runs(bool runs) { worker_runs_ = runs; }

    // --- What io::Ring does (sim_ring.cpp).
    [[nodiscard]] World& world() { return world_; }
    [[nodiscard]] Network& network() { return network_; }
    [[nodiscard]] const KernelTemper& temper() const { return temper_; }
    void use(io::BufferPool& pool);
    [[nodiscard]] Result<int> open_socket();
    [[nodiscard]] std::string peer_address(int descriptor);
    void accept(io::Operation& operation);
    void receive(io::Operation& operation, int descriptor, std::size_t bytes_max);
    void send(io::Operation& operation, int descriptor, const msghdr& message);
    void send_patiently(io::Operation& operation, int descriptor, const msghdr& message);
    void connect(io::Operation& operation, int descriptor, std::uint16_t port);
    void read_mail(io::Operation& operation, int descriptor, std::span<std::byte> into);
    // Splices (kernel_splice.cpp).
    void poll_readable(io::Operation& operation, int descriptor);
    void poll_writable(io::Operation& operation, int descriptor);
    [[nodiscard]] Result<io::Pipe> open_pipe();
    void close_pipe(io::Pipe& pipe);
    [[nodiscard]] std::int64_t splice_in(int descriptor, const io::Pipe& pipe, std::size_t max);
    [[nodiscard]] std::int64_t splice_out(const io::Pipe& pipe, int descriptor, std::size_t max);
    void cancel(io::Operation& operation);
    void shutdown_write(int descriptor);
    void close(int descriptor);
    unsigned wait(Nanos deadline);

  private:
    // What is in the kernel for one descriptor.
    struct Slot {
        Wire* wire = nullptr;
        io::Operation* receive = nullptr;
        std::size_t receive_max = 0;  // 0: multishot, without a bound
        io::Operation* send = nullptr;
        io::Operation* connect = nullptr;
        bool receive_polls = false;  // for a splice, which takes the bytes itself
        bool send_polls = false;
        const msghdr* message = nullptr;
        std::size_t sent = 0;
        unsigned undelivered = 0;  // operations of it that the gateway still counts as armed
    };
    struct Ready {
        io::Operation* operation;
        io::Completion completion;
        Nanos due;
    };
    struct Place {
        int descriptor = -1;  // -1: the listener or the mailbox
        Nanos last_due = 0;
    };
    // A buffer that the kernel has: filled from the front.
    struct Buffer {
        std::uint16_t number;
        std::size_t filled = 0;
    };

    [[nodiscard]] Slot& slot_of(int descriptor);
    void arm(io::Operation& operation, int descriptor);
    void finish(io::Operation& operation, io::Completion completion);
    void submit();
    void hand_out_buffers();
    [[nodiscard]] static bool must_follow(const Ready& later, const Ready& earlier);
    void poll_all();
    void poll_accept();
    void poll_mail();
    void poll_receive(Slot& slot, unsigned rounds_max);
    bool fill_buffer(Slot& slot);
    [[nodiscard]] bool take_pieces(Slot& slot, std::size_t bytes_max);
    void try_send(Slot& slot);
    void poll_send(Slot& slot);
    void poll_connect(Slot& slot);
    [[nodiscard]] bool tell_readable(Slot& slot);
    [[nodiscard]] bool tell_writable(Slot& slot);
    void cancel_now(io::Operation* operation);
    void cancel_send(Slot& slot);
    void sleep_until(Nanos deadline);
    [[nodiscard]] Nanos next_due() const;
    unsigned deliver();
    void give(const Ready& ready);

    World& world_;
    Network& network_;
    KernelTemper temper_;
    io::BufferPool* pool_ = nullptr;
    std::vector<Buffer> buffers_;      // that the kernel has
    std::vector<Nanos> buffer_due_;    // of the last completion that filled it
    std::vector<std::size_t> poison_;  // bytes of its last use, by buffer
    std::size_t handed_out_max_ = 0;
    std::unordered_map<int, Slot> slots_;
    std::unordered_map<io::Operation*, Place> where_;  // from arming to the last completion
    std::vector<std::function<void()>> queue_;
    std::vector<Ready> ready_;
    std::vector<Ready> quiet_;  // sends that were taken whole at once: they end no wait
    bool must_wake_ = false;    // a cancel found nothing to cancel, which is told, too
    io::Operation* accept_ = nullptr;
    io::Operation* mail_ = nullptr;
    int mail_descriptor_ = -1;
    std::span<std::byte> mail_into_;
    bool mail_waits_ = false;
    std::vector<std::string> pipes_;  // what is in each; numbers are never used twice
    std::size_t open_pipes_ = 0;
    std::uint64_t waits_ = 0;
    std::uint64_t waits_at_this_time_ = 0;
    Nanos time_of_last_wait_ = 0;
    static bool worker_runs_;
};

}  // namespace mcpgw::sim
