// The MCP server behind every proxy: answers calls of a wished size and holds event streams.
//
// What a request wants stands in its own header, so that one server serves every benchmark and the
// probe, which knows no HTTP:
//   Bench-Request-Bytes: N   the body must be call_of(N), else the answer is 400
//   Bench-Answer-Bytes: N    the answer is answer_of(N) (default answer_bytes_usual)
//   Bench-Stream: N          a GET with Accept: text/event-stream becomes event stream N
// As the official SDK's servers do, it names the session in every answer, and issues one to whoever
// brings none; a session that it has not issued is answered with 404. The owner calls on_listener,
// on_ready and, after each batch of events, bury.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "bench/load/http_reader.h"
#include "bench/load/poller.h"
#include "bench/load/socket.h"

namespace mcpgw::bench {

class Server;

class ServerConnection : public Watched {
  public:
    ServerConnection(Server& server, int fd)
        : Watched(Kind::server, fd), server_(server), reader_(HttpReader::Reads::requests) {}

    void on_ready(std::uint32_t events);
    // Appends to an event stream; the connection must be one.
    void send_event(std::string_view event);

  private:
    void read();
    void on_head();
    void on_body(Bytes data);
    void on_end();
    void answer(int status, std::string_view body);
    void start_stream();
    void flush();
    void end();

    Server& server_;
    HttpReader reader_;
    Output output_;
    std::string session_;
    const std::string* expected_ = nullptr;  // the body, if it is to be compared
    std::size_t compared_ = 0;
    std::size_t answer_bytes_ = 0;
    std::uint32_t stream_ = 0;
    bool body_is_right_ = true;
    bool session_is_ours_ = true;
    bool wants_stream_ = false;
    bool is_stream_ = false;
};

class Server {
  public:
    // port 0: a free one.
    Server(Poller& poller, std::uint16_t port);

    [[nodiscard]] std::uint16_t port() const { return port_; }
    void on_listener();
    void bury();

    [[nodiscard]] std::size_t streams() const { return streams_.size(); }
    void send_event(std::uint32_t stream, std::string_view event);
    void close_streams();

  private:
    friend class ServerConnection;

    Poller& poller_;
    std::uint16_t port_;
    Watched listener_;
    std::uint64_t sessions_ = 0;
    std::unordered_map<ServerConnection*, std::unique_ptr<ServerConnection>> connections_;
    std::unordered_map<std::uint32_t, ServerConnection*> streams_;
    std::vector<ServerConnection*> closed_;
};

}  // namespace mcpgw::bench
