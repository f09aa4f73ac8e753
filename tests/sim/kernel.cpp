// Operations in the kernel: what arms, completes and cancels them, and how a wait ends.
#include "tests/sim/kernel.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include <unistd.h>

namespace mcpgw::sim {
namespace {

constexpr Who kRing{"ring", 0};
// One multishot receive gives up its turn after so many buffers.
constexpr unsigned kRoundsMax = 8;
// A worker that comes back so often without time passing is caught in a circle.
constexpr std::uint64_t kWaitsAtOneTimeMax = 20'000;
constexpr char kPoison = '\xDB';

Kernel* the_kernel = nullptr;

}  // namespace

bool Kernel::worker_runs_ = false;

Kernel::Kernel(World& world, Network& network, const KernelTemper& temper)
    : world_(world), network_(network), temper_(temper) {
    check(the_kernel == nullptr, "one kernel at a time");
    the_kernel = this;
}

Kernel::~Kernel() {
    the_kernel = nullptr;
}

Kernel& Kernel::current() {
    check(the_kernel != nullptr, "a ring needs a kernel");
    return *the_kernel;
}

void Kernel::use(io::BufferPool& pool) {
    pool_ = &pool;
    buffer_due_.assign(pool.buffers(), 0);
    poison_.assign(pool.buffers(), 0);
    handed_out_max_ = std::min<std::size_t>(pool.buffers(), temper_.handed_out_min);
}

void Kernel::check_buffers() {
    for (const Buffer& buffer : buffers_)
        pool_->give_back(buffer.number, false);
    buffers_.clear();
    if (pool_->in_use() > 0) World::fail("receive buffers are held after the end");
}

bool Kernel::somebody_left_unheard() const {
    return std::ranges::any_of(slots_, [](const auto& entry) {
        const Slot& slot = entry.second;
        return slot.wire->side() == Wire::Side::client && !slot.wire->gateway_closed() &&
               slot.wire->actor_closed() && slot.receive == nullptr;
    });
}

// --- What the gateway asks for

Result<int> Kernel::open_socket() {
    if (world_.dice().chance(temper_.socket_failure)) {
        world_.note(kRing, "no descriptor is left for a socket");
        if (on_hardship) on_hardship("no descriptor for a socket");
        return std::unexpected(error_from_errno(EMFILE, "socket"));
    }
    Wire& wire = network_.open_socket();
    slots_[wire.descriptor()].wire = &wire;
    return wire.descriptor();
}

std::string Kernel::peer_address(int descriptor) {
    return slot_of(descriptor).wire->address();
}

Kernel::Slot& Kernel::slot_of(int descriptor) {
    const auto found = slots_.find(descriptor);
    if (found == slots_.end() || found->second.wire->gateway_closed())
        World::fail("an operation on descriptor " + std::to_string(descriptor) +
                    ", which is not open");
    return found->second;
}

void Kernel::arm(io::Operation& operation, int descriptor) {
    operation.arm();
    where_[&operation] = {descriptor, 0};
    if (descriptor >= 0) ++slot_of(descriptor).undelivered;
}

void Kernel::accept(io::Operation& operation) {
    arm(operation, -1);
    queue_.push_back([this, &operation] {
        if (accept_ != nullptr) World::fail("two accepts on one listener");
        accept_ = &operation;
    });
}

void Kernel::receive(io::Operation& operation, int descriptor, std::size_t bytes_max) {
    arm(operation, descriptor);
    queue_.push_back([this, &operation, descriptor, bytes_max] {
        Slot& slot = slot_of(descriptor);
        if (slot.receive != nullptr) World::fail("two receives on one socket");
        slot.receive = &operation;
        slot.receive_max = bytes_max;
        poll_receive(slot, kRoundsMax);
    });
}

void Kernel::send(io::Operation& operation, int descriptor, const msghdr& message) {
    arm(operation, descriptor);
    queue_.push_back([this, &operation, descriptor, &message] {
        Slot& slot = slot_of(descriptor);
        if (slot.send != nullptr) World::fail("two sends on one socket");
        slot.send = &operation;
        slot.message = &message;
        slot.sent = 0;
        try_send(slot);
    });
}

void Kernel::send_patiently(io::Operation& operation, int descriptor, const msghdr& message) {
    arm(operation, descriptor);
    queue_.push_back([this, &operation, descriptor, &message] {
        Slot& slot = slot_of(descriptor);
        if (slot.send != nullptr) World::fail("two sends on one socket");
        slot.send = &operation;
        slot.message = &message;
        slot.sent = 0;
        poll_send(slot);
    });
}

void Kernel::connect(io::Operation& operation, int descriptor, std::uint16_t port) {
    arm(operation, descriptor);
    queue_.push_back([this, &operation, descriptor, port] {
        Slot& slot = slot_of(descriptor);
        slot.connect = &operation;
        network_.connect_to(*slot.wire, port);
    });
}

void Kernel::read_mail(io::Operation& operation, int descriptor, std::span<std::byte> into) {
    arm(operation, -1);
    queue_.push_back([this, &operation, descriptor, into] {
        mail_ = &operation;
        mail_descriptor_ = descriptor;
        mail_into_ = into;
    });
}

void Kernel::cancel(io::Operation& operation) {
    if (!operation.armed()) return;
    queue_.push_back([this, target = &operation] { cancel_now(target); });
}

void Kernel::shutdown_write(int descriptor) {
    static_cast<void>(slot_of(descriptor));
    queue_.push_back([this, descriptor] { slot_of(descriptor).wire->gateway_half_close(); });
}

void Kernel::close(int descriptor) {
    if (slot_of(descriptor).undelivered > 0)
        World::fail("a descriptor is closed while an operation is armed on it");
    queue_.push_back([this, descriptor] { slot_of(descriptor).wire->gateway_close(); });
}

// --- Completions

void Kernel::finish(io::Operation& operation, io::Completion completion) {
    Place& place = where_.at(&operation);
    Nanos due = world_.now();
    if (world_.dice().chance(temper_.late_completion))
        due += world_.dice().between(1, temper_.late_max);
    if (completion.has_buffer) {
        due = std::max(due, buffer_due_[completion.buffer]);
        buffer_due_[completion.buffer] = std::max(due, place.last_due);
    }
    place.last_due = std::max(place.last_due, due);
    ready_.push_back({&operation, completion, place.last_due});
}

void Kernel::poll_accept() {
    std::deque<Wire*>& backlog = network_.backlog();
    while (accept_ != nullptr && !backlog.empty()) {
        if (world_.dice().chance(temper_.accept_failure)) {
            world_.note(kRing, "no descriptor is left for an accept");
            finish(*std::exchange(accept_, nullptr), {.result = -EMFILE});
            return;
        }
        Wire& wire = *backlog.front();
        backlog.pop_front();
        slots_[wire.descriptor()].wire = &wire;
        wire.gateway_accept();
        world_.note(kRing, "accepts descriptor %lld", wire.descriptor());
        const bool more = !world_.dice().chance(temper_.spontaneous_end);
        finish(*accept_, {.result = wire.descriptor(), .more = more});
        if (!more) accept_ = nullptr;
    }
}

void Kernel::poll_mail() {
    if (!mail_waits_ || mail_ == nullptr) return;
    mail_waits_ = false;
    const ssize_t got = ::read(mail_descriptor_, mail_into_.data(), mail_into_.size());
    check(got > 0, "the mailbox has been written to");
    finish(*std::exchange(mail_, nullptr), {.result = static_cast<std::int32_t>(got)});
}

// False when the kernel has no buffer.
bool Kernel::fill_buffer(Slot& slot) {
    if (buffers_.empty()) {
        world_.note(kRing, "no buffer is free for descriptor %lld", slot.wire->descriptor());
        if (on_hardship && pool_->none_free()) on_hardship("no receive buffer");
        handed_out_max_ = std::min<std::size_t>(pool_->buffers(), handed_out_max_ * 2);
        finish(*std::exchange(slot.receive, nullptr), {.result = -ENOBUFS});
        return false;
    }
    Dice& dice = world_.dice();
    const std::size_t choice = dice.below(buffers_.size());
    Buffer& buffer = buffers_[choice];
    const std::string_view bytes = slot.wire->up().readable();
    std::size_t count = std::min(bytes.size(), pool_->buffer_bytes() - buffer.filled);
    if (slot.receive_max > 0) count = std::min(count, slot.receive_max);
    if (dice.chance(temper_.short_receive))
        count = static_cast<std::size_t>(dice.between(1, count));
    std::memcpy(pool_->address(buffer.number) + buffer.filled, bytes.data(), count);
    slot.wire->gateway_read(count);
    buffer.filled += count;
    poison_[buffer.number] = buffer.filled;
    const bool more = slot.receive_max == 0 && !dice.chance(temper_.spontaneous_end);
    const bool keeps = temper_.incremental && buffer.filled < pool_->buffer_bytes();
    finish(*slot.receive, {.result = static_cast<std::int32_t>(count),
                           .more = more,
                           .has_buffer = true,
                           .buffer_more = keeps,
                           .buffer = buffer.number});
    if (!keeps) buffers_.erase(buffers_.begin() + static_cast<std::ptrdiff_t>(choice));
    if (!more) slot.receive = nullptr;
    return true;
}

void Kernel::poll_receive(Slot& slot, unsigned rounds_max) {
    if (tell_readable(slot)) return;
    for (unsigned round = 0; slot.receive != nullptr && round < rounds_max; ++round) {
        const Wire& wire = *slot.wire;
        if (!wire.up().readable().empty()) {
            if (!fill_buffer(slot)) return;
        } else if (wire.gateway_error() != 0) {
            finish(*std::exchange(slot.receive, nullptr), {.result = -wire.gateway_error()});
        } else if (wire.up().ended()) {
            finish(*std::exchange(slot.receive, nullptr), {.result = 0});
        } else {
            return;
        }
    }
    // The rest waits for the next look.
    if (slot.receive != nullptr) network_.changed().push_back(slot.wire);
}

// True when all pieces are taken.
bool Kernel::take_pieces(Slot& slot, std::size_t bytes_max) {
    bool all = true;
    for (std::size_t i = 0; i < slot.message->msg_iovlen && all; ++i) {
        const iovec& piece = slot.message->msg_iov[i];
        const std::string_view bytes(static_cast<const char*>(piece.iov_base),
                                     std::min(piece.iov_len, bytes_max - slot.sent));
        const std::size_t taken = bytes.empty() ? 0 : slot.wire->gateway_write(bytes);
        slot.sent += taken;
        all = taken == piece.iov_len;
    }
    if (slot.sent > 0)
        world_.note(kRing, "descriptor %lld has taken %lld bytes", slot.wire->descriptor(),
                    static_cast<std::int64_t>(slot.sent));
    return all;
}

// A patient send: told as soon as something was taken.
void Kernel::poll_send(Slot& slot) {
    if (tell_writable(slot) || slot.send == nullptr) return;
    const int error_number = slot.wire->gateway_error();
    if (error_number == 0 && !take_pieces(slot, SIZE_MAX) && slot.sent == 0) return;
    const std::int32_t result = error_number != 0 ? -EPIPE : static_cast<std::int32_t>(slot.sent);
    finish(*std::exchange(slot.send, nullptr), {.result = result});
}

// A send that waits for nothing: silent if all is taken, else told at once.
void Kernel::try_send(Slot& slot) {
    io::Operation& operation = *std::exchange(slot.send, nullptr);
    const int error_number = slot.wire->gateway_error();
    if (error_number != 0) return finish(operation, {.result = -EPIPE});
    Dice& dice = world_.dice();
    const bool cut_short = dice.chance(temper_.short_send);
    const bool all = take_pieces(slot, cut_short ? dice.below(10'000) : SIZE_MAX);
    const auto sent = static_cast<std::int32_t>(slot.sent);
    if (all)
        quiet_.push_back({&operation, {.result = sent}, world_.now()});
    else
        finish(operation, {.result = sent > 0 ? sent : -EAGAIN});
}

void Kernel::poll_connect(Slot& slot) {
    if (slot.connect == nullptr || !slot.wire->connect_done()) return;
    finish(*std::exchange(slot.connect, nullptr), {.result = -slot.wire->gateway_error()});
}

void Kernel::poll_all() {
    poll_mail();
    poll_accept();
    std::vector<Wire*> changed;
    changed.swap(network_.changed());
    for (Wire* wire : changed) {
        const auto found = slots_.find(wire->descriptor());
        if (found == slots_.end() || wire->gateway_closed()) continue;
        poll_connect(found->second);
        poll_receive(found->second, kRoundsMax);
        poll_send(found->second);
    }
}

// --- Cancelling

// A cancel meets the operation in the kernel, or is too late; what the operation could still do
// may be done first.
void Kernel::cancel_now(io::Operation* operation) {
    const auto place = where_.find(operation);
    if (place == where_.end()) return;
    constexpr io::Completion cancelled{.result = -ECANCELED};
    if (operation == accept_) {
        if (world_.dice().chance(500)) poll_accept();
        if (accept_ != nullptr) finish(*std::exchange(accept_, nullptr), cancelled);
        return;
    }
    if (operation == mail_) return finish(*std::exchange(mail_, nullptr), cancelled);
    if (place->second.descriptor < 0) return;
    Slot& slot = slot_of(place->second.descriptor);
    if (operation == slot.receive) {
        if (world_.dice().chance(500)) poll_receive(slot, 1);
        if (slot.receive != nullptr) finish(*std::exchange(slot.receive, nullptr), cancelled);
        slot.receive_polls = false;
    } else if (operation == slot.connect) {
        if (world_.dice().chance(500)) poll_connect(slot);
        if (slot.connect != nullptr) finish(*std::exchange(slot.connect, nullptr), cancelled);
    } else if (operation == slot.send) {
        cancel_send(slot);
    } else {
        must_wake_ = true;
    }
}

void Kernel::cancel_send(Slot& slot) {
    if (world_.dice().chance(500)) poll_send(slot);
    if (slot.send != nullptr) finish(*std::exchange(slot.send, nullptr), {.result = -ECANCELED});
    slot.send_polls = false;
}

// --- Waiting

// As the production body does it: a few at a time, more after it has run out of them.
void Kernel::hand_out_buffers() {
    while (pool_->with_kernel() < handed_out_max_ && !pool_->none_free()) {
        const std::uint16_t number = pool_->hand_out();
        std::memset(pool_->address(number), kPoison, poison_[number]);
        buffers_.push_back({number});
    }
}

void Kernel::submit() {
    std::vector<std::function<void()>> queue;
    queue.swap(queue_);
    for (const auto& operation : queue)
        operation();
}

Nanos Kernel::next_due() const {
    Nanos due = kNever;
    for (const Ready& ready : ready_)
        due = std::min(due, ready.due);
    return due;
}

// Until something can be delivered, or the deadline has passed.
void Kernel::sleep_until(Nanos deadline) {
    Dice& dice = world_.dice();
    while (true) {
        while (world_.next_event() <= world_.now())
            world_.run_next();
        poll_all();
        const Nanos due = next_due();
        if (due <= world_.now() || std::exchange(must_wake_, false)) return;
        if (deadline <= world_.now()) return;
        const Nanos event = world_.next_event();
        const Nanos next = std::min({due, deadline, event});
        if (next == kNever) World::fail("nothing will ever happen again, and somebody waits");
        if (next == event) {
            world_.run_next();
            continue;
        }
        world_.pass_until(next);
        if (next != deadline) continue;
        if (dice.chance(temper_.oversleep))
            world_.pass_until(next + dice.between(1, temper_.oversleep_max));
    }
}

// Removed from its place before the handler runs, which may arm it again.
void Kernel::give(const Ready& ready) {
    const auto place = where_.find(ready.operation);
    check(place != where_.end(), "what completes was armed");
    world_.note(kRing,
                ready.completion.more ? "tells %lld of descriptor %lld, and goes on"
                                      : "tells %lld of descriptor %lld",
                ready.completion.result, place->second.descriptor);
    if (!ready.completion.more) {
        if (place->second.descriptor >= 0) --slot_of(place->second.descriptor).undelivered;
        where_.erase(place);
    }
    ready.operation->complete(ready.completion);
}

bool Kernel::must_follow(const Ready& later, const Ready& earlier) {
    const bool same_buffer = later.completion.has_buffer && earlier.completion.has_buffer &&
                             later.completion.buffer == earlier.completion.buffer;
    return later.operation == earlier.operation || same_buffer;
}

unsigned Kernel::deliver() {
    std::vector<Ready> due;
    std::erase_if(ready_, [this, &due](const Ready& ready) {
        if (ready.due > world_.now()) return false;
        due.push_back(ready);
        return true;
    });
    unsigned delivered = 0;
    while (!due.empty()) {
        // Any may be next, unless one before it must be first.
        std::size_t chosen = world_.dice().below(due.size());
        for (std::size_t i = 0; i < chosen;) {
            const bool before = must_follow(due[chosen], due[i]);
            chosen = before ? i : chosen;
            i = before ? 0 : i + 1;
        }
        const Ready ready = due[chosen];
        due.erase(due.begin() + static_cast<std::ptrdiff_t>(chosen));
        give(ready);
        ++delivered;
    }
    std::vector<Ready> quiet;
    quiet.swap(quiet_);
    for (const Ready& ready : quiet)
        give(ready);
    return delivered + static_cast<unsigned>(quiet.size());
}

unsigned Kernel::wait(Nanos deadline) {
    worker_runs_ = false;
    ++waits_;
    if (world_.now() != time_of_last_wait_) waits_at_this_time_ = 0;
    if (++waits_at_this_time_ > kWaitsAtOneTimeMax)
        World::fail("the worker turns in a circle without time passing");
    if (on_tick) on_tick();
    if (on_hardship && !pool_->half_free()) on_hardship("receive buffers are scarce");
    hand_out_buffers();
    submit();
    const bool spurious = world_.dice().chance(temper_.spurious_wake);
    sleep_until(spurious ? world_.now() : deadline);
    time_of_last_wait_ = world_.now();
    worker_runs_ = true;
    const unsigned delivered = deliver();
    world_.pass_until(world_.now() + world_.dice().below(20 * kMicrosecond));
    return delivered;
}

}  // namespace mcpgw::sim
