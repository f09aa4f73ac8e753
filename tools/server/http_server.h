// cpp-httplib's server with connections of our own: what an MCP server that streams needs.
//
// Differences from httplib::Server: idle connections are waited for without polling and let go at
// once by stop(); a client that has left is noticed by is_writable(), also half-closed ones; the
// threads grow with the connections (growing_pool); the backlog is not five; a refused body is read
// away before the connection is closed, so that the client gets to see the refusal. Blocking; one
// thread per connection that is at work.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>

#include <httplib.h>

#include "common/result.h"
#include "common/time.h"
#include "tools/server/refuser.h"

namespace mcpgw::server {

class HttpServer final : public httplib::Server {
  public:
    explicit HttpServer(std::size_t threads_max);
    ~HttpServer() override;
    HttpServer(const HttpServer&) = delete;
    HttpServer& operator=(const HttpServer&) = delete;

    // Binds and listens; port 0 chooses one. Returns the port.
    [[nodiscard]] Result<std::uint16_t> bind(const std::string& host, std::uint16_t port);
    // Serves until stop(), then waits for the connections that are still writing.
    void run();
    // From any thread. Nothing is accepted or read any more; streams that have ended may still be
    // written for a moment.
    void stop_serving();
    [[nodiscard]] bool stopping() const { return stopping_; }

    // Inside a handler: this connection is closed after the answer (which should say so with
    // `Connection: close`), because the body of the request is not going to be read.
    static void close_this_connection();
    // Inside a handler: after this, nothing more of the request is read, however slowly it comes.
    static void read_no_later_than(Nanos deadline);

  private:
    enum class State : std::uint8_t { idle, bound, running, done };

    bool process_and_close_socket(socket_t socket) override;
    void serve(int socket);

    Refuser refuser_;
    std::atomic<State> state_ = State::idle;
    std::atomic<bool> stopping_ = false;
    int stop_event_ = -1;  // an eventfd that stays readable after stop_serving()
};

}  // namespace mcpgw::server
