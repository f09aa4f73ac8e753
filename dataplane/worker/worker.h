// One core: a ring, its connections, and the tick.
//
//   wait      submit what is queued, sleep, deliver completions (they only record)
//   fire      timers whose deadline has passed (they only record)
//   advance   every dirty owner: the only place for decisions
//   settle    connections tell the kernel what they now want
//   bury      free what is closed and has nothing in the kernel
//
// A worker is made, run and destroyed on its own thread. Other threads use only its mailbox: drain,
// stop and wake, which write an eventfd.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "common/result.h"
#include "dataplane/exchange/farewell.h"
#include "dataplane/exchange/services.h"
#include "dataplane/listen/listener.h"
#include "dataplane/route/publication.h"

namespace mcpgw::worker {

// What other threads may say to a worker. Outlives it.
class Mailbox {
  public:
    Mailbox();
    Mailbox(const Mailbox&) = delete;
    Mailbox& operator=(const Mailbox&) = delete;
    ~Mailbox();

    void wake();   // the route table has changed, or there is another reason to look
    void drain();  // accept nothing more, finish what is going on, then end
    void stop();   // end now
    [[nodiscard]] int descriptor() const { return descriptor_; }
    [[nodiscard]] bool draining() const { return draining_.load(std::memory_order_acquire); }
    [[nodiscard]] bool stopping() const { return stopping_.load(std::memory_order_acquire); }
    // Set by the worker: for the debug page, and for whoever waits for a drain.
    std::atomic<bool> accepting{true};
    std::atomic<std::uint64_t> connections{0};
    std::atomic<std::uint64_t> exchanges{0};
    std::atomic<std::uint64_t> backend_connections{0};

  private:
    int descriptor_;
    std::atomic<bool> draining_{false};
    std::atomic<bool> stopping_{false};
};

struct WorkerOptions {
    std::size_t index = 0;  // reader of the publication
    int cpu = -1;           // pinned to it; -1: not pinned
    int listener = -1;
    std::size_t connections_max = limits::connections_per_worker_max;
    std::uint32_t poll_us = 0;                   // how long it looks for work before it sleeps
    client::AddressCounts* addresses = nullptr;  // of all workers; nullptr: no limit per address
    // Of the ring; 0: limits.h says.
    std::uint16_t receive_buffers = 0;
    std::size_t receive_buffer_bytes = 0;
    Publication* publication = nullptr;
    const exchange::Settings* settings = nullptr;
    SharedSessions* sessions = nullptr;
    EventQueue* events = nullptr;                 // nullptr: the admin worker
    exchange::AdminPages* admin_pages = nullptr;  // of the admin worker only
    limit::Limiter* limiter = nullptr;            // of all workers; nullptr: nothing is limited
    RequestQueue* audit = nullptr;                // nullptr: there is no audit log
    WorkerMetrics* metrics = nullptr;
    Mailbox* mailbox = nullptr;
    RandomSource random = system_random;  // of nonces, and of the seed for choices
};

// What a worker with so many client connections can take at most, in bytes: every pool and table
// full. Most of it is address space that is touched when it is needed.
[[nodiscard]] std::size_t memory_bound_bytes(std::size_t connections_max);

class Worker {
  public:
    // On the worker's own thread.
    [[nodiscard]] static Result<std::unique_ptr<Worker>> open(const WorkerOptions& options);
    Worker(const WorkerOptions& options, std::unique_ptr<io::Ring> ring);
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;
    ~Worker();

    // Returns when it was told to stop, or has drained.
    void run();
    [[nodiscard]] std::string engine() const { return ring_->engine(); }

  private:
    void tick();
    void advance_dirty();
    void settle();
    void take_table();
    void feed_starved();
    void measure_pressure();
    void relieve();
    void on_relief_time() {}  // the tick that the timer causes is all that is wanted
    void report();
    void on_mail(const io::Completion& completion);
    [[nodiscard]] bool finished() const;
    void drain();
    void end();
    void say_last_words();
    void on_last_words_said() {}  // the tick that the timer causes is all that is wanted

    WorkerOptions options_;
    std::unique_ptr<io::Ring> ring_;
    transport::Context context_;
    backend::Pool pool_;
    exchange::Services services_;
    exchange::Farewells farewells_{services_};
    client::Table table_;
    listen::Listener listener_;
    io::TimerOf<Worker, &Worker::on_last_words_said> last_words_timer_{*this};
    bool ending_ = false;  // no further mail is read
    io::TimerOf<Worker, &Worker::on_relief_time> relief_timer_{*this};
    Nanos relief_at_ = 0;
    std::array<std::byte, 8> mail_{};
    io::OperationOf<Worker, &Worker::on_mail> mail_operation_{*this};
};

}  // namespace mcpgw::worker
