// A connection as the server sees it: reading and judging requests, writing answers as planned.
#include "tests/sim/server.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "common/limits.h"

namespace mcpgw::sim {
namespace {

using Framing = AnswerPlan::Framing;
using AnswerFault = AnswerPlan::Fault;

std::string head_of(const Ask& ask) {
    const AnswerPlan& plan = ask.answer;
    std::string head = "HTTP/1.1 " + std::to_string(plan.status) + " Planned\r\n";
    head += "X-Sim-Answer: " + std::to_string(ask.id) + "\r\nServer: sim\r\n";
    head += plan.is_stream ? "Content-Type: text/event-stream\r\n"
                           : "Content-Type: application/json\r\n";
    if (ask.opens_session) head += "Mcp-Session-Id: sid-" + std::to_string(ask.id) + "\r\n";
    if (plan.framing == Framing::length)
        head += "Content-Length: " + std::to_string(plan.body.size()) + "\r\n";
    if (plan.framing == Framing::chunked) head += "Transfer-Encoding: chunked\r\n";
    if (plan.closes) head += "Connection: close\r\n";
    return head + "\r\n";
}

}  // namespace

class Server::Line {
  public:
    Line(Server& server, Wire& wire, std::uint32_t number)
        : server_(server), wire_(wire), who_{"server", number} {
        wire_.set_news([this] { on_news(); });
        wire_.set_on_cut([this] { blame(); });
    }
    void kill() {
        if (over_) return;
        blame();
        wire_.reset();
        over_ = true;
    }
    [[nodiscard]] bool over() const { return over_; }

  private:
    enum class Phase : std::uint8_t { idle, thinking, answering, done };

    [[nodiscard]] World& world() { return server_.network_.world(); }
    void on_news();
    void read();
    void take(MessageReader::Event event);
    void take_head(const MessageHead& head);
    void judge_head(const MessageHead& head) const;
    void begin_to_think();
    void watch_first_byte(const Ask& ask);
    void begin_answer();
    void write();
    void queue_piece();
    void fail_as_planned();
    void finish_answer();
    void become_idle();
    void watch_idle(const Ask& last);
    void blame();
    void blame_until_heard(Nanos by);
    void later(Nanos pause, void (Line::*what)());

    Server& server_;
    Wire& wire_;
    Who who_;
    MessageReader reader_{MessageReader::Kind::request};
    Ask* ask_ = nullptr;
    Ask* last_ = nullptr;  // the one before
    Phase phase_ = Phase::idle;
    bool over_ = false;
    bool request_read_ = true;
    bool head_sent_ = false;
    bool blamed_ = false;
    bool end_queued_ = false;  // the last chunk
    bool reading_planned_ = false;
    bool writing_planned_ = false;
    std::uint64_t turn_ =
        0;  // counts requests and idle times, so that old timers are known as such
    std::size_t next_piece_ = 0;
    std::size_t body_queued_ = 0;
    std::string outbox_;
};

// --- Ends

// What goes wrong on this connection now is the server's doing.
void Server::Line::blame() {
    if (over_) return;
    blamed_ = true;
    server_.ledger_.trouble_at(server_.options_.adapter);
    if (ask_ != nullptr) ask_->excuses |= head_sent_ ? excuse::answer_cut : excuse::server;
    // An answer that has been sent may still be on its way.
    const bool unread = last_ != nullptr && last_->fate == Ask::Fate::waiting;
    if (unread) last_->excuses |= excuse::answer_cut;
}

void Server::Line::on_news() {
    if (over_) return;
    if (wire_.is_reset()) {
        over_ = true;
        return;
    }
    read();
    if (over_) return;
    write();
    if (wire_.ended() && !over_) {
        wire_.close();
        over_ = true;
    }
}

void Server::Line::later(Nanos pause, void (Line::*what)()) {
    world().after(pause, [this, turn = turn_, what] {
        if (!over_ && turn == turn_) (this->*what)();
    });
}

// --- Requests

void Server::Line::read() {
    if (reading_planned_) return;
    const std::size_t most = server_.options_.read_max;
    std::size_t count = wire_.readable().size();
    if (most > 0) count = std::min(count, most);
    if (count == 0) return;
    const std::string bytes(wire_.readable().substr(0, count));
    wire_.read(count);
    std::string_view rest = bytes;
    while (!over_) {
        const MessageReader::Event event = reader_.next(rest);
        if (event == MessageReader::Event::needs_more) break;
        take(event);
    }
    if (over_ || most == 0) return;
    reading_planned_ = true;
    world().after(server_.options_.read_pause, [this] {
        reading_planned_ = false;
        on_news();
    });
}

void Server::Line::take(MessageReader::Event event) {
    switch (event) {
        case MessageReader::Event::head:
            return take_head(reader_.head());
        case MessageReader::Event::body: {
            const std::string_view piece = reader_.piece();
            const std::string_view expected =
                std::string_view(ask_->body)
                    .substr(std::min(ask_->got_by_server, ask_->body.size()));
            if (!expected.starts_with(piece))
                fail_ask(*ask_, "the server gets other bytes than the client has sent");
            ask_->got_by_server += piece.size();
            ask_->delivered_at = world().now();
            return;
        }
        case MessageReader::Event::end:
            if (ask_->got_by_server != ask_->body.size())
                fail_ask(*ask_, "the server gets less than the client has sent");
            request_read_ = true;
            if (phase_ == Phase::idle) begin_to_think();
            if (phase_ == Phase::done) become_idle();
            return;
        case MessageReader::Event::broken:
            World::fail("a server gets a request that is not valid HTTP/1.1");
        case MessageReader::Event::needs_more:
            return;
    }
}

void Server::Line::take_head(const MessageHead& head) {
    if (ask_ != nullptr) World::fail("a server gets a request while it answers another one");
    ask_ = server_.ledger_.find(head.find("X-Sim-Request"));
    if (ask_ == nullptr) World::fail("a server gets a request that nobody has sent");
    ++turn_;
    request_read_ = false;
    head_sent_ = end_queued_ = false;
    phase_ = Phase::idle;
    next_piece_ = body_queued_ = 0;
    server_.ledger_.deliver(*ask_, server_.options_.instance);
    ask_->got_by_server = ask_->sent_by_server = 0;  // of an earlier delivery, if there was one
    judge_head(head);
    if (server_.options_.read_max > 0) ask_->excuses |= excuse::slow_server;
    if (ask_->answer.early) begin_to_think();
}

void Server::Line::judge_head(const MessageHead& head) const {
    const Ask& ask = *ask_;
    if (head.start != ask.method + " /mcp HTTP/1.1") fail_ask(ask, "has another request line");
    if (head.find("Host") != "server:" + std::to_string(server_.options_.port))
        fail_ask(ask, "has another Host");
    if (head.find("X-Mcp-UserId") != "dev") fail_ask(ask, "does not say who asks");
    if (!head.find("Connection").empty()) fail_ask(ask, "has a hop-by-hop field of its client");
    const std::string_view session = head.find("Mcp-Session-Id");
    if (session != ask.session.server_id) fail_ask(ask, "is sent with another session id");
    if (!ask.session.server_id.empty() && ask.session.instance != server_.options_.instance)
        fail_ask(ask, "reaches another instance than the one that holds its session");
    const bool chunked = !head.find("Transfer-Encoding").empty();
    if (chunked != (ask.framing == Ask::Framing::chunked)) fail_ask(ask, "has another framing");
}

// --- Answers

void Server::Line::begin_to_think() {
    phase_ = Phase::thinking;
    const AnswerPlan& plan = ask_->answer;
    const Nanos deadline = server_.options_.first_byte;
    const bool silent = plan.fault == AnswerFault::silent;
    // The time begins when the gateway has the request, of which the server gets the last byte
    // later.
    const Nanos late = world().now() + plan.think + server_.ledger_.slack() - ask_->written_at;
    if (silent || (deadline > 0 && late >= deadline)) {
        ask_->excuses |= excuse::slow_server;
        if (deadline > 0) watch_first_byte(*ask_);
    }
    if (!silent) later(plan.think, &Line::begin_answer);
}

// The deadline begins again with every part of the request that the gateway gets.
void Server::Line::watch_first_byte(const Ask& ask) {
    const Nanos last = ask.delivered_at;
    world().expect(
        world().now() + server_.options_.first_byte + server_.ledger_.slack(),
        [this, last, &ask, turn = turn_] {
            if (over_ || turn != turn_ || phase_ != Phase::thinking) return true;
            if (ask.delivered_at > last) watch_first_byte(ask);
            return ask.delivered_at > last;
        },
        "the first-byte deadline of request " + std::to_string(ask.id) + " has passed");
}

void Server::Line::begin_answer() {
    const AnswerPlan& plan = ask_->answer;
    phase_ = Phase::answering;
    world().note(who_, "answers request %lld", ask_->id);
    if (plan.fault == AnswerFault::end_before) return fail_as_planned();
    if (plan.fault == AnswerFault::broken_head) {
        blame();
        outbox_ = "HTTP/1.1 2x0 What\r\nX-Sim-Answer 1\r\n\r\n";
        return write();
    }
    for (unsigned i = 0; i < plan.interim; ++i)
        outbox_ += "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
    outbox_ += head_of(*ask_);
    head_sent_ = true;
    if (blamed_) ask_->excuses |= excuse::answer_cut;  // the end is on its way already
    write();
}

void Server::Line::queue_piece() {
    const AnswerPlan& plan = ask_->answer;
    const std::size_t end = plan.pieces[next_piece_++].end;
    const std::string_view piece =
        std::string_view(plan.body).substr(body_queued_, end - body_queued_);
    body_queued_ = end;
    if (plan.framing != Framing::chunked) {
        outbox_ += piece;
        return;
    }
    char size[32];
    std::snprintf(size, sizeof size, "%zx\r\n", piece.size());
    outbox_ += size;
    outbox_ += piece;
    outbox_ += plan.fault == AnswerFault::broken_chunk ? "xx" : "\r\n";
}

void Server::Line::write() {
    if (phase_ != Phase::answering || writing_planned_) return;
    const AnswerPlan& plan = ask_->answer;
    while (true) {
        while (!outbox_.empty()) {
            const std::size_t count = wire_.write(outbox_);
            if (count == 0) return;
            outbox_.erase(0, count);
            ask_->sent_by_server += count;
            server_.ledger_.check_held(*ask_);
        }
        if (plan.fault == AnswerFault::broken_head) return;
        if (plan.fault == AnswerFault::end_inside && body_queued_ >= plan.fault_at)
            return fail_as_planned();
        if (next_piece_ == plan.pieces.size()) return finish_answer();
        const Nanos pause = plan.pieces[next_piece_].pause;
        if (server_.options_.idle > 0 && pause + server_.ledger_.slack() >= server_.options_.idle)
            ask_->excuses |= excuse::slow_server | excuse::answer_cut;
        if (plan.fault == AnswerFault::broken_chunk) blame();
        if (pause > 0) {
            writing_planned_ = true;
            world().after(pause, [this, turn = turn_] {
                writing_planned_ = false;
                if (over_ || turn != turn_) return;
                queue_piece();
                write();
            });
            return;
        }
        queue_piece();
    }
}

void Server::Line::fail_as_planned() {
    blame();
    ask_->answer.by_reset ? wire_.reset() : wire_.close();
    over_ = true;
}

void Server::Line::finish_answer() {
    const AnswerPlan& plan = ask_->answer;
    if (plan.framing == Framing::chunked && !std::exchange(end_queued_, true)) {
        outbox_ = "0\r\n\r\n";
        return write();
    }
    phase_ = Phase::done;
    world().note(who_, "has answered request %lld", ask_->id);
    if (plan.closes || plan.framing == Framing::until_close) {
        ++turn_;
        wire_.half_close();
        return;
    }
    if (request_read_) become_idle();
}

// Idle begins when the client has its answer; before, the gateway may still be busy with it.
void Server::Line::watch_idle(const Ask& last) {
    const bool waited = last.fate == Ask::Fate::waiting;
    const Nanos from = world().now();
    world().expect(
        world().now() + limits::backend_idle_timeout_ms * kMillisecond + server_.ledger_.slack(),
        [this, waited, from, &last, turn = turn_] {
            if (over_ || turn != turn_ || wire_.is_reset() || wire_.ended()) return true;
            const bool waits = waited || server_.ledger_.last_hardship() >= from;
            if (waits) watch_idle(last);
            return waits;
        },
        "the gateway keeps an idle connection to a server beyond its time");
}

// The gateway lets idle connections go in time, or uses them again; a server may be quicker.
void Server::Line::become_idle() {
    last_ = std::exchange(ask_, nullptr);
    phase_ = Phase::idle;
    ++turn_;
    watch_idle(*last_);
    if (server_.options_.closes_idle == 0) return;
    const Nanos known_by =
        world().now() + limits::backend_idle_timeout_ms * kMillisecond + server_.ledger_.slack();
    world().after(server_.options_.closes_idle, [this, known_by, turn = turn_] {
        if (over_ || turn != turn_) return;
        blame();
        world().note(who_, "ends an idle connection");
        wire_.close();
        over_ = true;
        blame_until_heard(known_by);
    });
}

// The gateway does not hear of the end while it holds back the answer from a slow client; it may
// use the connection then, but not when it has been deaf for as long as it keeps idle ones.
void Server::Line::blame_until_heard(Nanos by) {
    if (wire_.gateway_closed() || world().now() > by) return;
    server_.ledger_.trouble_at(server_.options_.adapter);
    world().after(server_.ledger_.slack() / 2, [this, by] { blame_until_heard(by); });
}

// --- Server

Server::Server(Network& network, Ledger& ledger, const ServerOptions& options)
    : network_(network), ledger_(ledger), options_(options) {
    Port& port = network_.port(options_.port);
    port.mode = Port::Mode::accepts;
    port.accept = [this](Wire& wire) { accept(wire); };
    port.on_failure = [this] { ledger_.excuse_adapter(options_.adapter, excuse::server); };
}

Server::~Server() = default;

void Server::accept(Wire& wire) {
    Dice& dice = network_.world().dice();
    if (dice.chance(options_.cut_permille)) wire.cut_after(dice.skewed(1, 4000));
    lines_.push_back(std::make_unique<Line>(
        *this, wire, static_cast<std::uint32_t>(wire.descriptor() % 100000)));
}

void Server::set_mode(Port::Mode mode) {
    network_.port(options_.port).mode = mode;
}

void Server::kill() {
    alive_ = false;
    network_.world().note({"server", options_.port}, "dies");
    set_mode(Port::Mode::refuses);
    ledger_.trouble_at(options_.adapter);
    for (const auto& line : lines_)
        line->kill();
}

}  // namespace mcpgw::sim
