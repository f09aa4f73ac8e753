// A client: sends its requests over one connection after the other, reads the answers, and judges
// them. How well it behaves is planned for each request.
//
// It notices an answer that is not its own, is out of order, or is not what the server sent; a
// connection that ends for no reason; and deadlines of the gateway that pass without effect.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/sim/answer_check.h"
#include "tests/sim/ledger.h"
#include "tests/sim/message_reader.h"
#include "tests/sim/network.h"

namespace mcpgw::sim {

// How a client behaves with one request.
struct Conduct {
    enum class Fault : std::uint8_t {
        none,
        leaves,         // resets or closes after `at` bytes of the request
        leaves_later,   // ... after `at` bytes of the answer's body
        half_closes,    // ends its side after the request, and reads on
        stops_sending,  // after `at` bytes, and waits
        stops_reading,  // after `at` bytes of the answer's body, and waits
        bad_head,       // what it sends is not HTTP
        bad_chunk,      // its body's framing breaks
    };
    Fault fault = Fault::none;
    std::size_t at = 0;
    bool by_reset = false;
    Nanos pause_before = 0;     // think time before the request
    std::size_t write_max = 0;  // a slow writer sends so much at a time; 0: all
    Nanos write_pause = 0;
    std::size_t read_max = 0;  // a slow reader
    Nanos read_pause = 0;
    bool waits_for_answers = true;  // false: pipelined behind the one before
    bool lingers = false;           // keeps the connection after an answer that ends it
};

struct Errand {
    Ask* ask = nullptr;
    Conduct conduct;
};

class Client {
  public:
    Client(Network& network, Ledger& ledger, std::uint32_t number);

    void add(const Errand& errand) { errands_.push_back(errand); }
    void start(Nanos at);
    [[nodiscard]] bool finished() const { return finished_; }
    // Nobody listens any more: what has not been sent never will be.
    void stop_connecting() { may_connect_ = false; }
    void set_cut_permille(unsigned permille) { cut_permille_ = permille; }
    // After its last answer it stays, idle, until the gateway ends the connection.
    void stay_until_idle_timeout() { stays_ = true; }

    // The worker drains: idle connections end.
    void drain();
    // There are more clients than the worker takes: some are turned away when they connect.
    void expect_crowd() { crowded_ = true; }
    std::function<void()> on_finished;
    // Called with each request when it is sent.
    std::function<void(Ask&)> before_sending;

  private:
    [[nodiscard]] World& world() { return network_.world(); }
    // Sending (client.cpp).
    void next();
    void connect();
    void send(Errand& errand);
    [[nodiscard]] std::string text_of(const Errand& errand) const;
    void release_body();
    void write();
    void all_written(const Errand& errand);
    void leave(bool by_reset);
    void watch_stall(std::uint32_t milliseconds);
    void finish();
    void keep_idle();

    // Receiving (client_answers.cpp).
    void on_news();
    void read();
    void take(MessageReader::Event event);
    void take_head(const MessageHead& head);
    void take_interim(const MessageHead& head);
    void take_end();
    void take_end_by_close();
    void judge_own_answer(Ask& ask);
    void judge_idle_end(const Wire& wire);
    [[nodiscard]] bool was_silent(const Wire& wire, std::uint32_t milliseconds);
    [[nodiscard]] bool was_idle(const Wire& wire);
    void end_after_answer(const Conduct& conduct);
    void end_of_connection();
    void excuse_those_cut(const Wire& wire);
    void stop_reading();
    void watch_silence();

    Network& network_;
    Ledger& ledger_;
    Who who_;
    std::vector<Errand> errands_;
    std::size_t next_ = 0;          // of errands_: the first that has not been sent
    std::deque<Errand> under_way_;  // sent, in order; the front one is being answered
    Wire* wire_ = nullptr;
    MessageReader reader_{MessageReader::Kind::response};
    AnswerCheck check_;
    Session session_;
    std::string session_adapter_;
    std::string sealed_;  // in the head of the present answer
    std::string outbox_;
    std::size_t held_back_ = std::string::npos;  // of outbox_: what waits for 100 Continue
    bool answer_begun_ = false;
    bool ends_after_ = false;  // the present answer is the connection's last
    bool half_closed_ = false;
    bool network_breaks_ = false;
    bool stalled_ = false;
    std::uint64_t stall_ = 0;  // counts them, so that an old watch is known as such
    bool stopped_in_head_ = false;
    bool stops_reading_ = false;
    bool writing_planned_ = false;
    bool reading_planned_ = false;
    bool next_planned_ = false;
    bool may_connect_ = true;
    bool draining_ = false;
    bool crowded_ = false;
    bool reads_slowly_ = false;  // on this connection: it is behind the gateway
    bool stays_ = false;
    bool keeps_idle_ = false;
    bool finished_ = false;
    unsigned cut_permille_ = 0;
    std::uint64_t before_request_ = 0;  // bytes that the gateway had sent
    std::uint64_t connection_ = 0;      // counts them, so that old timers are known as such
    Nanos frozen_ = 0;                  // how long the world had stood still when it connected
    Nanos last_byte_ = 0;               // when the gateway last sent something
};

}  // namespace mcpgw::sim
