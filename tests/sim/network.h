// Simulated TCP between the gateway and the actors.
//
//   actor ── write ──▶ [ up:   on its way | arrived ] ──▶ receive of the ring      gateway
//         ◀── read ─── [ down: arrived | on its way ] ◀── send of the ring
//
// A direction keeps its order and loses nothing; bytes arrive after a latency, at most `capacity`
// of them are unread or on their way (the buffers of both kernels together). A wire ends by FIN in
// each direction, or by a reset at any byte. Wires live as long as the network, and descriptors
// are never used twice, so that whoever uses a closed one is found.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "tests/sim/world.h"

namespace mcpgw::sim {

class Network;

// How a network behaves; drawn once for each run.
struct Weather {
    Nanos latency_min = 20 * kMicrosecond;
    Nanos latency_max = 200 * kMicrosecond;
    std::size_t capacity_min = 64 * 1024;
    std::size_t capacity_max = 256 * 1024;
};

// One direction of a wire.
class Pipe {
  public:
    explicit Pipe(std::size_t capacity) : capacity_(capacity) {}

    [[nodiscard]] std::size_t room() const { return capacity_ - (bytes_.size() - start_); }
    [[nodiscard]] std::string_view readable() const { return {bytes_.data() + start_, arrived_}; }
    [[nodiscard]] std::size_t on_its_way() const { return bytes_.size() - start_ - arrived_; }
    [[nodiscard]] std::uint64_t written() const { return written_; }
    [[nodiscard]] bool fin_sent() const { return fin_sent_; }
    // Everything has been read, and nothing more will come.
    [[nodiscard]] bool ended() const { return fin_arrived_ && arrived_ == 0; }

    void append(std::string_view bytes);
    void arrive(std::size_t count) { arrived_ += count; }
    void consume(std::size_t count);
    void discard();
    void send_fin() { fin_sent_ = true; }
    void arrive_fin() { fin_arrived_ = true; }

  private:
    friend class Wire;
    std::string bytes_;
    std::size_t start_ = 0;
    std::size_t arrived_ = 0;  // of bytes_, from start_
    std::size_t capacity_;
    std::uint64_t written_ = 0;
    Nanos last_arrival_ = 0;
    bool fin_sent_ = false;
    bool fin_arrived_ = false;
};

class Wire {
  public:
    enum class Side : std::uint8_t { client, server };  // who the actor is
    Wire(Network& network, Side side, int descriptor);

    // --- The actor's end. `news` is called after anything has changed for the actor.
    void set_news(std::function<void()> news) { news_ = std::move(news); }
    // Called when the network itself breaks the wire (cut_after).
    void set_on_cut(std::function<void()> on_cut) { on_cut_ = std::move(on_cut); }
    [[nodiscard]] bool connected() const { return connected_; }
    // Broken by the gateway, by the network, or by the actor itself.
    [[nodiscard]] bool is_reset() const { return actor_reset_; }
    [[nodiscard]] bool ended() const { return down_.ended(); }
    // What had arrived for the actor when a reset destroyed it.
    [[nodiscard]] std::size_t lost_bytes() const { return lost_bytes_; }
    [[nodiscard]] std::uint64_t sent_by_gateway() const { return down_.written(); }
    // When the gateway ended its side; kNever if it has not.
    [[nodiscard]] Nanos gateway_fin_at() const { return gateway_fin_at_; }
    // When it did, or closed its descriptor; kNever if neither.
    [[nodiscard]] Nanos gateway_ended_at() const { return gateway_ended_at_; }
    // When it took the connection, or last sent something.
    [[nodiscard]] Nanos gateway_active_at() const { return gateway_active_at_; }
    [[nodiscard]] std::string_view readable() const { return down_.readable(); }
    [[nodiscard]] std::size_t room() const { return up_.room(); }
    void read(std::size_t count);
    // Writes what fits; returns how much.
    std::size_t write(std::string_view bytes);
    void half_close();
    void close();
    void reset();
    // The network breaks the wire once so many bytes have gone in either direction.
    void cut_after(std::uint64_t bytes) { cut_after_ = bytes; }

    // --- The gateway's end: for the ring only.
    [[nodiscard]] int descriptor() const { return descriptor_; }
    [[nodiscard]] Side side() const { return side_; }
    [[nodiscard]] bool actor_closed() const { return actor_closed_; }
    [[nodiscard]] bool gateway_closed() const { return gateway_closed_; }
    [[nodiscard]] int gateway_error() const { return gateway_error_; }
    [[nodiscard]] bool connect_done() const { return connect_done_; }
    [[nodiscard]] const Pipe& up() const { return up_; }
    [[nodiscard]] std::size_t gateway_room() const { return down_.room(); }
    [[nodiscard]] bool accepted() const { return accepted_; }
    void gateway_accept();
    void gateway_read(std::size_t count);
    std::size_t gateway_write(std::string_view bytes);
    void gateway_half_close();
    void gateway_close();
    [[nodiscard]] const std::string& address() const { return address_; }

  private:
    friend class Network;
    std::size_t carry(Pipe& pipe, std::string_view bytes, bool towards_gateway);
    void carry_fin(Pipe& pipe, bool towards_gateway);
    void carry_reset(bool towards_gateway, int error_number);
    void tell_actor();
    void tell_gateway();
    [[nodiscard]] Nanos arrival(Pipe& pipe);
    [[nodiscard]] Who who() const;

    Network& network_;
    Side side_;
    int descriptor_;
    Pipe up_;
    Pipe down_;
    std::string address_;
    std::function<void()> news_;
    std::function<void()> on_cut_;
    std::uint64_t cut_after_ = UINT64_MAX;
    std::size_t lost_bytes_ = 0;
    Nanos gateway_fin_at_ = kNever;
    Nanos gateway_ended_at_ = kNever;
    Nanos gateway_active_at_ = kNever;
    int gateway_error_ = 0;
    bool connected_ = false;     // as the actor sees it
    bool connect_done_ = false;  // as the gateway sees it: established, or gateway_error_
    bool accepted_ = false;
    bool actor_closed_ = false;
    bool actor_reset_ = false;
    bool gateway_closed_ = false;
    bool news_planned_ = false;
};

// A server's port, as connects of the gateway meet it.
struct Port {
    enum class Mode : std::uint8_t { accepts, refuses, hangs };
    Mode mode = Mode::accepts;
    std::function<void(Wire&)> accept;
    std::function<void()> on_failure;  // a connect was refused or left hanging
};

class Network {
  public:
    Network(World& world, const Weather& weather);

    [[nodiscard]] World& world() { return world_; }
    [[nodiscard]] const Weather& weather() const { return weather_; }
    [[nodiscard]] Nanos latency();
    [[nodiscard]] std::size_t capacity();

    // A client connects to the gateway's listener.
    [[nodiscard]] Wire& connect(std::string address);
    // The gateway's listening socket is closed: whoever was not accepted is reset.
    void stop_listening();
    // The server ports by number.
    [[nodiscard]] Port& port(std::uint16_t number) { return ports_[number]; }

    // --- For the ring.
    [[nodiscard]] Wire& open_socket();
    void connect_to(Wire& wire, std::uint16_t port);
    [[nodiscard]] Wire* wire_of(int descriptor);
    [[nodiscard]] std::deque<Wire*>& backlog() { return backlog_; }
    // Wires whose gateway end has changed since the ring looked.
    [[nodiscard]] std::vector<Wire*>& changed() { return changed_; }
    [[nodiscard]] std::size_t open_at_gateway() const { return open_at_gateway_; }

  private:
    friend class Wire;
    Wire& make(Wire::Side side);

    World& world_;
    Weather weather_;
    std::vector<std::unique_ptr<Wire>> wires_;
    std::unordered_map<std::uint16_t, Port> ports_;
    std::deque<Wire*> backlog_;
    bool listening_ = true;
    std::vector<Wire*> changed_;
    std::size_t open_at_gateway_ = 0;
};

}  // namespace mcpgw::sim
