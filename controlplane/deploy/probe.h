// Asks a server whether it is well: a connection that is closed as soon as it stands, or a GET
// whose answer is read to the end of its head.
//
//   idle --start--> connecting --a path is asked--> answering --> idle
//                       \----- verdict, or the deadline -----------^
//
// Neither opens an MCP session, and no credentials are sent. Never blocks: `start` begins, and
// either gives the outcome at once or leaves a descriptor on which something happens (or a deadline
// that passes), upon which `finish` gives it. A status from 200 to 399 is good, as for Kubernetes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/protocol/http1_head.h"
#include "common/time.h"
#include "controlplane/deploy/instance_directory.h"

namespace mcpgw::deploy {

struct ProbeQuestion {
    std::string host = {};  // numeric, IPv4 or IPv6
    std::uint16_t port = 0;
    std::string path = {};       // empty: it is enough that somebody listens
    std::string authority = {};  // value of Host; with a path
    std::uint32_t timeout_ms = 0;
};

struct ProbeOutcome {
    bool is_good = false;
    bool connected = false;
    // For people, empty if it is good: "not reachable: Connection refused", "health check GET
    // /healthz: answered 503".
    std::string trouble = {};
};

class Probe {
  public:
    [[nodiscard]] std::optional<ProbeOutcome> start(ProbeQuestion question, Nanos now);
    [[nodiscard]] std::optional<ProbeOutcome> finish(Nanos now);
    void cancel();

    [[nodiscard]] bool under_way() const { return state_ != State::idle; }
    [[nodiscard]] Nanos deadline() const { return deadline_; }
    [[nodiscard]] int fd() const { return socket_.get(); }
    // What fd() is to be watched for, once: each call takes all that is there.
    static const std::uint32_t kEvents;

  private:
    enum class State : std::uint8_t { idle, connecting, answering };

    [[nodiscard]] std::optional<ProbeOutcome> take_connection(Nanos now);
    [[nodiscard]] std::optional<ProbeOutcome> connected(Nanos now);
    [[nodiscard]] std::optional<ProbeOutcome> read_answer(Nanos now);
    [[nodiscard]] std::optional<ProbeOutcome> take_answer(std::string_view bytes);
    [[nodiscard]] ProbeOutcome not_reachable(int error);
    [[nodiscard]] ProbeOutcome trouble(std::string what);
    [[nodiscard]] ProbeOutcome good();

    State state_ = State::idle;
    Descriptor socket_;
    ProbeQuestion question_;
    Nanos deadline_ = kNever;
    std::string head_;  // of the answer, as far as it has come
    std::size_t received_ = 0;
    http::HeadScanner scanner_{limits::probe_head_bytes_max};
};

// "127.0.0.1:80", "[::1]:80"
[[nodiscard]] std::string address_text(const std::string& host, std::uint16_t port);

}  // namespace mcpgw::deploy
