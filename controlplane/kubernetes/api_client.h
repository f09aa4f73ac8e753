// Asks an API server, over HTTP/1.1 by libcurl: one call and its answer, or a stream of bytes.
//
// Every function may be called by any thread at any time; each call has a connection of its own,
// and idle ones are kept. Bounded: time to connect, time of an answer, its size. Each request is
// sent once, with two exceptions in which the server has done nothing: it had closed the idle
// connection, or it answered 401 and by then there is another token. Redirects are not followed.
// Owner: the deployer; whoever is inside a call must have returned before the client goes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/limits.h"
#include "common/result.h"
#include "controlplane/kubernetes/access.h"
#include "controlplane/kubernetes/failure.h"

namespace mcpgw::kubernetes {

using Query = std::vector<std::pair<std::string, std::string>>;  // not yet percent-encoded

struct Call {
    std::string method = "GET";
    std::string path{};  // "/api/v1/namespaces/x/pods"; names of Kubernetes need no encoding
    Query query{};
    // With a body: "application/json", "application/apply-patch+yaml",
    // "application/merge-patch+json"
    std::string content_type{};
    std::string body{};
    std::string accept = "application/json";
    // For the whole answer; of a stream, for its head.
    std::uint32_t timeout_ms = limits::kubernetes_call_ms;
};

struct StreamLimits {
    std::uint32_t silence_ms = 0;   // without a byte this long the stream counts as dead; 0: never
    std::uint32_t tick_ms = 1'000;  // how often the sink is called when nothing comes
};

// Pieces of a stream as they arrive, an empty one as soon as its head is there, and an empty one at
// every tick in which nothing came; false ends the stream. LineSplitter (lines.h) makes lines of
// it.
using ByteSink = std::function<bool(std::string_view bytes)>;

// Answers have a status of 2xx; everything else is a Failure.
using Outcome = std::expected<Answer, Failure>;

struct ApiClientOptions {
    std::uint32_t connect_timeout_ms = limits::kubernetes_connect_ms;
    std::size_t answer_bytes_max = limits::kubernetes_answer_bytes_max;
    std::string user_agent = "mcp-gateway";
};

class ApiClient {
  public:
    // invalid_argument: the access contradicts itself. Does not connect.
    [[nodiscard]] static Result<std::unique_ptr<ApiClient>> open(Access access,
                                                                 ApiClientOptions options = {});
    ApiClient(const ApiClient&) = delete;
    ApiClient& operator=(const ApiClient&) = delete;
    ~ApiClient();

    // `stop` and cancel_all() end the wait with FailureKind::cancelled, within 100 ms.
    [[nodiscard]] Outcome send(const Call& call, const std::stop_token& stop = {});

    // Gives the body of a 2xx answer to the sink, on this thread. An Answer (with an empty body):
    // the server has ended the stream properly, or the sink has had enough. transport: it broke.
    // Answers outside 2xx are collected and never reach the sink.
    [[nodiscard]] Outcome stream(const Call& call, const StreamLimits& bounds, const ByteSink& sink,
                                 const std::stop_token& stop = {});

    // For good: whoever waits returns `cancelled` now, and so does every later call.
    void cancel_all();

    [[nodiscard]] const Access& access() const;

  private:
    struct Body;
    explicit ApiClient(std::unique_ptr<Body> body);
    std::unique_ptr<Body> body_;
};

// "a b" -> "a%20b": everything but the unreserved characters of RFC 3986 section 2.3.
[[nodiscard]] std::string percent_encoded(std::string_view text);

}  // namespace mcpgw::kubernetes
