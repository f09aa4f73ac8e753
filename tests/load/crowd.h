// Thousands of clients of one gateway on one thread: each connection asks, waits and asks again in
// the manner of its kind. The caller decides how long; the crowd counts and measures.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "common/time.h"

namespace mcpgw::load {

enum class Kind : std::uint8_t {
    idle,         // asks for /ping now and then, so that it is not taken for abandoned
    stream,       // an event stream on which nothing happens
    busy,         // a call, its answer, a pause, the next call
    slow_reader,  // a big answer, of which it takes one byte a second
    slow_server,  // an answer that comes byte by byte
};
inline constexpr std::size_t kKinds = 5;

struct Counts {
    std::size_t open = 0;
    std::size_t answers = 0;  // of status 200, complete
    std::size_t wrong = 0;    // answers of another status
    std::size_t lost = 0;     // connections that the gateway has ended
};

class Crowd {
  public:
    explicit Crowd(std::uint16_t port);
    Crowd(const Crowd&) = delete;
    ~Crowd();

    // Connects so many clients; each begins at once. `pause` lies between a busy one's calls.
    void add(Kind kind, std::size_t count, Nanos pause = 0);
    void run_for(Nanos duration);
    void close_all(Kind kind);
    [[nodiscard]] const Counts& counts(Kind kind) const {
        return counts_[static_cast<std::size_t>(kind)];
    }
    // The time between call and answer of busy clients since the last look, sorted.
    [[nodiscard]] std::vector<Nanos> take_latencies();

  private:
    struct Client {
        int socket = -1;
        Kind kind = Kind::idle;
        bool waiting = false;
        bool streams = false;  // its stream has begun
        Nanos asked_at = 0;
        Nanos next_at = 0;  // when it acts of its own accord
        Nanos pause = 0;
        std::string answer;
    };
    void act(std::size_t index, Nanos now);
    void ask(Client& client, const std::string& request, Nanos now);
    void receive(std::size_t index);
    void look_at_answer(Client& client);
    Counts& counts_of(const Client& client) {
        return counts_[static_cast<std::size_t>(client.kind)];
    }

    std::uint16_t port_;
    int epoll_;
    std::vector<Client> clients_;
    std::vector<Nanos> latencies_;
    std::array<Counts, kKinds> counts_{};
};

}  // namespace mcpgw::load
