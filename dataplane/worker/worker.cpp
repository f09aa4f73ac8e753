// The tick of a worker, its mailbox and its end.
#include "dataplane/worker/worker.h"

#include <algorithm>
#include <cerrno>
#include <span>
#include <utility>

#include <pthread.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/log.h"
#include "dataplane/listen/sockets.h"

namespace mcpgw::worker {
namespace {

// Owners that are marked again and again in one tick would starve the kernel side; after so many
// advances the tick goes on and the rest waits for the next one.
constexpr std::size_t kAdvancesMax = 100'000;

std::uint64_t seed_from(RandomSource random) {
    std::uint64_t seed = 0;
    check(random(std::as_writable_bytes(std::span(&seed, 1))), "random bytes for a seed");
    return seed;
}

void pin_to(int cpu) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(static_cast<std::size_t>(cpu), &set);
    if (pthread_setaffinity_np(pthread_self(), sizeof set, &set) != 0)
        log_warn("a worker could not be pinned to its core", {{"cpu", cpu}});
}

}  // namespace

// --- Mailbox ------------------------------------------------------------------------------------

Mailbox::Mailbox() : descriptor_(eventfd(0, EFD_CLOEXEC)) {
    check(descriptor_ >= 0, "an eventfd for the mailbox");
}
Mailbox::~Mailbox() {
    close(descriptor_);
}

void Mailbox::wake() {
    const std::uint64_t one = 1;
    // The counter cannot overflow in practice, and EINTR does not occur on eventfd writes that fit.
    maybe(write(descriptor_, &one, sizeof one) == sizeof one);
}
void Mailbox::drain() {
    draining_.store(true, std::memory_order_release);
    wake();
}
void Mailbox::stop() {
    stopping_.store(true, std::memory_order_release);
    wake();
}

std::size_t memory_bound_bytes(std::size_t connections_max) {
    const std::size_t of_client = sizeof(client::Http1Client) + sizeof(exchange::Exchange) +
                                  sizeof(exchange::PendingHead) + 2 * sizeof(jsonrpc::Peek) +
                                  sizeof(exchange::VisibleTools);
    const std::size_t of_backend = sizeof(backend::Http1Backend);
    const std::size_t of_verdict = sizeof(auth::Verdict) + limits::principal_bytes_max +
                                   limits::roles_bytes_max + limits::user_name_bytes_max +
                                   limits::tenant_bytes_max + 2 * limits::scopes_bytes_max;
    // One send in the kernel for each connection of either side.
    const std::size_t sends = 2 * sizeof(transport::SendVector);
    return limits::receive_buffers * limits::receive_buffer_bytes +
           limits::spill_buffers * limits::spill_buffer_bytes +
           limits::head_blocks * limits::head_block_bytes +
           limits::small_head_blocks * limits::small_head_block_bytes +
           limits::segments_per_worker_max * sizeof(transport::Segment) +
           limits::verdicts_max * of_verdict + connections_max * (of_client + of_backend + sends);
}

// --- Life ---------------------------------------------------------------------------------------

Result<std::unique_ptr<Worker>> Worker::open(const WorkerOptions& options) {
    if (options.cpu >= 0) pin_to(options.cpu);
    io::RingOptions ring_options;
    ring_options.receive_buffers =
        options.receive_buffers > 0 ? options.receive_buffers : limits::receive_buffers;
    ring_options.receive_buffer_bytes = options.receive_buffer_bytes > 0
                                            ? options.receive_buffer_bytes
                                            : limits::receive_buffer_bytes;
    ring_options.poll_nanos = options.poll_us * kMicrosecond;
    auto ring = io::Ring::open(ring_options);
    if (!ring) return std::unexpected(ring.error());
    return std::make_unique<Worker>(options, std::move(*ring));
}

Worker::Worker(const WorkerOptions& options, std::unique_ptr<io::Ring> ring)
    : options_(options),
      ring_(std::move(ring)),
      context_(*ring_, *options.metrics),
      pool_(context_),
      services_{.context = context_,
                .pool = pool_,
                .settings = *options.settings,
                .sessions = *options.sessions,
                .events = options.events,
                .admin_pages = options.admin_pages,
                .limiter = options.limiter,
                .audit = options.audit,
                .table = nullptr,
                .sealer = Sealer(options.random),
                .awaiting_news = {},
                .random = exchange::Random(seed_from(options.random)),
                .draining = false},
      table_(services_, options.connections_max, options.addresses),
      listener_(context_, table_, options.listener, listen::is_loopback(options.listener)) {
    ring_->read(mail_operation_, options_.mailbox->descriptor(), mail_);
    listener_.start();
}

Worker::~Worker() = default;

void Worker::on_mail(const io::Completion&) {
    if (!ending_) ring_->read(mail_operation_, options_.mailbox->descriptor(), mail_);
}

void Worker::run() {
    while (!options_.mailbox->stopping()) {
        tick();
        if (options_.mailbox->draining()) drain();
        if (services_.draining && table_.connections() == 0) break;
    }
    end();
}

void Worker::drain() {
    if (services_.draining) return;
    services_.draining = true;
    listener_.stop();
    table_.drain();
    pool_.drain();
}

// Everything is ended and buried before the ring goes: the kernel must not own memory that is
// freed.
void Worker::end() {
    ending_ = true;
    listener_.stop();
    ring_->cancel(mail_operation_);
    if (options_.mailbox->draining()) {
        drain();
        say_last_words();
    }
    table_.lose_all();
    farewells_.end_all();
    pool_.end_idle();
    while (!finished()) {
        table_.lose_all();
        pool_.end_idle();
        tick();
    }
    context_.timers.clear(relief_timer_);
    ring_->wait(context_.now);  // descriptors that the last tick gave back are closed now
    options_.publication->leave(options_.index);
}

// The time to drain is over: whoever still waits is told so, and has a moment to take it.
void Worker::say_last_words() {
    table_.wind_up();
    const Nanos deadline = ring_->now() + limits::last_words_ms * kMillisecond;
    context_.timers.set(last_words_timer_, deadline);
    while (table_.connections() > 0 && context_.now < deadline)
        tick();
    context_.timers.clear(last_words_timer_);
}

bool Worker::finished() const {
    return listener_.idle() && !mail_operation_.armed() && table_.connections() == 0 &&
           pool_.connections() == 0;
}

// --- The tick -----------------------------------------------------------------------------------

void Worker::tick() {
    settle();  // what was decided between two ticks (drain, end) must not wait for the next event
    const bool has_work = std::exchange(context_.hurry, false) || !context_.dirty.empty();
    options_.publication->leave(options_.index);
    ring_->wait(has_work ? context_.now : context_.timers.next_visit());
    context_.now = ring_->now();
    take_table();
    if (!ending_ && options_.admin_pages == nullptr) farewells_.advance();
    context_.timers.advance(context_.now);
    measure_pressure();
    if (context_.pressure != transport::Pressure::none) relieve();
    // Settling can give news of its own (a connection that is closed by now): a second round deals
    // with it in this tick.
    for (int round = 0; round < 2; ++round) {
        advance_dirty();
        settle();
    }
    table_.bury();
    pool_.bury();
    listener_.settle();  // after the burial, which may have made room
    feed_starved();
    report();
}

void Worker::settle() {
    while (transport::Connection* connection = context_.unsettled.pop_front())
        connection->settle();
}

void Worker::take_table() {
    services_.table = options_.publication->refresh(options_.index);
    if (services_.table == nullptr) return;
    services_.sealer.set_keys(services_.table->keys(), services_.table->keys_generation());
    if (options_.settings->auth == exchange::AuthMode::oidc &&
        services_.tokens.set_access(services_.table->access()))
        services_.awaiting_key.for_each(
            [this](exchange::AwaitedKey& waiting) { context_.mark(waiting.exchange); });
    services_.assertions.set_access(services_.table->access());
    // Few wait, and not for long: looking every time is simpler than knowing whether it is another
    // table (a new one may lie where an old one lay).
    services_.awaiting_news.for_each(
        [this](exchange::AwaitedAnswer& waiting) { context_.mark(waiting.exchange); });
}

void Worker::advance_dirty() {
    for (std::size_t count = 0; count < kAdvancesMax; ++count) {
        transport::Dirty* dirty = context_.dirty.pop_front();
        if (dirty == nullptr) return;
        switch (dirty->kind()) {
            case transport::Dirty::Kind::client:
                static_cast<client::Http1Client*>(dirty)->advance();
                break;
            case transport::Dirty::Kind::backend:
                static_cast<backend::Http1Backend*>(dirty)->advance();
                break;
            case transport::Dirty::Kind::exchange:
                static_cast<exchange::Exchange*>(dirty)->advance();
                break;
        }
    }
}

// The less is free, the less may wait in a single queue.
void Worker::measure_pressure() {
    using transport::Pressure;
    const io::BufferPool& buffers = ring_->buffers();
    if (buffers.half_free()) {
        context_.pressure = Pressure::none;
        context_.out_queue_bytes_high = limits::out_queue_bytes_high;
        return;
    }
    context_.pressure = buffers.eighth_free() ? Pressure::high : Pressure::exhausted;
    const std::size_t free = (buffers.buffers() - buffers.in_use()) * buffers.buffer_bytes();
    context_.out_queue_bytes_high =
        std::clamp(free / limits::out_queue_free_part, limits::out_queue_bytes_scarce,
                   limits::out_queue_bytes_high);
}

// Looks through all connections, which takes a while: not in every tick.
void Worker::relieve() {
    if (context_.now < relief_at_) return;
    relief_at_ = context_.now + limits::relief_interval_ms * kMillisecond;
    context_.timers.set(relief_timer_, relief_at_);
    options_.metrics->reliefs.add();
    table_.relieve();
}

void Worker::feed_starved() {
    if (context_.starved.empty() || !ring_->buffers().eighth_free()) return;
    while (transport::Connection* connection = context_.starved.pop_front())
        connection->feed();
    settle();
}

void Worker::report() {
    Mailbox& mailbox = *options_.mailbox;
    mailbox.accepting.store(!services_.draining || !listener_.idle(), std::memory_order_release);
    mailbox.connections.store(table_.connections(), std::memory_order_relaxed);
    mailbox.exchanges.store(table_.exchanges(), std::memory_order_relaxed);
    mailbox.backend_connections.store(pool_.connections(), std::memory_order_relaxed);
    options_.metrics->buffers_in_use.set(static_cast<std::int64_t>(ring_->buffers().in_use()));
}

}  // namespace mcpgw::worker
