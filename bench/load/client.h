// One MCP client connection: opens a session, makes calls, or reads an event stream.
//
//   closed ──connect──▶ ready ──initialize, call, open_stream──▶ waiting ──answer──▶ ready
//                         ▲                                        │
//                         └────────────────────────────────────────┘ event stream ──▶ streaming
//   anything that is not exactly what was expected ──▶ failed
//
// It compares every byte of every answer and event with what the server must have sent. What
// happened goes into the owner's list of news; the owner decides what comes next after the batch of
// events. The object is used again for the next connection after close().
#pragma once

#include <string>
#include <vector>

#include "bench/load/http_reader.h"
#include "bench/load/poller.h"
#include "bench/load/socket.h"
#include "common/time.h"

namespace mcpgw::bench {

class Client;

struct News {
    enum class What : std::uint8_t { answered, streaming, event, failed };
    Client* client;
    What what;
};

// Where requests go, and what they are like.
struct Target {
    std::uint16_t port = 0;
    std::string path;
    std::size_t call_bytes = 0;
    std::size_t answer_bytes = 0;
    std::string token;  // sent with each request; empty: none
};

class Client : public Watched {
  public:
    Client(Poller& poller, const Target& target, std::vector<News>& news, std::uint32_t number)
        : Watched(Kind::client, -1),
          poller_(poller),
          target_(target),
          news_(news),
          number_(number),
          reader_(HttpReader::Reads::responses) {}

    void connect();
    void initialize();
    void call();
    void open_stream();
    void disconnect();

    void on_ready(std::uint32_t events);

    [[nodiscard]] std::uint32_t number() const { return number_; }
    [[nodiscard]] const std::string& session() const { return session_; }
    void use_session(const std::string& session) { session_ = session; }
    // Why it failed, as a sentence.
    [[nodiscard]] const std::string& failure() const { return failure_; }
    // Kept for the owner: when the present request was due.
    Nanos due = 0;
    // Of an event stream: events read so far.
    std::uint64_t events = 0;

  private:
    enum class State : std::uint8_t { closed, ready, waiting, streaming, failed };
    enum class Expects : std::uint8_t { session, answer, stream };

    void begin(Expects expects, std::string_view method);
    void flush();
    void read();
    bool on_head();
    bool on_data(Bytes data);
    bool on_answer_data(std::string_view text);
    bool on_event_data(std::string_view text);
    bool on_end();
    void fail(std::string why);

    Poller& poller_;
    const Target& target_;
    std::vector<News>& news_;
    std::uint32_t number_;
    State state_ = State::closed;
    Expects expects_ = Expects::session;
    HttpReader reader_;
    Output output_;
    std::string session_;
    std::string partial_event_;
    std::string failure_;
    std::size_t compared_ = 0;
    std::uint32_t connects_ = 0;
};

}  // namespace mcpgw::bench
