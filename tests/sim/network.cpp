// Bytes, ends and resets on their way, and connects in both directions.
#include "tests/sim/network.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "common/check.h"

namespace mcpgw::sim {
namespace {

constexpr int kFirstDescriptor = 1'000'000;
// After so long a kernel gives up a connect that nobody answers.
constexpr Nanos kConnectPatience = 130 * kSecond;

}  // namespace

// --- Pipe

void Pipe::append(std::string_view bytes) {
    if (start_ > 4096 && start_ * 2 > bytes_.size()) {
        bytes_.erase(0, start_);
        start_ = 0;
    }
    bytes_.append(bytes);
    written_ += bytes.size();
}

void Pipe::consume(std::size_t count) {
    check(count <= arrived_, "only what has arrived is read");
    start_ += count;
    arrived_ -= count;
}

void Pipe::discard() {
    bytes_.clear();
    start_ = 0;
    arrived_ = 0;
}

// --- Wire

Wire::Wire(Network& network, Side side, int descriptor)
    : network_(network),
      side_(side),
      descriptor_(descriptor),
      up_(network.capacity()),
      down_(network.capacity()) {}

Who Wire::who() const {
    return {"wire", static_cast<std::uint32_t>(descriptor_ - kFirstDescriptor)};
}

Nanos Wire::arrival(Pipe& pipe) {
    pipe.last_arrival_ = std::max(pipe.last_arrival_, network_.world().now() + network_.latency());
    return pipe.last_arrival_;
}

void Wire::tell_actor() {
    if (news_planned_ || actor_closed_) return;
    news_planned_ = true;
    network_.world().at(network_.world().now(), [this] {
        news_planned_ = false;
        if (!actor_closed_ && news_) news_();
    });
}

void Wire::tell_gateway() {
    if (!gateway_closed_) network_.changed_.push_back(this);
}

std::size_t Wire::carry(Pipe& pipe, std::string_view bytes, bool towards_gateway) {
    std::size_t count = std::min(bytes.size(), pipe.room());
    const std::uint64_t gone = up_.written_ + down_.written_;
    const bool cut = gone + count >= cut_after_;
    if (cut) count = static_cast<std::size_t>(cut_after_ > gone ? cut_after_ - gone : 0);
    if (count > 0) {
        pipe.append(bytes.substr(0, count));
        network_.world().at(arrival(pipe), [this, &pipe, count, towards_gateway] {
            if (count > pipe.on_its_way()) return;  // a reset has overtaken them
            pipe.arrive(count);
            const bool nobody = towards_gateway ? gateway_closed_ : actor_closed_;
            if (nobody) return carry_reset(!towards_gateway, ECONNRESET);
            towards_gateway ? tell_gateway() : tell_actor();
        });
    }
    if (cut) {
        cut_after_ = UINT64_MAX;
        network_.world().note(who(), "the network breaks it after %lld bytes",
                              static_cast<std::int64_t>(gone + count));
        if (on_cut_) on_cut_();
        carry_reset(true, ECONNRESET);
        carry_reset(false, ECONNRESET);
    }
    return count;
}

void Wire::carry_fin(Pipe& pipe, bool towards_gateway) {
    if (pipe.fin_sent()) return;
    pipe.send_fin();
    network_.world().at(arrival(pipe), [this, &pipe, towards_gateway] {
        pipe.arrive_fin();
        towards_gateway ? tell_gateway() : tell_actor();
    });
}

// A reset travels behind what was sent before it. Whether its receiver may still read what has
// arrived differs between kernels.
void Wire::carry_reset(bool towards_gateway, int error_number) {
    Pipe& pipe = towards_gateway ? up_ : down_;
    network_.world().at(arrival(pipe), [this, &pipe, towards_gateway, error_number] {
        const bool known = towards_gateway ? gateway_error_ != 0 : actor_reset_;
        const bool gone = towards_gateway ? gateway_closed_ : actor_closed_;
        if (known || gone) return;
        network_.world().note(
            who(), towards_gateway ? "reset reaches the gateway" : "reset reaches the actor");
        if (network_.world().dice().chance(500)) {
            if (!towards_gateway) lost_bytes_ = pipe.readable().size();
            pipe.discard();
        }
        if (towards_gateway) {
            gateway_error_ = error_number;
            tell_gateway();
        } else {
            actor_reset_ = true;
            tell_actor();
        }
    });
}

void Wire::read(std::size_t count) {
    down_.consume(count);
    tell_gateway();
}

std::size_t Wire::write(std::string_view bytes) {
    if (actor_reset_ || actor_closed_ || up_.fin_sent()) return 0;
    const std::size_t count = carry(up_, bytes, true);
    if (count > 0)
        network_.world().note(who(), "actor sends %lld bytes", static_cast<std::int64_t>(count));
    return count;
}

void Wire::half_close() {
    if (actor_reset_ || actor_closed_ || up_.fin_sent()) return;
    network_.world().note(who(), "actor sends FIN");
    carry_fin(up_, true);
}

void Wire::close() {
    if (actor_closed_) return;
    actor_closed_ = true;
    network_.world().note(who(), "actor closes");
    if (actor_reset_) return;
    if (down_.arrived_ > 0)
        carry_reset(true, ECONNRESET);
    else
        carry_fin(up_, true);
}

void Wire::reset() {
    if (actor_closed_) return;
    actor_closed_ = true;
    network_.world().note(who(), "actor resets");
    if (!actor_reset_) carry_reset(true, ECONNRESET);
}

void Wire::gateway_accept() {
    accepted_ = true;
    gateway_active_at_ = network_.world().now();
    ++network_.open_at_gateway_;
}

void Wire::gateway_read(std::size_t count) {
    up_.consume(count);
    tell_actor();
}

std::size_t Wire::gateway_write(std::string_view bytes) {
    check(!gateway_closed_ && !down_.fin_sent(), "the gateway sends while it may");
    gateway_active_at_ = network_.world().now();
    return carry(down_, bytes, false);
}

void Wire::gateway_half_close() {
    network_.world().note(who(), "gateway sends FIN");
    gateway_fin_at_ = gateway_ended_at_ = network_.world().now();
    carry_fin(down_, false);
}

void Wire::gateway_close() {
    check(!gateway_closed_, "a descriptor is closed once");
    gateway_closed_ = true;
    gateway_ended_at_ = std::min(gateway_ended_at_, network_.world().now());
    --network_.open_at_gateway_;
    network_.world().note(who(), "gateway closes, %lld bytes unread",
                          static_cast<std::int64_t>(up_.arrived_));
    if (gateway_error_ != 0) return;
    if (up_.arrived_ > 0)
        carry_reset(false, ECONNRESET);
    else
        carry_fin(down_, false);
}

// --- Network

Network::Network(World& world, const Weather& weather) : world_(world), weather_(weather) {}

Nanos Network::latency() {
    return world_.dice().between(weather_.latency_min, weather_.latency_max);
}

std::size_t Network::capacity() {
    return static_cast<std::size_t>(
        world_.dice().between(weather_.capacity_min, weather_.capacity_max));
}

Wire& Network::make(Wire::Side side) {
    const int descriptor = kFirstDescriptor + static_cast<int>(wires_.size());
    return *wires_.emplace_back(std::make_unique<Wire>(*this, side, descriptor));
}

Wire& Network::connect(std::string address) {
    Wire& wire = make(Wire::Side::client);
    wire.address_ = std::move(address);
    wire.connect_done_ = true;
    world_.note(wire.who(), "a client connects");
    world_.after(latency(), [this, &wire] {
        wire.connected_ = true;
        if (!listening_) return wire.carry_reset(false, 0);
        backlog_.push_back(&wire);
        wire.tell_actor();
    });
    return wire;
}

void Network::stop_listening() {
    listening_ = false;
    for (Wire* wire : std::exchange(backlog_, {}))
        wire->carry_reset(false, 0);
}

Wire& Network::open_socket() {
    ++open_at_gateway_;
    return make(Wire::Side::server);
}

void Network::connect_to(Wire& wire, std::uint16_t number) {
    world_.note(wire.who(), "gateway connects to port %lld", number);
    world_.after(latency(), [this, &wire, number] {
        if (wire.gateway_closed_) return;
        Port& port = ports_[number];
        const auto finish = [&wire](int error_number) {
            wire.gateway_error_ = error_number;
            wire.connect_done_ = true;
            wire.tell_gateway();
        };
        switch (port.mode) {
            case Port::Mode::accepts:
                wire.connected_ = true;
                world_.after(latency(), [finish] { finish(0); });
                return port.accept(wire);
            case Port::Mode::refuses:
                if (port.on_failure) port.on_failure();
                return world_.after(latency(), [finish] { finish(ECONNREFUSED); });
            case Port::Mode::hangs:
                if (port.on_failure) port.on_failure();
                return world_.after(kConnectPatience, [finish] { finish(ETIMEDOUT); });
        }
    });
}

Wire* Network::wire_of(int descriptor) {
    const auto index = static_cast<std::size_t>(descriptor - kFirstDescriptor);
    return descriptor >= kFirstDescriptor && index < wires_.size() ? wires_[index].get() : nullptr;
}

}  // namespace mcpgw::sim
