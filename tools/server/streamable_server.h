// The server side of MCP's streamable HTTP transport, revisions 2025-03-26 to 2025-11-25.
//
//   POST   initialize opens a session (Mcp-Session-Id); requests are answered by an event stream,
//          notifications and responses by 202
//   GET    the standalone stream of a session, one at a time
//   DELETE ends a session
//
// Refusals follow the official SDK servers, in their order: Host and Origin 403, Accept 406,
// Content-Type 415, size 413, JSON 400, session 400 or 404, version 400. What the server behind
// the sessions does is the SessionHandler's business. There are no event ids: a broken stream is
// not resumed. A loopback listener takes loopback Host and Origin only (DNS rebinding).
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "common/limits.h"
#include "common/result.h"
#include "tools/server/http_server.h"
#include "tools/server/session.h"

namespace mcpgw::server {

// Makes what stands behind a new session. Error limit_exceeded becomes 503 and -32000 with
// Retry-After, any other 502 and -32603, with its detail as the message.
using OpenSession =
    std::function<Result<std::shared_ptr<SessionHandler>>(const std::shared_ptr<Session>&)>;

struct ServerOptions {
    std::string host = "127.0.0.1";
    std::uint16_t port = 0;  // 0: any
    std::vector<std::string> paths = {"/mcp"};
    std::string health_path = "/healthz";  // GET answers 200; empty: none
    std::size_t threads_max = limits::server_threads_max;
    std::size_t sessions_max = limits::server_sessions_max;
    std::size_t body_bytes_max = limits::body_bytes_max;  // at most stdio_line_bytes_max
    std::uint32_t session_idle_seconds = limits::server_session_idle_seconds;  // 0: never
    std::uint32_t input_wait_ms = limits::server_input_wait_ms;
    std::uint32_t body_timeout_ms = limits::server_body_timeout_ms;
    // What the server behind a session has to take all messages of one POST.
    std::uint32_t take_timeout_ms = limits::bridge_input_timeout_ms;
    std::uint32_t keepalive_ms = limits::sse_keepalive_ms;
};

class StreamableServer {
  public:
    StreamableServer(ServerOptions options, OpenSession open_session);
    ~StreamableServer();  // stops
    StreamableServer(const StreamableServer&) = delete;
    StreamableServer& operator=(const StreamableServer&) = delete;

    // Listens; connections wait from now on, and are served once serve() is called. Returns the
    // port.
    [[nodiscard]] Result<std::uint16_t> listen();
    // Starts the threads. After listen(), once.
    void serve();
    // Ends all sessions (their handlers are told), then waits for the connections. Idempotent.
    void stop();

    [[nodiscard]] std::size_t sessions();

  private:
    using Request = httplib::Request;
    using Response = httplib::Response;

    bool answer_without_body(const Request& request, Response& response);
    void on_post(const Request& request, Response& response, const httplib::ContentReader& body);
    void on_messages(const Request& request, Response& response, const Messages& messages);
    void on_initialize(const Request& request, Response& response, const Messages& messages);
    void on_get(const Request& request, Response& response);
    void on_delete(const Request& request, Response& response);
    void forward(const std::shared_ptr<Session>& session, const Messages& messages,
                 Response& response);
    void stream(const std::shared_ptr<Session>& session, std::shared_ptr<EventStream> events,
                Response& response);

    // What a body may take, and where it is counted until the server has taken it.
    struct BodyBounds {
        InputRoom::Place& place;
        std::size_t bytes_max;
    };
    // The body; nothing, with the refusal in `response`, if it does not come as it must.
    std::optional<std::string> read_body(const Request& request, Response& response,
                                         const httplib::ContentReader& body, BodyBounds bounds);
    void refuse_large(const Request& request, Response& response, std::size_t bytes_max);
    // The session that the request names, dead or alive; nothing if there is none.
    std::shared_ptr<Session> named_session(const Request& request);
    // Nothing, with the refusal in `response`, if the request names no living session.
    std::shared_ptr<Session> session_of(const Request& request, Response& response,
                                        std::string_view id_json);
    [[nodiscard]] Result<std::shared_ptr<Session>> add_session();
    void sweep();  // forgets sessions that have ended, ends those that expired

    const ServerOptions options_;
    const OpenSession open_session_;
    const bool loopback_only_;
    InputRoom openings_;  // bodies of requests that name no session
    HttpServer http_;
    std::mutex mutex_;
    std::condition_variable stopped_;
    std::map<std::string, std::shared_ptr<Session>, std::less<>> sessions_;
    bool stopping_ = false;
    std::thread accepting_;
    std::thread sweeping_;
};

}  // namespace mcpgw::server
