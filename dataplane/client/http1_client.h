// A client's connection speaking HTTP/1.1: requests in, answers out, in order.
//
//   idle ─▶ reading_head ─▶ exchanging ─┬▶ idle        (keep-alive; pipelined bytes are read next)
//     │          │              │       ├▶ lingering   (answered before the request was read to its
//     ▼          ▼              ▼       │               end: half-closed, input is thrown away)
//   ended ◀──────┴──────────────┴───────┘              ended is terminal
//
// One request at a time is in an exchange; further ones wait as bytes. Owned by client::Table. What
// only a head or a body needs lies in a slot, because most connections wait most of the time.
#pragma once

#include <array>
#include <string_view>

#include "common/protocol/http1_body.h"
#include "common/protocol/http1_writer.h"
#include "dataplane/exchange/exchange.h"
#include "dataplane/flow/ends.h"
#include "dataplane/flow/head_reader.h"
#include "dataplane/transport/connection.h"

namespace mcpgw::client {

class Table;
struct ClientTag;

// What a connection needs from the first byte of a request to its last.
struct IncomingRequest {
    explicit IncomingRequest(std::size_t head_bytes_max) : head(head_bytes_max) {}

    flow::HeadReader head;
    http::BodyDecoder body;  // complete, until the head says otherwise
    Nanos heard_at = 0;      // when the last check found that something of the body had come
    bool owes_body = false;  // at the last check: more of it is to come
};

class Http1Client final : public flow::ClientEnd,
                          public ListNode<ClientTag>,
                          public transport::Dirty {
  public:
    enum class State : std::uint8_t { idle, reading_head, exchanging, lingering, ended };

    Http1Client(exchange::Services& services, Table& table, bool loopback_listener);

    // Takes an accepted socket.
    void adopt(int socket, std::string_view peer_address);
    void advance();
    // The process is to end: an idle connection ends now, others after their present answer.
    void drain();
    // The process ends: what goes on is answered with what there is, then the connection ends.
    void wind_up();
    // Receive buffers are scarce: lets go of what small pieces hold.
    void relieve();
    // Ends at once, whatever is going on.
    void lose();
    [[nodiscard]] State state() const { return state_; }
    [[nodiscard]] const transport::PeerAddress& address() const { return address_; }

    void send_interim(const flow::ResponseOut& head) override;
    void send_head(const flow::ResponseOut& head) override;
    void send_body(flow::BodyPiece piece) override;
    void send_text(std::string_view text) override;
    void finish() override;
    void break_off() override;
    [[nodiscard]] bool is_full() override;
    [[nodiscard]] std::size_t queued_bytes() const override { return connection_.owed_bytes(); }
    void pause_request() override;
    void resume_request() override;
    void splice_request(flow::BackendEnd& to) override;
    [[nodiscard]] transport::Connection* plain_output() override {
        return answer_is_chunked_ || method_ == http::Method::head ? nullptr : &connection_;
    }

  private:
    void on_deadline();
    void look_at_deadline();
    void look_at_exchange_progress();
    void look_at_slow_reader();
    void look_at_last_bytes(std::uint32_t again_ms);
    [[nodiscard]] bool takes_nothing_for(std::uint32_t patience_ms);
    void note_progress();
    void note_receipt();
    void set_check_deadline();
    [[nodiscard]] const exchange::ClientDeadlines& deadlines() const {
        return services_.settings.deadlines;
    }
    void set_deadline(std::uint32_t milliseconds);

    bool step();  // false: nothing more to do now
    bool read_head();
    bool start_exchange();
    void refuse_head(http::HeadError error);
    void ask_for_body();
    void read_body();
    void follow_splice();
    void end_body();
    [[nodiscard]] http::BodyDecoder::State body_state() const {
        return incoming_ == nullptr ? http::BodyDecoder::State::complete : incoming_->body.state();
    }
    void release_incoming();
    bool complete_exchange();
    void give_up_request();
    void linger();
    void end_after_output();
    void become_idle();
    void push_text(std::string_view text);
    void write(const flow::ResponseOut& head, http::HeadWriter& writer);

    // These first ones lie in what Dirty leaves of its last word.
    State state_ = State::idle;
    http::Method method_ = http::Method::other;
    std::uint8_t minor_version_ = 1;
    bool loopback_listener_;
    bool deadline_passed_ = false;
    bool keep_alive_ = true;
    bool client_goes_on_ = true;  // as its last request says
    exchange::Services& services_;
    Table& table_;
    transport::Connection connection_;
    io::TimerOf<Http1Client, &Http1Client::on_deadline> timer_{*this};
    exchange::Exchange* exchange_ = nullptr;
    IncomingRequest* incoming_ = nullptr;
    Nanos progress_at_ = 0;       // when the last check found that the client had taken something
    bool continue_sent_ = false;  // the client has had a 100 for the present request
    bool answer_is_chunked_ = false;
    bool owes_bytes_ = false;     // at the last check: to take
    bool awaits_reader_ = false;  // idle, but its last answer is not all taken
    bool answer_begun_ = false;
    bool answer_done_ = false;
    bool request_paused_ = false;
    transport::PeerAddress address_;
};

}  // namespace mcpgw::client
