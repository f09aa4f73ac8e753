// cpp-httplib around the routes. The library's types stay in this file and connection.h.
#include "controlplane/api/server.h"

#include <atomic>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <set>
#include <thread>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/limits.h"
#include "common/log.h"
#include "controlplane/api/audit_routes.h"
#include "controlplane/api/connection.h"
#include "controlplane/api/openapi.h"
#include "controlplane/api/tenant_routes.h"
#include "controlplane/api/token_routes.h"

namespace mcpgw::api {
namespace {

using Handled = httplib::Server::HandlerResponse;

bool announces_body(const httplib::Request& request) {
    return request.has_header("Content-Length") || request.has_header("Transfer-Encoding");
}

// Methods whose body the library reads.
bool may_have_body(const httplib::Request& request) {
    return request.method == "POST" || request.method == "PUT" || request.method == "PATCH" ||
           request.method == "DELETE";
}

std::vector<std::string> lines_of(const httplib::Request& request, const char* name) {
    std::vector<std::string> lines;
    const auto [first, last] = request.headers.equal_range(name);
    for (auto line = first; line != last; ++line)
        lines.push_back(line->second);
    return lines;
}

Result<Call> call_of(const httplib::Request& request) {
    // The data plane sets each once; a request with two of them is nobody's.
    const bool is_clear = request.get_header_value_count("X-Mcp-UserId") == 1 &&
                          request.get_header_value_count("X-Mcp-Roles") <= 1 &&
                          request.get_header_value_count("X-Mcp-Tenant") <= 1;
    auto who = identity::principal_of(is_clear ? request.get_header_value("X-Mcp-UserId") : "",
                                      request.get_header_value("X-Mcp-Roles"),
                                      request.get_header_value("X-Mcp-Tenant"));
    if (!who) return std::unexpected(who.error());
    Call call;
    call.who = std::move(*who);
    call.method = request.method;
    call.path = request.path;
    call.query.assign(request.params.begin(), request.params.end());
    call.content_type = request.get_header_value("Content-Type");
    call.if_match = lines_of(request, "If-Match");
    return call;
}

void fill(const Answer& answer, httplib::Response& response) {
    response.status = answer.status;
    for (const auto& [name, value] : answer.headers)
        response.set_header(name, value);
    if (!answer.content_type.empty()) response.set_content(answer.body, answer.content_type);
}

// An old socket file of a control plane that is gone is removed; a live one is left alone.
Result<> make_room(const std::string& path, const sockaddr_un& address) {
    struct stat status{};
    if (::lstat(path.c_str(), &status) != 0) return {};
    if (!S_ISSOCK(status.st_mode))
        return failure(Code::conflict, path + " exists and is not a socket");
    const int probe = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (probe < 0) return std::unexpected(error_from_errno(errno, "socket"));
    const bool answers =
        ::connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
    ::close(probe);
    if (answers) return failure(Code::address_in_use, "another control plane answers on " + path);
    if (::unlink(path.c_str()) != 0)
        return std::unexpected(error_from_errno(errno, "cannot remove the old socket " + path));
    return {};
}

}  // namespace

class ApiServer::Server : public httplib::Server {
  public:
    explicit Server(Services services)
        : sessions_(services.sessions, services.access, services.store),
          tenants_({services.access_store, services.access_changed, services.usage},
                   services.access),
          tokens_({services.access_store, services.access_changed}, services.access),
          audit_(services.access, services.store),
          store_(services.store),
          routes_(std::move(services)) {
        set_address_family(AF_UNIX);
        new_task_queue = [] { return new httplib::ThreadPool(limits::api_threads); };
        set_pre_routing_handler([this](const auto& request, auto& response) {
            if (may_have_body(request) && announces_body(request)) return Handled::Unhandled;
            respond(request, response, nullptr);
            return Handled::Handled;
        });
        const auto with_body = [this](const httplib::Request& request, httplib::Response& response,
                                      const httplib::ContentReader& body) {
            respond(request, response, &body);
        };
        Post(".*", with_body);
        Put(".*", with_body);
        Patch(".*", with_body);
        Delete(".*", with_body);
        // The library gives every answer a length, which 204 must not have (RFC 9110, 8.6), and
        // which for 304 would have to be that of the 200.
        set_post_routing_handler([](const auto&, auto& response) {
            if (response.status == 204 || response.status == 304)
                response.headers.erase("Content-Length");
        });
        // What the library refuses on its own.
        set_error_handler(httplib::Server::HandlerWithResponse([](const auto&, auto& response) {
            if (!response.body.empty()) return Handled::Unhandled;
            fill(problem(response.status, "the request is not one that can be understood"),
                 response);
            return Handled::Handled;
        }));
        set_exception_handler([](const auto&, auto& response, const std::exception_ptr&) {
            log_error("a management request ended in an exception");
            fill(problem(500, "the control plane could not do that"), response);
        });
    }

    // The library asks for a queue of five, and a full one turns clients away.
    bool widen_queue() { return ::listen(svr_sock_, SOMAXCONN) == 0; }

    void start() {
        thread_ = std::thread([this] { listen_after_bind(); });
        // stop() of the library does nothing before its loop runs.
        while (!is_running())
            std::this_thread::yield();
    }

    void end() {
        stopping_ = true;
        if (!thread_.joinable()) return;
        // stop() of the library does nothing before its loop runs.
        while (!is_running() && !has_ended_)
            std::this_thread::yield();
        stop();
        {
            const std::scoped_lock lock(mutex_);
            for (const Connection* connection : connections_)
                connection->cancel();
        }
        thread_.join();
    }

  private:
    // One accepted socket, on a thread of the pool.
    bool process_and_close_socket(socket_t socket) override {
        Connection connection(socket);
        if (!connection.peer_is_allowed()) {
            log_warn("a stranger tried to use the management socket");
            return false;
        }
        {
            const std::scoped_lock lock(mutex_);
            connections_.insert(&connection);
        }
        // A connection that came in after end() looked at the set.
        if (stopping_) connection.cancel();
        bool is_closed = false;
        const bool done = process_request(connection, true, is_closed, prepare);
        const std::scoped_lock lock(mutex_);
        connections_.erase(&connection);
        return done;
    }

    // The library would cut or compress answers, and take multipart bodies apart.
    static void prepare(httplib::Request& request) {
        request.ranges.clear();
        request.headers.erase("Range");
        request.headers.erase("Accept-Encoding");
        if (request.is_multipart_form_data()) request.headers.erase("Content-Type");
    }

    void respond(const httplib::Request& request, httplib::Response& response,
                 const httplib::ContentReader* body) {
        try {
            Answer answer = answer_to(request, response, body);
            log_debug(
                "management request",
                {{"method", request.method}, {"path", request.path}, {"status", answer.status}});
            if (answer.stream)
                stream(std::move(answer), response);
            else
                fill(answer, response);
        } catch (const std::exception& exception) {
            log_error("a management request failed", {{"detail", exception.what()}});
            fill(problem(500, "the control plane could not do that; its log says why"), response);
        }
    }

    Answer answer_to(const httplib::Request& request, httplib::Response& response,
                     const httplib::ContentReader* body) {
        // The body is read to its end in any case: whoever sends it shall read our answer.
        std::string text;
        bool is_too_large = false;
        const bool is_whole =
            body == nullptr || (*body)([&](const char* bytes, std::size_t size) {
                is_too_large = is_too_large || text.size() + size > limits::api_body_bytes_max;
                if (!is_too_large) text.append(bytes, size);
                return true;
            });
        const bool is_get = request.method == "GET" || request.method == "HEAD";
        if (request.path == "/readyz" && is_get) return readiness();
        if (is_openapi_path(request.path))
            return openapi_answer(request.method, lines_of(request, "If-None-Match"));
        auto call = call_of(request);
        if (!call) return problem(401, call.error().detail);
        if (!is_whole)
            return problem(response.status >= 400 ? response.status : 400,
                           "the body did not arrive as announced");
        call->body = std::move(text);
        call->body_too_large = is_too_large;
        return route(*call);
    }

    void stream(Answer answer, httplib::Response& response) {
        response.status = answer.status;
        response.set_chunked_content_provider(
            answer.content_type,
            [this, produce = std::move(answer.stream)](std::size_t, httplib::DataSink& sink) {
                produce([this, &sink](std::string_view text) {
                    if (stopping_) return false;
                    if (text.empty()) return sink.is_writable();
                    return sink.write(text.data(), text.size());
                });
                sink.done();
                return true;
            });
    }

    // Whether changes can be made; for whoever watches this socket. (The gateway's own /readyz,
    // which says whether there is traffic, is the data plane's.)
    Answer readiness() {
        const auto checked = store_->check_up();
        return checked ? json_answer(200, R"({"status":"ready"})") : answer_of(checked.error());
    }

    Answer route(const Call& call) {
        if (is_sessions_path(call.path)) return sessions_.answer(call);
        if (is_tenants_path(call.path)) return tenants_.answer(call);
        if (is_tokens_path(call.path)) return tokens_.answer(call);
        if (is_audit_path(call.path)) return audit_.answer(call);
        return routes_.answer(call);
    }

    SessionRoutes sessions_;
    TenantRoutes tenants_;
    TokenRoutes tokens_;
    AuditRoutes audit_;
    store::Store* const store_;
    ResourceRoutes routes_;
    std::thread thread_;
    std::atomic<bool> stopping_ = false;
    std::atomic<bool> has_ended_ = false;
    std::mutex mutex_;  // guards connections_
    std::set<const Connection*> connections_;
};

ApiServer::ApiServer(std::string socket_path, Services services)
    : socket_path_(std::move(socket_path)),
      server_(std::make_unique<Server>(std::move(services))) {}

Result<std::unique_ptr<ApiServer>> ApiServer::open(const std::string& socket_path,
                                                   Services services) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (socket_path.empty() || socket_path.size() >= sizeof(address.sun_path))
        return failure(Code::invalid_argument, "the path of the management socket is longer than " +
                                                   std::to_string(sizeof(address.sun_path) - 1) +
                                                   " bytes: " + socket_path);
    std::memcpy(address.sun_path, socket_path.data(), socket_path.size());
    if (auto room = make_room(socket_path, address); !room) return std::unexpected(room.error());
    std::unique_ptr<ApiServer> api(new ApiServer(socket_path, std::move(services)));
    // The file must not be open to others for a moment either. (The library knows no fchmod.)
    const mode_t mask = ::umask(0177);
    errno = 0;
    const bool bound = api->server_->bind_to_port(socket_path, 80) && api->server_->widen_queue();
    const int reason = errno;
    ::umask(mask);
    if (!bound) {
        api->socket_path_.clear();
        return std::unexpected(
            error_from_errno(reason, "cannot listen on the management socket " + socket_path));
    }
    return api;
}

ApiServer::~ApiServer() {
    stop();
    if (!socket_path_.empty()) ::unlink(socket_path_.c_str());
}

void ApiServer::start() {
    server_->start();
}

void ApiServer::stop() {
    server_->end();
}

}  // namespace mcpgw::api
