// One request and its answer over one connection, by libcurl, which is known here only.
//
// A Connection is used by one thread at a time and keeps its socket between transfers. Waiting is
// done on libcurl's multi interface, because that can be woken by another thread at once.
// Owner: ApiClient, which also decides about credentials and repeats.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>

#include "common/result.h"
#include "controlplane/kubernetes/access.h"
#include "controlplane/kubernetes/api_client.h"
#include "controlplane/kubernetes/credentials.h"

namespace mcpgw::kubernetes {

// How every connection of a client is made.
struct Target {
    const Access* access = nullptr;
    std::string base_url;    // with the name that the certificate is to have
    std::string host_field;  // empty: what follows from base_url
    std::string connect_to;  // where base_url's host really is; empty: there
    bool is_loopback = false;
    std::uint32_t connect_timeout_ms = 0;
    std::size_t answer_bytes_max = 0;
    std::string user_agent;
};
// invalid_argument: not the URL of a server, or contradictions.
[[nodiscard]] Result<Target> make_target(const Access& access, const ApiClientOptions& options);

// What is asked for, and how it is to be waited for.
struct Request {
    const Call* call = nullptr;
    const Credential* credential = nullptr;
    const StreamLimits* bounds = nullptr;  // of a stream
    const ByteSink* sink = nullptr;        // of a stream
};

class Connection {
  public:
    // Nothing if libcurl is out of memory.
    [[nodiscard]] static std::unique_ptr<Connection> open();
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;
    ~Connection();

    [[nodiscard]] Outcome run(const Target& target, const Request& request,
                              const std::stop_token& stop);

  private:
    Connection() = default;
    void* multi_ = nullptr;
    void* easy_ = nullptr;
};

}  // namespace mcpgw::kubernetes
