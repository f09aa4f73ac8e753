// The idle connections, and what happens around one transfer: credentials, one repeat after a 401.
#include "controlplane/kubernetes/api_client.h"

#include <mutex>

#include <curl/curl.h>

#include "common/log.h"
#include "controlplane/kubernetes/credentials.h"
#include "controlplane/kubernetes/transfer.h"

namespace mcpgw::kubernetes {
namespace {

// Stops when either of two tokens does.
class EitherStop {
  public:
    EitherStop(const std::stop_token& one, const std::stop_token& other)
        : on_one_(one, Request{&source_}), on_other_(other, Request{&source_}) {}
    [[nodiscard]] std::stop_token token() const { return source_.get_token(); }

  private:
    struct Request {
        std::stop_source* source;
        void operator()() const { source->request_stop(); }
    };
    std::stop_source source_;
    std::stop_callback<Request> on_one_;
    std::stop_callback<Request> on_other_;
};

Failure without_credential(const Error& error) {
    if (error.code == Code::cancelled) return cancelled_failure();
    Failure failure;
    failure.kind = FailureKind::unauthorized;
    failure.message = "there are no credentials for the API server";
    failure.log_detail = error.detail;
    return failure;
}

}  // namespace

struct ApiClient::Body {
    explicit Body(Access given) : access(std::move(given)), credentials(access) {}

    [[nodiscard]] std::unique_ptr<Connection> take() {
        {
            const std::lock_guard lock(mutex);
            if (!idle.empty()) {
                auto connection = std::move(idle.back());
                idle.pop_back();
                return connection;
            }
        }
        return Connection::open();
    }
    void give_back(std::unique_ptr<Connection> connection) {
        const std::lock_guard lock(mutex);
        if (idle.size() < limits::kubernetes_idle_connections_max)
            idle.push_back(std::move(connection));
    }
    [[nodiscard]] Outcome once(const Request& request, const std::stop_token& stop) {
        auto connection = take();
        if (connection == nullptr)
            return std::unexpected(transport_failure("there is no memory for a connection"));
        Outcome outcome = connection->run(target, request, stop);
        give_back(std::move(connection));
        return outcome;
    }
    [[nodiscard]] Outcome ask(Request request, const std::stop_token& given) {
        const EitherStop either(all.get_token(), given);
        const std::stop_token stop = either.token();
        auto credential = credentials.get(stop);
        for (bool is_repeat = false;; is_repeat = true) {
            if (!credential) return std::unexpected(without_credential(credential.error()));
            request.credential = &*credential;
            Outcome outcome = once(request, stop);
            if (outcome || outcome.error().kind != FailureKind::unauthorized) return outcome;
            credentials.reject(*credential);
            if (is_repeat) return outcome;
            auto another = credentials.get(stop);
            if (another && *another == *credential) return outcome;
            credential = std::move(another);
        }
    }

    const Access access;
    Credentials credentials;
    Target target;
    std::stop_source all;
    std::mutex mutex;
    std::vector<std::unique_ptr<Connection>> idle;
};

ApiClient::ApiClient(std::unique_ptr<Body> body) : body_(std::move(body)) {}
ApiClient::~ApiClient() = default;

Result<std::unique_ptr<ApiClient>> ApiClient::open(Access access, ApiClientOptions options) {
    static const CURLcode started = curl_global_init(CURL_GLOBAL_DEFAULT);
    if (started != CURLE_OK) return failure(Code::internal, "libcurl does not start");
    auto body = std::make_unique<Body>(std::move(access));
    auto target = make_target(body->access, options);
    if (!target) return std::unexpected(target.error());
    body->target = std::move(*target);
    if (body->access.insecure_skip_tls_verify)
        log_warn("the certificate of the API server is not verified",
                 {{"server", body->access.server}, {"origin", body->access.origin}});
    return std::unique_ptr<ApiClient>(new ApiClient(std::move(body)));
}

Outcome ApiClient::send(const Call& call, const std::stop_token& stop) {
    return body_->ask({.call = &call}, stop);
}

Outcome ApiClient::stream(const Call& call, const StreamLimits& bounds, const ByteSink& sink,
                          const std::stop_token& stop) {
    return body_->ask({.call = &call, .bounds = &bounds, .sink = &sink}, stop);
}

void ApiClient::cancel_all() {
    body_->all.request_stop();
}

const Access& ApiClient::access() const {
    return body_->access;
}

std::string percent_encoded(std::string_view text) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    std::string out;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        const bool is_unreserved = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                                   (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' ||
                                   c == '~';
        if (is_unreserved)
            out += c;
        else
            out += {'%', digits[byte >> 4U], digits[byte & 15U]};
    }
    return out;
}

}  // namespace mcpgw::kubernetes
