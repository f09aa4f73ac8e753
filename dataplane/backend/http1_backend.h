// A connection to a server instance that speaks HTTP/1.1, for one exchange at a time.
//
//   idle -> busy -> idle ... -> ended          idle ones wait in their pool
//
// Between lease() and release() everything received belongs to the present answer. Whatever arrives
// while idle (bytes nobody asked for, an end, a failure) ends the connection. Owned by the pool;
// buried by the worker when its socket is closed and no exchange holds it. What only connecting or
// a head needs lies in slots of the pool, because an answer may be a stream that lasts.
#pragma once

#include <cstdint>

#include <sys/socket.h>

#include "common/intrusive_list.h"
#include "common/protocol/http1_body.h"
#include "common/protocol/http1_head.h"
#include "dataplane/flow/ends.h"
#include "dataplane/flow/head_reader.h"
#include "dataplane/transport/connection.h"

namespace mcpgw::backend {

class Pool;

// Where a connection goes. `key` names the instance: connections are reused under it.
struct Destination {
    std::uint64_t key = 0;
    sockaddr_storage address{};
    socklen_t address_bytes = 0;
    std::uint32_t connect_timeout_ms = limits::connect_timeout_ms;  // 0 = the kernel's own
};

// What a leased connection needs until the answer's head is here: while the request may still have
// to go out again.
struct AwaitedHead {
    flow::HeadReader reader;
    io::Block kept;  // the request's head, if it may be repeated; until a byte of the answer comes
    std::size_t kept_bytes = 0;
};

class Http1Backend final : public flow::BackendEnd, public transport::Dirty {
  public:
    enum class State : std::uint8_t { idle, busy, ended };

    Http1Backend(transport::Context& context, Pool& pool, std::uint64_t key);
    ~Http1Backend();

    // Starts connecting on a new socket; the destination is of Pool::destinations().
    void connect(int socket, Destination& destination);
    // idle -> busy.
    void lease(flow::BackendEvents& events);
    // Goes on with the request of a connection that failed: what it has queued if it has sent
    // nothing, else the head it has kept.
    [[nodiscard]] bool take_request_of(Http1Backend& failed);
    void end();

    [[nodiscard]] State state() const { return state_; }
    [[nodiscard]] std::uint64_t key() const { return key_; }
    // True if an idle connection has neither ended nor failed as far as is known.
    [[nodiscard]] bool usable();
    void advance();

    void send_head(const flow::RequestOut& head) override;
    void send_body(io::Slice bytes) override;
    void finish_request() override;
    [[nodiscard]] bool is_reused() const override { return reused_; }
    [[nodiscard]] flow::BackendEnd* repeat() override;
    void take_back(transport::SegmentQueue body) override;
    void send_framed(transport::SegmentQueue body, bool complete) override;
    [[nodiscard]] bool is_full() override;
    void pause_response() override;
    void resume_response() override;
    void splice_response(flow::ClientEnd& to) override;
    [[nodiscard]] transport::Connection* plain_output() override {
        return request_is_chunked_ ? nullptr : &connection_;
    }
    void relieve() override { connection_.relieve(); }
    void release() override;

  private:
    enum class Phase : std::uint8_t { none, head, body, complete };

    void on_deadline();
    void be_deaf();
    [[nodiscard]] bool is_deaf() const;
    void look_whether_heard();
    void read_answer();
    bool read_head();
    void take_head(const flow::HeadReader& reader);
    void release_awaited();
    [[nodiscard]] bool is_silent() const;
    void release_destination();
    void read_body();
    void follow_splice();
    void complete_answer();
    void look_at_failure();
    void fail(Code code, Retry retry = Retry::never);
    void keep_head(const flow::RequestOut& head, std::string_view text);
    [[nodiscard]] bool has_sent_nothing() const;
    [[nodiscard]] Retry retry_now() const;
    void push_chunk_frame(std::string_view text);
    [[nodiscard]] transport::Context& context() const { return connection_.context(); }

    // These first ones lie in what Dirty leaves of its last word.
    State state_ = State::idle;
    Phase phase_ = Phase::none;
    http::Method request_method_ = http::Method::other;
    std::uint8_t interim_answers_ = 0;
    bool reused_ = false;
    bool request_is_chunked_ = false;
    bool request_complete_ = false;
    Pool& pool_;
    std::uint64_t key_;
    Destination* destination_ = nullptr;  // while it is connecting
    transport::Connection connection_;
    io::TimerOf<Http1Backend, &Http1Backend::on_deadline> timer_{*this};
    flow::BackendEvents* events_ = nullptr;
    AwaitedHead* awaited_ = nullptr;  // from lease() to the head of the final answer
    http::BodyDecoder decoder_;
    std::uint32_t idle_ms_ = limits::backend_idle_timeout_ms;
    bool keep_alive_ = true;
    bool paused_ = false;
    bool deadline_passed_ = false;
};

}  // namespace mcpgw::backend
