// Sending: from errands to bytes, connection after connection.
#include "tests/sim/client.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "common/limits.h"

namespace mcpgw::sim {
namespace {

using Fault = Conduct::Fault;

// A client that is told to wait for 100 Continue sends its body after so long anyway.
constexpr Nanos kContinuePatience = kSecond;

void append_chunked(std::string& out, std::string_view body, std::uint32_t salt, bool broken) {
    for (std::uint32_t n = salt; !body.empty(); n = n * 1664525U + 1013904223U) {
        const std::size_t size = std::min<std::size_t>(body.size(), 1 + (n >> 16) % 3000);
        char line[32];
        std::snprintf(line, sizeof line, "%zx\r\n", size);
        out += line;
        out += body.substr(0, size);
        out += broken ? "!!" : "\r\n";
        body.remove_prefix(size);
    }
    out += "0\r\n\r\n";
}

}  // namespace

Client::Client(Network& network, Ledger& ledger, std::uint32_t number)
    : network_(network), ledger_(ledger), who_{"client", number} {}

void Client::start(Nanos at) {
    world().at(at, [this] { next(); });
}

// --- The way from one request to the next

void Client::next() {
    if (finished_ || next_planned_ || stalled_) return;
    if (next_ == errands_.size()) {
        if (under_way_.empty()) finish();
        return;
    }
    const Errand& errand = errands_[next_];
    const bool faulty = !under_way_.empty() && (under_way_.back().conduct.fault != Fault::none ||
                                                under_way_.back().ask->http10);
    const bool must_wait = errand.conduct.waits_for_answers || ends_after_ || faulty;
    if (!under_way_.empty() && must_wait) return;
    if (wire_ != nullptr && (ends_after_ || half_closed_)) return;
    next_planned_ = true;
    world().after(errand.conduct.pause_before, [this] {
        next_planned_ = false;
        if (finished_ || stalled_) return;
        if (wire_ != nullptr && (ends_after_ || half_closed_)) return;
        send(errands_[next_++]);
        next();
    });
}

void Client::connect() {
    wire_ = &network_.connect("10.0." + std::to_string(who_.number / 250) + "." +
                              std::to_string(who_.number % 250 + 1));
    wire_->set_news([this] { on_news(); });
    wire_->set_on_cut([this] {
        for (const Errand& errand : under_way_)
            errand.ask->excuses |= excuse::client;
        network_breaks_ = true;
    });
    if (world().dice().chance(cut_permille_)) wire_->cut_after(world().dice().skewed(1, 6000));
    ++connection_;
    frozen_ = world().frozen();
    reader_ = MessageReader(MessageReader::Kind::response);
    outbox_.clear();
    answer_begun_ = ends_after_ = half_closed_ = network_breaks_ = false;
    last_byte_ = world().now();
    reads_slowly_ = false;
}

void Client::send(Errand& errand) {
    if (!may_connect_ && wire_ == nullptr) {
        ledger_.given_up(*errand.ask);
        return;
    }
    if (wire_ == nullptr) connect();
    Ask& ask = *errand.ask;
    ask.client = who_.number;
    const bool in_session = !ask.opens_session && !ask.modern && ask.own_status == 0;
    if (in_session && session_adapter_ == ask.adapter) ask.session = session_;
    if (ask.session.ended) ask.excuses |= excuse::session_over;
    if (ask.session.surely_ended) ask.own_status = 404;
    if (ask.ends_session) session_.ended = true;
    if (frozen_ != world().frozen()) ask.excuses |= excuse::frozen;
    reads_slowly_ = reads_slowly_ || errand.conduct.read_max > 0;
    if (errand.conduct.fault != Fault::none && errand.conduct.fault != Fault::half_closes)
        ask.excuses |= excuse::client;
    if (network_breaks_) ask.excuses |= excuse::client;
    ledger_.mark_sent(ask);
    if (before_sending) before_sending(ask);
    world().note(who_, "sends request %lld", ask.id);
    under_way_.push_back(errand);
    std::string text = text_of(errand);
    const Fault fault = errand.conduct.fault;
    if (fault == Fault::leaves || fault == Fault::stops_sending)
        text.resize(std::min(text.size() - 1, errand.conduct.at));
    stopped_in_head_ = text.find("\r\n\r\n") == std::string::npos;
    before_request_ = wire_->sent_by_gateway();
    outbox_ += text;
    if (ask.expects_continue && fault == Fault::none) {
        held_back_ = outbox_.size() - (text.size() - text.find("\r\n\r\n") - 4);
        world().after(kContinuePatience, [this, c = connection_] {
            if (c == connection_ && wire_ != nullptr) release_body();
        });
    }
    write();
}

std::string Client::text_of(const Errand& errand) const {
    const Ask& ask = *errand.ask;
    if (errand.conduct.fault == Fault::bad_head)
        return "POST " + ask.target + " HTTP/1.1\nHost: gateway\r\nBad Name : x\r\n\r\n";
    std::string text = ask.method + " " + ask.target + (ask.http10 ? " HTTP/1.0" : " HTTP/1.1");
    text += "\r\nHost: gateway\r\nX-Sim-Request: " + std::to_string(ask.id) + "\r\n" + ask.lines;
    if (!ask.session.sealed.empty()) text += "Mcp-Session-Id: " + ask.session.sealed + "\r\n";
    if (ask.modern) text += "MCP-Protocol-Version: 2026-07-28\r\n";
    if (ask.expects_continue) text += "Expect: 100-continue\r\n";
    if (ask.framing == Ask::Framing::length)
        text += "Content-Length: " + std::to_string(ask.body.size()) + "\r\n\r\n" + ask.body;
    else if (ask.framing == Ask::Framing::none)
        text += "\r\n";
    if (ask.framing == Ask::Framing::chunked) {
        text += "Transfer-Encoding: chunked\r\n\r\n";
        append_chunked(text, ask.body, ask.id, errand.conduct.fault == Fault::bad_chunk);
    }
    return text;
}

void Client::release_body() {
    if (held_back_ == std::string::npos) return;
    held_back_ = std::string::npos;
    write();
}

void Client::write() {
    if (wire_ == nullptr || writing_planned_ || outbox_.empty()) return;
    const Conduct& conduct = under_way_.empty() ? Conduct() : under_way_.back().conduct;
    const std::size_t most = conduct.write_max;
    while (!outbox_.empty()) {
        const std::size_t ready = std::min(outbox_.size(), held_back_);
        const std::size_t want = most > 0 ? std::min(most, ready) : ready;
        const std::size_t count = wire_->write(std::string_view(outbox_).substr(0, want));
        if (count == 0 || wire_ == nullptr) return;
        outbox_.erase(0, count);
        if (!under_way_.empty()) under_way_.back().ask->written_at = world().now();
        // Behind a refusal the gateway throws the rest away, and may take any amount.
        if (under_way_.size() == 1 && wire_->sent_by_gateway() == before_request_) {
            under_way_.front().ask->sent_by_client += count;
            ledger_.check_held(*under_way_.front().ask);
        }
        if (held_back_ != std::string::npos) held_back_ -= count;
        if (most > 0 && !outbox_.empty()) {
            writing_planned_ = true;
            world().after(conduct.write_pause, [this, c = connection_] {
                writing_planned_ = false;
                if (c == connection_) write();
            });
            return;
        }
    }
    if (!under_way_.empty()) all_written(under_way_.back());
}

// The last request has left, as far as it is meant to.
void Client::all_written(const Errand& errand) {
    const Conduct conduct = errand.conduct;
    switch (conduct.fault) {
        case Fault::leaves:
            return leave(conduct.by_reset);
        case Fault::stops_sending:
            stalled_ = true;
            world().note(who_, "sends no more");
            return watch_stall(stopped_in_head_ ? limits::head_timeout_ms
                                                : std::max(2 * limits::body_idle_timeout_ms,
                                                           limits::client_idle_timeout_ms));
        case Fault::half_closes:
            half_closed_ = true;
            return wire_->half_close();
        case Fault::none:
        case Fault::leaves_later:
        case Fault::stops_reading:
        case Fault::bad_head:
        case Fault::bad_chunk:
            return;
    }
}

// --- Leaving

void Client::leave(bool by_reset) {
    world().note(who_, "leaves");
    Wire* wire = std::exchange(wire_, nullptr);
    ++connection_;
    by_reset ? wire->reset() : wire->close();
    for (const Errand& errand : under_way_)
        ledger_.given_up(*errand.ask);
    under_way_.clear();
    outbox_.clear();
    held_back_ = std::string::npos;
    stalled_ = stops_reading_ = writing_planned_ = reading_planned_ = false;
    answer_begun_ = ends_after_ = half_closed_ = false;
    next();
}

// The client does nothing more; the gateway has to end the connection within its time, which begins
// when everything before is answered.
void Client::watch_stall(std::uint32_t milliseconds) {
    const Wire* wire = wire_;
    const Nanos patience = milliseconds * kMillisecond + ledger_.slack();
    const Nanos from = stops_reading_ ? world().now() : std::max(world().now(), last_byte_);
    world().expect(
        from + patience,
        [this, wire, from, milliseconds, c = connection_, stall = stall_,
         accepted = wire->accepted()] {
            if (c != connection_ || stall != stall_) return true;
            const bool goes_on = !stops_reading_ && (last_byte_ > from || under_way_.size() > 1);
            const bool starved = ledger_.last_hardship() >= from;
            if (goes_on || starved || !accepted || (answer_begun_ && !stops_reading_)) {
                watch_stall(milliseconds);
                return true;
            }
            if (!wire->gateway_closed()) return false;
            leave(false);
            return true;
        },
        "the gateway does not give up client " + std::to_string(who_.number) +
            ", which does nothing more");
}

void Client::finish() {
    if (wire_ != nullptr && stays_ && !ends_after_ && !half_closed_) {
        stays_ = false;
        return keep_idle();
    }
    if (keeps_idle_) return;
    finished_ = true;
    world().note(who_, "is done");
    world().after(0, [this] {
        if (on_finished) on_finished();
    });
    if (wire_ != nullptr) std::exchange(wire_, nullptr)->close();
    ++connection_;
}

// A connection that the gateway takes for idle ends, also when its slow client has not read the
// last answer and sends the next request into the end.
void Client::drain() {
    draining_ = true;
    for (const Errand& errand : under_way_)
        if (reads_slowly_) errand.ask->excuses |= excuse::draining;
}

void Client::keep_idle() {
    keeps_idle_ = true;
    world().note(who_, "stays without a request");
    // Of one that was found to read slowly it shows at the next look that it has its answer.
    const Nanos least =
        (limits::client_idle_timeout_ms + limits::slow_reader_check_ms) * kMillisecond;
    world().expect(
        world().now() + least + ledger_.slack(),
        [this, c = connection_] { return c != connection_; },
        "the gateway keeps an idle client beyond its time");
}

}  // namespace mcpgw::sim
