// One request with its answer, between a client end and a backend end.
//
//   receiving ──decide──▶ awaiting_answer ───────────head──────────▶ answering ──▶ finished
//       │                     │    └─head─▶ awaiting_endpoint ──event──▲             ▲
//       │                     └─failed─▶ awaiting_news ──────────────────────────────┤
//       └────── refusal, local answer ───────────────────────────────────────────────┘
//
//   receiving          the body is looked at (method, id) and held, up to peek_hold_bytes_max
//   awaiting_key       a token names a new key; then once more receiving, for the access rules
//   awaiting_answer    the request is on its way, perhaps again (repeat.cpp); its body streams
//   awaiting_news      a session's instance refused: is it gone (404), or not (502)?
//   awaiting_endpoint  an HTTP+SSE stream, held until its endpoint event has come
//   answering          the answer streams through, perhaps for hours; then it is finished
//
// Owned by its client end. Of the route table it keeps nothing beyond a tick, but its load block.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "common/protocol/sse.h"
#include "common/protocol/sse_endpoint.h"
#include "dataplane/exchange/decide.h"
#include "dataplane/exchange/services.h"
#include "dataplane/flow/ends.h"

namespace mcpgw::exchange {

// What the client end knows beside the head.
struct ClientFacts {
    transport::PeerAddress address;
    bool loopback_listener = false;
};

class Exchange final : public flow::BackendEvents, public transport::Dirty {
  public:
    enum class State : std::uint8_t {
        receiving,
        awaiting_key,
        awaiting_answer,
        awaiting_news,
        awaiting_endpoint,
        answering,
        finished
    };

    // Takes the head (from Services::heads) and gives it back when it is no longer needed.
    Exchange(Services& services, flow::ClientEnd& client, PendingHead& head,
             const ClientFacts& facts);
    ~Exchange();

    [[nodiscard]] State state() const { return state_; }
    [[nodiscard]] bool finished() const { return state_ == State::finished; }
    // Whether a client that closes its sending side is taken as gone. For a plain answer it may be
    // a half-close; an event stream, or a modern request (disconnect is cancel), ends with it.
    [[nodiscard]] bool ends_with_client() const { return is_stream_ || era_ == mcp::Era::modern; }

    // Answers at once what the head alone settles, before the client is asked for the body
    // (RFC 9110 section 10.1.1). True if it did.
    [[nodiscard]] bool answer_by_head();

    // Told by the client end.
    void on_request_body(io::Slice bytes);
    void on_request_moved(
        std::uint64_t bytes);  // so much of it went to the server inside the kernel
    void on_request_end();
    void on_request_too_large();  // more body than Settings::body_bytes_max
    void on_request_broken();     // the body's framing is invalid
    void on_client_gone();
    // Receive buffers are scarce: lets go of what small pieces hold. When they are almost used up,
    // a body that is still held is refused.
    void relieve();
    void wind_up();  // the process ends now: the last chance for an answer
    void on_client_room();

    void on_interim_answer(const http::ResponseHead& head) override;
    void on_response_head(const http::ResponseHead& head) override;
    void on_response_body(flow::BodyPiece piece) override;
    void on_response_moved(std::uint64_t bytes) override;
    void on_response_end() override;
    void on_backend_failed(Code code, Retry retry) override;
    void on_backend_room() override;

    void advance();

  private:
    // routing (exchange.cpp)
    void decide_and_go();
    [[nodiscard]] Question question(const jsonrpc::Peek* peek, std::uint64_t except = 0) const;

    // keys that are not known yet (authenticate.cpp)
    [[nodiscard]] bool await_key(const Decision& decision);
    void stop_awaiting_key();
    void answer_here(const Decision& decision);
    void forward(const Decision& decision);
    void remember(const Decision& decision);
    [[nodiscard]] const Adapter* adapter_now() const;
    [[nodiscard]] std::string_view assertion_of(const Decision& decision);
    [[nodiscard]] bool send_request(const Decision& decision);
    [[nodiscard]] backend::Destination destination_of(const Decision& decision) const;
    void stop_waiting_for_news();

    // scarce receive buffers (relief.cpp)
    [[nodiscard]] std::size_t hold_bytes_max() const;
    void move_head();

    void look_into_batch(Bytes bytes);

    // access rules (rules.cpp)
    [[nodiscard]] bool body_is_sound() const;
    void cut_request();
    [[nodiscard]] bool watch_for_tools(const Decision& decision);
    [[nodiscard]] std::optional<Refusal> expect_tools(const http::ResponseHead& head);
    void filter_answer(Bytes payload, const io::Slice* slice);
    [[nodiscard]] bool end_of_filtered();
    void release_visible_tools();
    [[nodiscard]] VisibleTools* visible_tools() const {
        return extras_ == nullptr ? nullptr : extras_->visible_tools;
    }
    [[nodiscard]] limit::StreamPlaces* stream_places() const {
        return extras_ == nullptr ? nullptr : extras_->stream_places;
    }
    [[nodiscard]] Extras& extras();
    void release_extras();

    // the audit log (record.cpp)
    void begin_record(const Decision& decision);
    void note_refusal(Refusal refusal);
    void note_answer_bytes(std::uint64_t bytes);
    void end_record();

    // second tries (repeat.cpp)
    [[nodiscard]] bool repeat(Code code, Retry retry);
    [[nodiscard]] bool repeat_at_same_server();
    [[nodiscard]] bool repeat_elsewhere(Code code);

    // streams of HTTP+SSE (endpoint.cpp)
    void await_endpoint(const http::ResponseHead& head);
    void take_stream_beginning(Bytes piece);
    [[nodiscard]] std::optional<Refusal> open_sse_session(std::string_view reference,
                                                          std::span<char> endpoint,
                                                          std::size_t& endpoint_bytes);
    void await_results_of_session();
    void begin_sse_stream(const sse::EndpointEvent& event, std::string_view endpoint);

    // limits of tenants, adapters and their users (usage.cpp)
    [[nodiscard]] bool count_use(const Decision& decision);
    void await_answer();
    [[nodiscard]] bool take_stream_place(const limit::Subjects& subjects, bool is_standalone);
    void count_stream();
    void leave_stream_place();
    void note_limit(LimitKind kind, LimitScope scope);
    void note_sessions_full(SessionRefusal refusal);

    // the session that it holds while it runs (session.cpp)
    [[nodiscard]] bool enter_session(const Decision& decision);
    [[nodiscard]] std::optional<SessionHandle> adopt_session(const Decision& decision,
                                                             const SessionKey& key);
    [[nodiscard]] std::optional<Refusal> open_session(std::string_view server_id,
                                                      std::span<char> room, std::size_t& size);
    [[nodiscard]] std::optional<Refusal> enter_new_session(std::string_view server_id,
                                                           EndedSessions::Mark mark);
    void note_session_end(std::uint16_t status);
    void note_posted();
    void forget_posted();
    void end_session();
    void end_sse_session();
    void enter_stream();
    void leave_session();
    [[nodiscard]] bool session_has_ended();

    // answers (answer.cpp)
    struct OwnAnswer {
        std::uint16_t status = 200;
        std::string_view content_type;
        std::string_view body;
        std::string_view allow = {};
        std::uint32_t retry_after_seconds = 0;
        std::string_view challenge = {};  // WWW-Authenticate
        bool to_preflight = false;
        bool for_everybody = false;  // public: any page may read it, and keep it for a while
    };
    [[nodiscard]] std::string_view granted_origin() const;
    [[nodiscard]] bool add_grant_to(http::Fields& fields) const;
    void begin_answer(const flow::ResponseOut& out);
    // Nothing for the seconds: the table of refusals has them.
    void refuse(Refusal refusal, std::string_view challenge = {},
                std::uint32_t retry_after_seconds = 0);
    void refuse_at_decision(const Decision& decision);
    void answer_locally();
    void answer_metadata();
    [[nodiscard]] std::string_view allowed_methods() const;
    void send_own(const OwnAnswer& answer);
    [[nodiscard]] std::optional<Refusal> seal_session(const http::ResponseHead& head,
                                                      std::span<char> room, std::size_t& size);
    void watch_stream(const http::ResponseHead& head, AwaitedBatch* batch);
    void await_result(AwaitedBatch* batch);
    void stop_awaiting_result();
    void end_stream(std::string_view why_no_result);
    void cut_answer(std::string_view why_no_result);
    void break_silence();
    void set_answer_deadline();
    void watch_for_task(const http::ResponseHead& head);
    void look_for_task(Bytes piece);
    void note_task(const jsonrpc::Peek& answer);

    void note_failure(Code code);

    void finish();
    void release_backend();
    void release_load();
    void release_head();
    void release_awaited_answer();
    void release_request_peek();
    void on_timer();
    void set_deadline(Nanos deadline);
    void set_first_byte_deadline();
    [[nodiscard]] std::string_view request_id() const;
    [[nodiscard]] bool is_discover() const;
    [[nodiscard]] bool request_is_watched() const;
    [[nodiscard]] bool is_undecided() const {
        return state_ == State::receiving || state_ == State::awaiting_key;
    }

    // Told of its stream by the scanner.
    class StreamSink;
    class ToolsOut;
    void on_data(std::string_view piece);
    void on_event_end();
    void note_result_of_session();

    // These first ones lie in what Dirty leaves of its last word.
    State state_ = State::receiving;
    sse::Scanner scanner_;
    Services& services_;
    flow::ClientEnd& client_;
    flow::BackendEnd* backend_ = nullptr;
    PendingHead* head_;
    AwaitedAnswer* awaited_answer_ = nullptr;  // from forward() to the answer's head
    jsonrpc::Peek* request_peek_ = nullptr;    // of a body that is looked at; not of a stream's
    AwaitedId* awaited_id_ = nullptr;          // if the stream still owes the result of the request
    RequestRecord* record_ = nullptr;          // if there is an audit log
    InstanceLoad* load_ = nullptr;             // counted in its `outstanding`
    Extras* extras_ = nullptr;                 // if it has one of them
    io::TimerOf<Exchange, &Exchange::on_timer> timer_{*this};
    SessionHandle session_;  // held until the end; none: there is none, or it is not known here
    Nanos started_;
    Nanos answer_active_at_ = 0;  // when the server last sent a part of its answer
    std::uint32_t idle_ms_ = 0;
    std::uint16_t metrics_slot_ = metrics_slot::none;
    std::uint16_t status_ = 0;  // sent to the client; 0: nothing yet
    http::Method method_;
    Code failure_ = Code::internal;  // why news are awaited
    mcp::Era era_ = mcp::Era::legacy;
    Target::Kind target_kind_;
    std::uint8_t metrics_method_ = mcp::kMethodNone;
    bool loopback_listener_ : 1;
    bool body_complete_ : 1 = false;
    bool deadline_passed_ : 1 = false;  // of the present state
    bool session_bound_ : 1 = false;
    bool repeated_ : 1 = false;  // the request went out a second time; there is no third
    bool to_control_plane_ : 1 = false;
    bool request_paused_ : 1 = false;
    bool answer_paused_ : 1 = false;
    bool is_stream_ : 1 = false;         // the answer is text/event-stream
    bool ends_session_ : 1 = false;      // it is the stream of an HTTP+SSE session
    bool holds_standalone_ : 1 = false;  // the stream is the standalone one of its session
    bool holds_stream_ : 1 = false;      // it is another one
    bool learns_task_ : 1 = false;   // the answer may name a task, whose later requests follow it
    bool peeks_answer_ : 1 = false;  // request_peek_ looks at the answer's body instead
    bool holds_longer_ : 1 = false;  // the access rules need more of the body than others
    bool checks_body_ : 1 = false;   // what still comes of the body is to say nothing else
};

}  // namespace mcpgw::exchange
