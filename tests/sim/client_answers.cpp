// Receiving: answers in order, each judged by the ledger; silence that should not be; and the ends
// of connections, which the gateway may bring about for few reasons.
#include <algorithm>
#include <utility>

#include "common/limits.h"
#include "tests/sim/client.h"

namespace mcpgw::sim {
namespace {

using Fault = Conduct::Fault;

}  // namespace

void Client::on_news() {
    if (wire_ == nullptr) return;
    write();
    if (wire_ != nullptr) read();
    if (wire_ == nullptr) return;
    if (wire_->is_reset() || wire_->ended()) end_of_connection();
}

void Client::read() {
    if (reading_planned_ || stops_reading_) return;
    while (wire_ != nullptr && !wire_->readable().empty() && !stops_reading_) {
        const Conduct conduct = under_way_.empty() ? Conduct() : under_way_.front().conduct;
        std::size_t count = wire_->readable().size();
        if (conduct.read_max > 0) count = std::min(count, conduct.read_max);
        const std::string bytes(wire_->readable().substr(0, count));
        wire_->read(count);
        last_byte_ = world().now();
        world().note(who_, "gets %lld bytes", static_cast<std::int64_t>(count));
        std::string_view rest = bytes;
        const std::uint64_t connection = connection_;
        while (connection == connection_) {
            const MessageReader::Event event = reader_.next(rest);
            if (event == MessageReader::Event::needs_more) break;
            take(event);
        }
        if (conduct.read_max == 0 || connection != connection_) continue;
        reading_planned_ = true;
        world().after(conduct.read_pause, [this, connection] {
            if (connection != connection_) return;
            reading_planned_ = false;
            on_news();
        });
        return;
    }
}

void Client::take(MessageReader::Event event) {
    switch (event) {
        case MessageReader::Event::head:
            if (under_way_.empty())
                World::fail("a client gets an answer that it has not asked for");
            return take_head(reader_.head());
        case MessageReader::Event::body: {
            check_.take(reader_.piece());
            under_way_.front().ask->got_by_client += reader_.piece().size();
            const Conduct& conduct = under_way_.front().conduct;
            if (check_.bytes() < conduct.at) return;
            if (conduct.fault == Fault::leaves_later) return leave(conduct.by_reset);
            if (conduct.fault == Fault::stops_reading) stop_reading();
            return;
        }
        case MessageReader::Event::end:
            return take_end();
        case MessageReader::Event::broken:
            World::fail("client " + std::to_string(who_.number) +
                        " gets an answer that is not valid HTTP/1.1");
        case MessageReader::Event::needs_more:
            return;
    }
}

void Client::stop_reading() {
    stops_reading_ = stalled_ = true;
    world().note(who_, "reads no more");
    const Ask& ask = *under_way_.front().ask;
    Nanos takes = ask.answer.think;
    for (const AnswerPlan::Piece& piece : ask.answer.pieces)
        takes += piece.pause;
    if (ask.answer.is_stream) {  // silence is no stall: it may last as long as the stream
        world().after(takes + kSecond, [this, c = connection_, stall = stall_] {
            if (c == connection_ && stall == stall_) leave(true);
        });
        return;
    }
    watch_stall(static_cast<std::uint32_t>(takes / kMillisecond) +
                3 * limits::send_stall_timeout_ms + 2 * limits::client_idle_timeout_ms);
}

void Client::take_interim(const MessageHead& head) {
    const Ask& ask = *under_way_.front().ask;
    if (head.status() == 100 && ask.expects_continue) return release_body();
    if (ask.answer.interim == 0) fail_ask(ask, "gets an interim answer that nobody has sent");
}

void Client::take_head(const MessageHead& head) {
    const int status = head.status();
    Ask& ask = *under_way_.front().ask;
    if (status >= 100 && status < 200) return take_interim(head);
    answer_begun_ = true;
    const std::string_view answer = head.find("X-Sim-Answer");
    const bool from_server = !answer.empty();
    ask.status = status;
    if (from_server && answer != std::to_string(ask.id))
        fail_ask(ask, "gets the answer to request " + std::string(answer));
    if (from_server && ask.own_status != 0)
        fail_ask(ask, "is answered by a server, and the gateway should have done so");
    if (from_server && status != ask.answer.status) fail_ask(ask, "gets another status");
    if (from_server && !head.find("Server").empty()) fail_ask(ask, "gets a field that stops here");
    if (head.find("Connection") == "close") ends_after_ = true;
    if (ask.http10 && head.find("Connection") != "keep-alive") ends_after_ = true;
    sealed_ = head.find("Mcp-Session-Id");
    if (from_server && ask.opens_session != sealed_.starts_with("v1."))
        fail_ask(ask, "gets a session id, or none, and it should be otherwise");
    check_.begin(ask, from_server);
    if (from_server && ask.answer.is_stream && under_way_.front().conduct.read_max == 0)
        watch_silence();
}

// A stream that is silent between events is kept alive by comments.
void Client::watch_silence() {
    const Nanos limit = limits::sse_keepalive_ms * kMillisecond + ledger_.slack();
    world().at(last_byte_ + limit, [this, limit, c = connection_, id = under_way_.front().ask->id,
                                    frozen = world().frozen()] {
        if (c != connection_ || under_way_.empty() || under_way_.front().ask->id != id) return;
        const bool silent = last_byte_ + limit <= world().now() && frozen == world().frozen();
        const Ask& ask = *under_way_.front().ask;
        const bool disturbed = (ask.excuses & (excuse::hardship | excuse::client)) != 0;
        if (silent && !disturbed && check_.at_border() && !stalled_)
            fail_ask(ask, "its event stream is silent, and no comment keeps it alive");
        if (silent || frozen != world().frozen()) last_byte_ = world().now();
        watch_silence();
    });
}

void Client::judge_own_answer(Ask& ask) {
    const std::string& text = check_.text();
    const bool named =
        !ask.jsonrpc_id.empty() && text.find("\"id\":" + ask.jsonrpc_id + ",") != std::string::npos;
    const bool nameless = text.find("\"id\":null,") != std::string::npos;
    const bool is_mcp = ask.status >= 400 && !ask.adapter.empty();
    if (is_mcp && (text.find("\"error\"") == std::string::npos || (!named && !nameless)))
        fail_ask(ask, "is refused without a JSON-RPC error: " + text);
    world().note(who_, "has the gateway's own answer, %lld bytes",
                 static_cast<std::int64_t>(text.size()));
    ledger_.refused(ask, ask.status);
}

void Client::take_end() {
    const Errand errand = under_way_.front();
    Ask& ask = *errand.ask;
    if (!check_.from_server()) {
        judge_own_answer(ask);
    } else if (check_.judge(true)) {
        ledger_.answered(ask);
        if (ask.opens_session) {
            session_ = {sealed_, "sid-" + std::to_string(ask.id), ask.instance};
            session_adapter_ = ask.adapter;
        }
        if (ask.ends_session && ask.status < 300 && !session_.sealed.empty() &&
            ask.session.sealed == session_.sealed)
            session_.surely_ended = true;
    } else {
        const bool blurred =
            ask.answer.is_stream || ask.answer.framing == AnswerPlan::Framing::until_close;
        if (!blurred) fail_ask(ask, "gets an answer that looks complete and is not");
        ledger_.cut(ask);
    }
    if (ask.status == 404 && !ask.session.sealed.empty()) session_ = {};
    under_way_.pop_front();
    answer_begun_ = false;
    if (errand.conduct.fault == Fault::stops_sending ||
        errand.conduct.fault == Fault::stops_reading)
        stalled_ = stops_reading_ = false;
    ++stall_;
    const bool unsent = !outbox_.empty() && under_way_.empty();
    if (unsent) ends_after_ = true;
    const bool last_of_half = half_closed_ && under_way_.empty();
    if (ends_after_ || last_of_half) return end_after_answer(errand.conduct);
    next();
}

// The gateway said, or knows, that this was the last answer of the connection.
void Client::end_after_answer(const Conduct& conduct) {
    if (!conduct.lingers && !half_closed_) return end_of_connection();
    const Wire* wire = wire_;
    if (!reads_slowly_ && !half_closed_)
        world().expect(
            world().now() + ledger_.slack(),
            [this, wire, c = connection_] {
                return c != connection_ || wire->ended() || wire->gateway_closed();
            },
            "the gateway does not end its side for client " + std::to_string(who_.number));
    const Nanos patience = half_closed_ ? 0 : limits::linger_timeout_ms * kMillisecond;
    world().expect(
        world().now() + patience + ledger_.slack(),
        [this, wire, c = connection_] { return c != connection_ || wire->gateway_closed(); },
        "the gateway does not end the connection of client " + std::to_string(who_.number));
}

void Client::end_of_connection() {
    Wire* wire = std::exchange(wire_, nullptr);
    world().note(who_, wire->is_reset() ? "its connection is reset" : "its connection ends");
    ++connection_;
    const bool ended_well = !wire->is_reset();
    wire->close();
    outbox_.clear();
    held_back_ = std::string::npos;
    stalled_ = stops_reading_ = writing_planned_ = reading_planned_ = false;
    const bool idle_end = keeps_idle_ || under_way_.empty();
    if (idle_end && !ends_after_ && !half_closed_) judge_idle_end(*wire);
    // An answer without a length is complete when the connection ends.
    if (answer_begun_ && ended_well && reader_.may_end() && under_way_.front().ask->http10)
        take_end_by_close();
    excuse_those_cut(*wire);
    for (const Errand& errand : std::exchange(under_way_, {}))
        ledger_.cut(*errand.ask);
    answer_begun_ = ends_after_ = half_closed_ = keeps_idle_ = false;
    next();
}

// What the end of the connection itself explains.
void Client::excuse_those_cut(const Wire& wire) {
    if (under_way_.empty()) return;
    Ask& first = *under_way_.front().ask;
    if (answer_begun_ && check_.from_server()) static_cast<void>(check_.judge(false));
    // The gateway counts from when it has sent the last answer, which a slow reader may get much
    // later: its next request may meet the very end.
    const bool too_late = first.sent_at + ledger_.slack() >= wire.gateway_ended_at();
    if (was_idle(wire) && too_late && !answer_begun_ && first.deliveries == 0)
        first.excuses |= excuse::closing;
    if (crowded_ && !answer_begun_ && first.deliveries == 0) first.excuses |= excuse::closing;
    // A reset may destroy answers that have arrived. It is fair when the gateway had said that it
    // ends and waited, or when it had to break off a later answer.
    const Nanos linger = limits::linger_timeout_ms * kMillisecond;
    const bool waited = wire.gateway_fin_at() != kNever &&
                        world().now() + ledger_.slack() >= wire.gateway_fin_at() + linger;
    const bool later_fault = std::ranges::any_of(under_way_, [](const Errand& errand) {
        return (errand.ask->excuses & (excuse::answer_cut | excuse::client)) != 0;
    });
    const std::size_t got = answer_begun_ ? check_.bytes() : 0;
    const std::size_t unread = wire.lost_bytes() + wire.readable().size();
    const bool may_be_refused = first.deliveries == 0 || ledger_.has_reason_to_refuse(first);
    const bool refused = answer_begun_ ? !check_.from_server() : may_be_refused;
    const bool was_sent = refused ? got + unread > 0 : got + unread >= first.answer.body.size();
    if (wire.is_reset() && was_sent && (waited || later_fault)) first.excuses |= excuse::closing;
    if (frozen_ != world().frozen()) first.excuses |= excuse::frozen;
    for (const Errand& errand : under_way_)
        if (errand.ask != &first || ends_after_ || half_closed_)
            errand.ask->excuses |= excuse::closing;
}

void Client::take_end_by_close() {
    Ask& ask = *under_way_.front().ask;
    if (!check_.from_server())
        judge_own_answer(ask);
    else if (check_.judge(true))
        ledger_.answered(ask);
    else
        ledger_.cut(ask);
    under_way_.pop_front();
    answer_begun_ = false;
}

// Whether the gateway had sent nothing for so long before it ended the connection.
bool Client::was_silent(const Wire& wire, std::uint32_t milliseconds) {
    const Nanos end = std::min(wire.gateway_ended_at(), world().now());
    const Nanos least = milliseconds * kMillisecond;
    return end + world().frozen() + ledger_.slack() >= wire.gateway_active_at() + least;
}

// ... as long as it waits for the next request.
bool Client::was_idle(const Wire& wire) {
    return was_silent(wire, limits::client_idle_timeout_ms);
}

// Without a request the gateway may end the connection for two reasons.
void Client::judge_idle_end(const Wire& wire) {
    if (network_breaks_ || !may_connect_ || draining_) return;
    // While the machine stood still a slow reader has taken nothing.
    const bool stood_still = frozen_ != world().frozen();
    const bool took_nothing = stood_still && was_silent(wire, limits::send_stall_timeout_ms);
    if (!was_idle(wire) && !(reads_slowly_ && took_nothing))
        World::fail("the gateway ends the idle connection of client " +
                    std::to_string(who_.number) + " for no reason");
}

}  // namespace mcpgw::sim
