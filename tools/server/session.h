// One MCP session: which requests wait for an answer, on which stream, and where a message of the
// server belongs. Each message goes to exactly one stream (transports, "Multiple Connections").
//
// A Session knows neither sockets nor what the server does. The endpoint (streamable_server) opens
// streams and hands client messages to the SessionHandler; the handler answers through the Session,
// from any thread. States: open -> ended, once; after that every request of the client gets 404.
// Shared by the endpoint's table, the open streams, and (weakly) the handler.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "common/time.h"
#include "tools/server/event_stream.h"
#include "tools/server/input_room.h"
#include "tools/server/message.h"

namespace mcpgw::server {

using Deadline = std::chrono::steady_clock::time_point;

// What the server behind a session does with it. One per session, made at initialize.
class SessionHandler {
  public:
    virtual ~SessionHandler() = default;
    // A message of the client. Called on the connection's thread, possibly by several at once; it
    // may block until then to push back, but the answer comes later, through the Session. An error
    // is told to the client as a JSON-RPC error.
    virtual Result<> receive(const Message& message, Deadline until) = 0;
    // The session has ended (DELETE, expiry, stop). Called at most once; must not block.
    virtual void end() = 0;
    // A stream of the session has been written or has ended: there may be room again. Must not
    // block. For handlers that ask Session::has_room().
    virtual void resume() {}
};

class Session {
  public:
    explicit Session(std::string id);

    [[nodiscard]] const std::string& id() const { return id_; }

    // --- for the handler ---
    // The answer to a request; the last one of a POST ends its stream. False: nobody waits for it.
    bool answer(const std::string& id_key, std::string_view json);
    // A message that belongs to a pending request. False: the request is not pending.
    bool send_on(const std::string& id_key, std::string_view json);
    // Something the server says by itself, e.g. a line of a stdio server: answers and progress go
    // where they belong; other requests and notifications to the single pending request if there is
    // exactly one, else to the standalone stream, or, when nobody has opened that one, to the
    // oldest pending request.
    void route(const Message& message);
    // False while clients do not read what was routed: the server should be read no further.
    // resume() follows.
    [[nodiscard]] bool has_room();
    // The server is gone: pending requests get -32603 with this reason.
    void server_ended(std::string_view reason);

    // --- for the endpoint ---
    // False if the session has ended meanwhile.
    bool set_handler(std::shared_ptr<SessionHandler> handler);
    // Registers the requests among `messages` as pending on one new stream. Errors: conflict (an id
    // is pending already), limit_exceeded, not_found (the session has ended).
    [[nodiscard]] Result<std::shared_ptr<EventStream>> open_requests(
        const std::vector<Message>& messages);
    // The standalone stream; conflict if it is open already.
    [[nodiscard]] Result<std::shared_ptr<EventStream>> open_standalone();
    // What was last taken from a stream has been written to its client.
    void stream_written(const std::shared_ptr<EventStream>& stream);
    // The connection of a stream is gone. What waits for the standalone stream waits on for the
    // next.
    void stream_gone(const std::shared_ptr<EventStream>& stream);
    // A request that never reached the server is pending no longer.
    void forget_request(const std::string& id_key);
    // Gives the message to the handler.
    [[nodiscard]] Result<> receive(const Message& message, Deadline until);
    // Ends the session from this side; pending requests get -32000 with this reason.
    void end(std::string_view reason);

    [[nodiscard]] bool ended();
    // Nothing is open, and the last request came before `before`.
    [[nodiscard]] bool idle_since(Nanos before);
    void touch();
    [[nodiscard]] std::size_t pending();
    // For the bodies of its POSTs.
    [[nodiscard]] InputRoom& input_room() { return input_room_; }

  private:
    struct Pending {
        std::shared_ptr<EventStream> stream;
        std::string id_json;
        std::string progress_token;
        std::uint64_t order = 0;
    };
    using PendingMap = std::map<std::string, Pending>;

    std::shared_ptr<EventStream> stream_for(const Message& message);  // with mutex_ held
    void forget(PendingMap::iterator at);                             // with mutex_ held
    bool close_all(int code, std::string_view reason);
    void resume_handler();

    const std::string id_;
    const QueuedBytes queued_;  // on all streams of answers
    InputRoom input_room_;
    std::mutex mutex_;
    std::shared_ptr<SessionHandler> handler_;
    PendingMap pending_;
    std::shared_ptr<EventStream> standalone_;
    std::shared_ptr<EventStream> full_;  // had no room after the last message
    bool standalone_open_ = false;
    bool ended_ = false;
    std::uint64_t requests_ = 0;
    std::atomic<Nanos> used_at_;
};

}  // namespace mcpgw::server
