// The endpoint: from an HTTP request to a session and back.
#include "tools/server/streamable_server.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <utility>

#include <sys/random.h>

#include "common/check.h"
#include "common/log.h"
#include "common/protocol/mcp.h"
#include "common/time.h"
#include "tools/server/http_checks.h"

namespace mcpgw::server {
namespace {

constexpr int kInvalidParams = -32602;
constexpr std::chrono::milliseconds kTurn(1000);  // how often a stream looks for its client
constexpr std::chrono::seconds kSweepPeriod(1);

void send_body(httplib::Response& response, std::string text, const char* type) {
    // Through a provider, because httplib compresses plain contents when a client allows it.
    auto body = std::make_shared<std::string>(std::move(text));
    response.set_content_provider(
        body->size(), type, [body](std::size_t from, std::size_t size, httplib::DataSink& sink) {
            return sink.write(body->data() + from, size);
        });
}

struct Refusal {
    int status;
    int code;
    std::string message;
};

void refuse(httplib::Response& response, const Refusal& why, std::string_view id_json = {}) {
    response.status = why.status;
    send_body(response, error_text(id_json, why.code, why.message), "application/json");
}

// For requests whose body is left unread.
void refuse_and_close(httplib::Response& response, const Refusal& why) {
    response.set_header("Connection", "close");
    HttpServer::close_this_connection();
    refuse(response, why);
}

// The server is full, and will not be for long.
void refuse_for_now(httplib::Response& response, const Refusal& why,
                    std::string_view id_json = {}) {
    response.set_header("Retry-After", std::to_string(limits::server_retry_after_seconds));
    refuse(response, why, id_json);
}

void refuse(httplib::Response& response, const Error& error, std::string_view id_json = {}) {
    switch (error.code) {
        case Code::not_found:
            return refuse(response, {404, mcp::kSessionNotFound, error.detail}, id_json);
        case Code::conflict:
            return refuse(response, {400, mcp::kInvalidRequest, error.detail}, id_json);
        case Code::limit_exceeded:
            return refuse_for_now(response, {503, mcp::kServerError, error.detail}, id_json);
        case Code::invalid_argument:
            return refuse(response, {400, kInvalidParams, error.detail}, id_json);
        case Code::timed_out:
            return refuse_for_now(response, {503, mcp::kInternalError, error.detail}, id_json);
        case Code::permission_denied:
        case Code::unavailable:
        case Code::reset:
        case Code::protocol:
        case Code::cancelled:
        case Code::address_in_use:
        case Code::unsupported:
        case Code::io:
        case Code::no_space:
        case Code::corrupt:
        case Code::internal:
            return refuse(response, {502, mcp::kInternalError, error.detail}, id_json);
    }
}

// 128 random bits in hexadecimal: unguessable, as the transport asks for.
std::string new_session_id() {
    std::array<unsigned char, 16> random;
    check(getrandom(random.data(), random.size(), 0) == static_cast<ssize_t>(random.size()),
          "the kernel gives sixteen random bytes at once");
    constexpr std::string_view digits = "0123456789abcdef";
    std::string id;
    for (const unsigned char byte : random) {
        id += digits[byte >> 4];
        id += digits[byte & 15];
    }
    return id;
}

std::string_view first_request_id(const Messages& messages) {
    for (const Message& m : messages.list)
        if (m.kind == MessageKind::request) return m.id_json;
    return {};
}

bool has_body(const httplib::Request& request) {
    return request.has_header("Transfer-Encoding") ||
           (request.has_header("Content-Length") &&
            request.get_header_value("Content-Length") != "0");
}

// What Content-Length says; 0 without one.
std::size_t announced_bytes(const httplib::Request& request) {
    if (!request.has_header("Content-Length")) return 0;
    const std::string text = request.get_header_value("Content-Length");
    std::size_t length = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), length);
    return read.ec == std::errc::result_out_of_range ? SIZE_MAX : length;
}

void refuse_full(httplib::Response& response) {
    response.set_header("Retry-After", std::to_string(limits::server_retry_after_seconds));
    refuse_and_close(response, {503, mcp::kServerError,
                                "the server does not take its input, and too much waits for it"});
}

std::string unsupported_version() {
    return "Bad Request: Unsupported protocol version (supported versions: " +
           supported_versions() + ")";
}

// A request of the stateless revisions, whatever else it says.
bool is_modern(const httplib::Request& request) {
    return mcp::era_of(request.get_header_value(std::string(mcp::kProtocolVersion)), {}) ==
           mcp::Era::modern;
}

}  // namespace

StreamableServer::StreamableServer(ServerOptions options, OpenSession open_session)
    : options_(std::move(options)),
      open_session_(std::move(open_session)),
      loopback_only_(is_loopback_authority(options_.host)),
      openings_(limits::server_openings_bytes_max, options_.threads_max),
      http_(options_.threads_max) {
    http_.set_pre_routing_handler([this](const Request& request, Response& response) {
        return answer_without_body(request, response) ? httplib::Server::HandlerResponse::Handled
                                                      : httplib::Server::HandlerResponse::Unhandled;
    });
    // The pre-routing handler lets only POSTs to our own paths pass.
    http_.Post("/.*",
               [this](const Request& request, Response& response,
                      const httplib::ContentReader& body) { on_post(request, response, body); });
}

StreamableServer::~StreamableServer() {
    stop();
}

Result<std::uint16_t> StreamableServer::listen() {
    return http_.bind(options_.host, options_.port);
}

void StreamableServer::serve() {
    check(!accepting_.joinable(), "serve is called once");
    accepting_ = std::thread([this] { http_.run(); });
    sweeping_ = std::thread([this] {
        std::unique_lock lock(mutex_);
        while (!stopped_.wait_for(lock, kSweepPeriod, [this] { return stopping_; })) {
            lock.unlock();
            sweep();
            lock.lock();
        }
    });
}

void StreamableServer::stop() {
    std::map<std::string, std::shared_ptr<Session>, std::less<>> sessions;
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
        sessions.swap(sessions_);
        stopped_.notify_all();
    }
    for (const auto& [id, session] : sessions)
        session->end("the server stops");
    http_.stop_serving();
    if (accepting_.joinable()) accepting_.join();
    if (sweeping_.joinable()) sweeping_.join();
}

std::size_t StreamableServer::sessions() {
    const std::lock_guard lock(mutex_);
    return static_cast<std::size_t>(
        std::ranges::count_if(sessions_, [](const auto& entry) { return !entry.second->ended(); }));
}

void StreamableServer::sweep() {
    const Nanos now = monotonic_now();
    const Nanos idle = options_.session_idle_seconds * kSecond;
    std::vector<std::shared_ptr<Session>> expired;
    {
        const std::lock_guard lock(mutex_);
        std::erase_if(sessions_, [](const auto& entry) { return entry.second->ended(); });
        if (idle == 0 || now < idle) return;
        for (const auto& [id, session] : sessions_)
            if (session->idle_since(now - idle)) expired.push_back(session);
    }
    for (const auto& session : expired)
        session->end("the session was idle for too long");
}

Result<std::shared_ptr<Session>> StreamableServer::add_session() {
    const std::lock_guard lock(mutex_);
    if (stopping_) return failure(Code::unavailable, "the server stops");
    if (sessions_.size() >= options_.sessions_max)
        std::erase_if(sessions_, [](const auto& entry) { return entry.second->ended(); });
    if (sessions_.size() >= options_.sessions_max)
        return failure(Code::limit_exceeded, "too many sessions");
    auto session = std::make_shared<Session>(new_session_id());
    sessions_.emplace(session->id(), session);
    return session;
}

std::shared_ptr<Session> StreamableServer::named_session(const Request& request) {
    const std::lock_guard lock(mutex_);
    const auto at = sessions_.find(request.get_header_value(std::string(mcp::kSessionId)));
    return at == sessions_.end() ? nullptr : at->second;
}

std::shared_ptr<Session> StreamableServer::session_of(const Request& request, Response& response,
                                                      std::string_view id_json) {
    if (!request.has_header(std::string(mcp::kSessionId))) {
        refuse(response,
               {400, mcp::kServerError,
                is_modern(request) ? unsupported_version()
                                   : "Bad Request: Mcp-Session-Id header is required"},
               id_json);
        return nullptr;
    }
    const std::shared_ptr<Session> session = named_session(request);
    if (session == nullptr || session->ended()) {
        refuse(response, {404, mcp::kSessionNotFound, "Session not found"}, id_json);
        return nullptr;
    }
    const std::string version = request.get_header_value(std::string(mcp::kProtocolVersion));
    if (!version.empty() && !is_supported_version(version)) {
        refuse(response, {400, mcp::kServerError, unsupported_version()}, id_json);
        return nullptr;
    }
    session->touch();
    return session;
}

// Everything but a POST to one of our paths is answered here, before a body is read.
bool StreamableServer::answer_without_body(const Request& request, Response& response) {
    const bool health = !options_.health_path.empty() && request.path == options_.health_path;
    const bool ours = std::ranges::find(options_.paths, request.path) != options_.paths.end();
    // Whatever the method, an unread body would be taken for the next request.
    if (request.method != "POST" && has_body(request)) {
        response.set_header("Connection", "close");
        HttpServer::close_this_connection();
    }
    if (!health && !ours) {
        refuse_and_close(response, {404, mcp::kServerError, "Not Found"});
        return true;
    }
    if (loopback_only_) {
        const bool host = is_loopback_authority(request.get_header_value("Host"));
        const bool origin =
            !request.has_header("Origin") ||
            is_loopback_authority(authority_of_origin(request.get_header_value("Origin")));
        if (!host || !origin) {
            refuse_and_close(response, {403, mcp::kServerError,
                                        host ? "Forbidden: Origin is not allowed"
                                             : "Forbidden: Host is not allowed"});
            return true;
        }
    }
    if (health && (request.method == "GET" || request.method == "HEAD")) {
        send_body(response, "ok\n", "text/plain");
        return true;
    }
    if (health ||
        (request.method != "POST" && request.method != "GET" && request.method != "DELETE")) {
        response.set_header("Allow", health ? "GET" : "GET, POST, DELETE");
        refuse_and_close(response, {405, mcp::kServerError, "Method not allowed."});
        return true;
    }
    if (request.method == "GET") on_get(request, response);
    if (request.method == "DELETE") on_delete(request, response);
    return request.method != "POST";
}

void StreamableServer::on_get(const Request& request, Response& response) {
    if (!accepts(request, "text/event-stream"))
        return refuse(response, {406, mcp::kServerError,
                                 "Not Acceptable: Client must accept text/event-stream"});
    const auto session = session_of(request, response, {});
    if (session == nullptr) return;
    auto events = session->open_standalone();
    if (!events && events.error().code == Code::conflict)
        return refuse(response, {409, mcp::kServerError, events.error().detail});
    if (!events) return refuse(response, events.error());
    stream(session, std::move(*events), response);
}

void StreamableServer::on_delete(const Request& request, Response& response) {
    const auto session = session_of(request, response, {});
    if (session == nullptr) return;
    session->end("the session was ended by the client");
    {
        const std::lock_guard lock(mutex_);
        sessions_.erase(session->id());
    }
    response.status = 200;
}

void StreamableServer::on_post(const Request& request, Response& response,
                               const httplib::ContentReader& body) {
    if (!accepts(request, "application/json") || !accepts(request, "text/event-stream"))
        return refuse_and_close(response,
                                {406, mcp::kServerError,
                                 "Not Acceptable: Client must accept both application/json and "
                                 "text/event-stream"});
    if (!is_media_type(request.get_header_value("Content-Type"), "application/json"))
        return refuse_and_close(response,
                                {415, mcp::kServerError,
                                 "Unsupported Media Type: Content-Type must be application/json"});
    const std::shared_ptr<Session> session = named_session(request);
    const std::size_t bytes_max =
        session != nullptr
            ? options_.body_bytes_max
            : std::min(options_.body_bytes_max, limits::server_opening_body_bytes_max);
    if (announced_bytes(request) > bytes_max) return refuse_large(request, response, bytes_max);
    InputRoom::Place place(session != nullptr ? session->input_room() : openings_,
                           std::chrono::milliseconds(options_.input_wait_ms));
    if (!place.taken()) return refuse_full(response);
    auto text = read_body(request, response, body, {place, bytes_max});
    if (!text) return;

    const auto messages = parse_messages(*text, limits::server_batch_messages_max);
    text.reset();  // the messages have what is needed, perhaps for long
    if (messages) return on_messages(request, response, *messages);
    const Error& error = messages.error();
    if (error.code == Code::limit_exceeded)
        return refuse(response, {400, mcp::kInvalidRequest, "Invalid Request: " + error.detail});
    refuse(response,
           {400, mcp::kParseError,
            error.code == Code::protocol ? "Parse error: Invalid JSON-RPC message: " + error.detail
                                         : "Parse error: Invalid JSON"});
}

std::optional<std::string> StreamableServer::read_body(const Request& request, Response& response,
                                                       const httplib::ContentReader& body,
                                                       BodyBounds bounds) {
    const Nanos deadline = monotonic_now() + options_.body_timeout_ms * kMillisecond;
    HttpServer::read_no_later_than(deadline);
    const std::chrono::milliseconds wait(options_.input_wait_ms);
    std::string text;
    bool too_large = false;
    bool full = false;
    const bool complete = body([&](const char* bytes, std::size_t size) {
        too_large = size > bounds.bytes_max - text.size();
        full = !too_large && !bounds.place.grow(size, wait);
        if (too_large || full) return false;
        text.append(bytes, size);
        return true;
    });
    if (complete) return text;
    if (too_large)
        refuse_large(request, response, bounds.bytes_max);
    else if (full)
        refuse_full(response);
    else if (monotonic_now() >= deadline)
        refuse_and_close(
            response, {408, mcp::kServerError, "Request Timeout: the body did not arrive in time"});
    else
        refuse_and_close(response, {400, mcp::kParseError, "Parse error: incomplete body"});
    return std::nullopt;
}

// Less is read for a session that is not there, and its client must learn just that.
void StreamableServer::refuse_large(const Request& request, Response& response,
                                    std::size_t bytes_max) {
    if (bytes_max < options_.body_bytes_max && request.has_header(std::string(mcp::kSessionId)))
        return refuse_and_close(response, {404, mcp::kSessionNotFound, "Session not found"});
    refuse_and_close(
        response, {413, mcp::kServerError,
                   "Payload Too Large: the body exceeds " + std::to_string(bytes_max) + " bytes"});
}

void StreamableServer::on_messages(const Request& request, Response& response,
                                   const Messages& messages) {
    const std::string_view id = first_request_id(messages);
    const bool initialize = std::ranges::any_of(messages.list, [](const Message& m) {
        return m.kind == MessageKind::request && m.method == "initialize";
    });
    if (initialize) return on_initialize(request, response, messages);
    // A probe for the modern era. Its client takes a 400 for "legacy" and then initializes; any 5xx
    // would make it give up.
    if (messages.list.size() == 1 && messages.list[0].method == "server/discover")
        return refuse(response, {400, mcp::kServerError, unsupported_version()}, id);
    const auto session = session_of(request, response, id);
    if (session != nullptr) forward(session, messages, response);
}

void StreamableServer::on_initialize(const Request& request, Response& response,
                                     const Messages& messages) {
    const std::string_view id = first_request_id(messages);
    if (messages.list.size() != 1)
        return refuse(response,
                      {400, mcp::kInvalidRequest,
                       "Invalid Request: Only one initialization request is allowed"},
                      id);
    if (request.has_header(std::string(mcp::kSessionId))) {
        if (session_of(request, response, id) == nullptr) return;
        return refuse(response,
                      {400, mcp::kInvalidRequest, "Invalid Request: Server already initialized"},
                      id);
    }
    auto session = add_session();
    if (!session) return refuse(response, session.error(), id);
    auto handler = open_session_(*session);
    if (!handler) {
        (*session)->end("");
        return refuse(response, handler.error(), id);
    }
    if (!(*session)->set_handler(*handler)) {
        (*handler)->end();
        return refuse(response, {502, mcp::kInternalError, "the session ended at once"}, id);
    }
    response.set_header(std::string(mcp::kSessionId), (*session)->id());
    forward(*session, messages, response);
}

void StreamableServer::forward(const std::shared_ptr<Session>& session, const Messages& messages,
                               Response& response) {
    const std::string_view id = first_request_id(messages);
    std::shared_ptr<EventStream> events;
    if (!id.empty()) {
        auto opened = session->open_requests(messages.list);
        if (!opened) return refuse(response, opened.error(), id);
        events = std::move(*opened);
    }
    // One for all of them: a server that takes little must not hold this thread once for each.
    const Deadline until =
        std::chrono::steady_clock::now() + std::chrono::milliseconds(options_.take_timeout_ms);
    for (const Message& message : messages.list) {
        const auto received = session->receive(message, until);
        if (received) continue;
        const Error& error = received.error();
        if (!messages.batch) {
            if (events != nullptr) session->forget_request(message.id_key);
            return refuse(response, error, message.id_json);
        }
        if (message.kind == MessageKind::request)
            session->answer(message.id_key,
                            error_text(message.id_json, mcp::kInternalError, error.detail));
    }
    if (events != nullptr) return stream(session, std::move(events), response);
    response.status = 202;
}

void StreamableServer::stream(const std::shared_ptr<Session>& session,
                              std::shared_ptr<EventStream> events, Response& response) {
    response.set_header("Cache-Control", "no-cache, no-transform");
    response.set_header("X-Accel-Buffering", "no");
    const Nanos keepalive = options_.keepalive_ms * kMillisecond;
    const auto patience = std::min(kTurn, std::chrono::milliseconds(options_.keepalive_ms));
    // httplib calls this again and again until it says done() or false.
    auto turn = [session, events, keepalive, patience, written = monotonic_now()](
                    std::size_t, httplib::DataSink& sink) mutable {
        const EventStream::Turn got = events->take(patience);
        const Nanos now = monotonic_now();
        if (!got.bytes.empty()) {
            if (!sink.write(got.bytes.data(), got.bytes.size())) return false;
            session->stream_written(events);
            written = now;
        } else if (!got.end && now - written >= keepalive) {
            constexpr std::string_view comment = ": keepalive\n\n";
            if (!sink.write(comment.data(), comment.size())) return false;
            written = now;
        }
        if (got.end) sink.done();
        return got.end || sink.is_writable();  // false: the client has left
    };
    response.set_chunked_content_provider(
        "text/event-stream", std::move(turn),
        [session, events](bool) { session->stream_gone(events); });
}

}  // namespace mcpgw::server
