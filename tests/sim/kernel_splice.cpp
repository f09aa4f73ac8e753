// Pipes, and what a splice moves through them. A splice is no operation of the ring: it happens
// while the worker runs, at once.
#include <algorithm>
#include <cerrno>
#include <utility>

#include "tests/sim/kernel.h"

namespace mcpgw::sim {
namespace {

constexpr Who kSplicer{"ring", 0};

// The simulation acts while the worker runs.
class Interlude {
  public:
    Interlude() { Kernel::set_worker_runs(false); }
    Interlude(const Interlude&) = delete;
    Interlude& operator=(const Interlude&) = delete;
    ~Interlude() { Kernel::set_worker_runs(true); }
};

}  // namespace

void Kernel::poll_readable(io::Operation& operation, int descriptor) {
    arm(operation, descriptor);
    queue_.push_back([this, &operation, descriptor] {
        Slot& slot = slot_of(descriptor);
        if (slot.receive != nullptr) World::fail("a poll beside a receive");
        slot.receive = &operation;
        slot.receive_polls = true;
        poll_receive(slot, 1);
    });
}

void Kernel::poll_writable(io::Operation& operation, int descriptor) {
    arm(operation, descriptor);
    queue_.push_back([this, &operation, descriptor] {
        Slot& slot = slot_of(descriptor);
        if (slot.send != nullptr) World::fail("a poll beside a send");
        slot.send = &operation;
        slot.send_polls = true;
        poll_send(slot);
    });
}

// True if the receive of the slot is a poll: it is told, if there is something to tell.
bool Kernel::tell_readable(Slot& slot) {
    if (!slot.receive_polls || slot.receive == nullptr) return slot.receive_polls;
    const Wire& wire = *slot.wire;
    if (!wire.up().readable().empty() || wire.up().ended() || wire.gateway_error() != 0) {
        slot.receive_polls = false;
        finish(*std::exchange(slot.receive, nullptr), {.result = 1});
    }
    return true;
}

bool Kernel::tell_writable(Slot& slot) {
    if (!slot.send_polls || slot.send == nullptr) return slot.send_polls;
    if (slot.wire->gateway_room() > 0 || slot.wire->gateway_error() != 0) {
        slot.send_polls = false;
        finish(*std::exchange(slot.send, nullptr), {.result = 1});
    }
    return true;
}

Result<io::Pipe> Kernel::open_pipe() {
    const Interlude interlude;
    if (world_.dice().chance(temper_.socket_failure))
        return std::unexpected(error_from_errno(EMFILE, "pipe"));
    pipes_.emplace_back();
    const int number = static_cast<int>(pipes_.size()) - 1;
    ++open_pipes_;
    return io::Pipe{number, number};
}

void Kernel::close_pipe(io::Pipe& pipe) {
    if (!pipe.is_open()) return;
    pipes_[static_cast<std::size_t>(pipe.in)].clear();
    --open_pipes_;
    pipe = {};
}

std::int64_t Kernel::splice_in(int descriptor, const io::Pipe& pipe, std::size_t bytes_max) {
    const Interlude interlude;
    Slot& slot = slot_of(descriptor);
    if (slot.receive != nullptr) World::fail("a splice beside a receive");
    const std::string_view bytes = slot.wire->up().readable();
    if (bytes.empty()) {
        if (slot.wire->gateway_error() != 0) return -slot.wire->gateway_error();
        return slot.wire->up().ended() ? 0 : -EAGAIN;
    }
    Dice& dice = world_.dice();
    std::size_t count = std::min(bytes.size(), bytes_max);
    if (dice.chance(temper_.short_receive))
        count = static_cast<std::size_t>(dice.between(1, count));
    pipes_[static_cast<std::size_t>(pipe.in)] += bytes.substr(0, count);
    world_.note(kSplicer, "splices %lld bytes from descriptor %lld",
                static_cast<std::int64_t>(count), descriptor);
    slot.wire->gateway_read(count);
    return static_cast<std::int64_t>(count);
}

std::int64_t Kernel::splice_out(const io::Pipe& pipe, int descriptor, std::size_t bytes_max) {
    const Interlude interlude;
    Slot& slot = slot_of(descriptor);
    if (slot.send != nullptr) World::fail("a splice beside a send");
    if (slot.wire->gateway_error() != 0) return -EPIPE;
    std::string& bytes = pipes_[static_cast<std::size_t>(pipe.in)];
    if (bytes.size() < bytes_max) World::fail("more is spliced from a pipe than is in it");
    std::size_t count = bytes_max;
    Dice& dice = world_.dice();
    if (dice.chance(temper_.short_send)) count = static_cast<std::size_t>(dice.between(1, count));
    const std::size_t taken = slot.wire->gateway_write(std::string_view(bytes).substr(0, count));
    world_.note(kSplicer, "splices %lld bytes to descriptor %lld", static_cast<std::int64_t>(taken),
                descriptor);
    bytes.erase(0, taken);
    return taken > 0 ? static_cast<std::int64_t>(taken) : -EAGAIN;
}

}  // namespace mcpgw::sim
