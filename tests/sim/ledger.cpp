// Which end a request may have.
#include "tests/sim/ledger.h"

#include <charconv>

namespace mcpgw::sim {
namespace {

Who who(const Ask& ask) {
    return {"ask", ask.id};
}

// The excuses with which the gateway may answer with this status instead of the server.
unsigned reasons_for(int status) {
    using namespace excuse;
    switch (status) {
        case 400:  // a server/discover probe; a body whose framing is broken
        case 413:
            return client;
        case 404:
            return table | session_over;
        case 502:
            return server | slow_server | frozen | hardship;
        case 503:
            return table | hardship | draining;
        case 504:
            return slow_server | frozen | hardship | server | client;
        default:
            return 0;
    }
}

}  // namespace

void fail_ask(const Ask& ask, const std::string& what) {
    World::fail("request " + std::to_string(ask.id) + " of client " + std::to_string(ask.client) +
                ": " + what);
}

Ask& Ledger::open() {
    Ask& ask = asks_.emplace_back();
    ask.id = static_cast<std::uint32_t>(asks_.size());
    ++waiting_;
    return ask;
}

Ask* Ledger::find(std::string_view id_text) {
    std::size_t id = 0;
    const auto done = std::from_chars(id_text.data(), id_text.data() + id_text.size(), id);
    if (done.ec != std::errc{} || id == 0 || id > asks_.size()) return nullptr;
    return &asks_[id - 1];
}

void Ledger::mark_sent(Ask& ask) {
    ask.sent = true;
    ask.sent_at = ask.written_at = world_.now();
    ask.excuses |= standing_;
}

void Ledger::excuse_all(unsigned excuses) {
    for (Ask& ask : asks_)
        if (ask.fate == Ask::Fate::waiting && ask.sent) ask.excuses |= excuses;
}

void Ledger::excuse_adapter(const std::string& adapter, unsigned excuses) {
    for (Ask& ask : asks_)
        if (ask.fate == Ask::Fate::waiting && ask.sent && ask.adapter == adapter)
            ask.excuses |= excuses;
}

void Ledger::meet_hardship() {
    last_hardship_ = world_.now();
    excuse_all(excuse::hardship);
}

void Ledger::trouble_at(const std::string& adapter) {
    trouble_[adapter] = world_.now();
}

void Ledger::deliver(Ask& ask, std::uint64_t instance) {
    ++ask.deliveries;
    ask.instance = instance;
    ask.delivered_at = world_.now();
    world_.note(who(ask), "reaches a server, delivery %lld", ask.deliveries);
    if (!ask.sent) fail_ask(ask, "reaches a server before it was sent");
    if (ask.method == "POST" && ask.deliveries > 1)
        fail_ask(ask, "a POST is delivered a second time");
}

unsigned Ledger::excuses_of(const Ask& ask) const {
    const auto trouble = trouble_.find(ask.adapter);
    const bool troubled = trouble != trouble_.end() && trouble->second + slack_ >= ask.sent_at;
    return ask.excuses | (troubled ? excuse::server : 0);
}

bool Ledger::has_reason_to_refuse(const Ask& ask) const {
    return (excuses_of(ask) & reasons_for(502)) != 0;
}

void Ledger::close(Ask& ask, Ask::Fate fate) {
    if (ask.fate != Ask::Fate::waiting) fail_ask(ask, "ends twice");
    ask.fate = fate;
    --waiting_;
    if (ask.status != 0) ++statuses_[ask.status];
}

void Ledger::answered(Ask& ask) {
    world_.note(who(ask), "is answered with %lld", ask.status);
    if (ask.own_status == 0 && ask.deliveries == 0)
        fail_ask(ask, "is answered, and no server has got it");
    close(ask, Ask::Fate::answered);
}

void Ledger::refused(Ask& ask, int status) {
    world_.note(who(ask), "is refused with %lld, excuses %llx", status, excuses_of(ask));
    ask.status = status;
    unsigned excuses = excuses_of(ask);
    if (ask.own_status != 0) excuses &= excuse::draining | excuse::hardship | excuse::client;
    if (ask.own_status != status && (excuses & reasons_for(status)) == 0)
        fail_ask(ask, "is refused with " + std::to_string(status) + " for no reason");
    close(ask, Ask::Fate::refused);
}

void Ledger::cut(Ask& ask) {
    using namespace excuse;
    world_.note(who(ask), "is cut, excuses %llx", excuses_of(ask));
    if ((ask.excuses &
         (client | answer_cut | slow_server | hardship | draining | frozen | closing)) == 0)
        fail_ask(ask, "the client's connection ends without an answer for no reason");
    close(ask, Ask::Fate::cut);
}

void Ledger::given_up(Ask& ask) {
    world_.note(who(ask), "is given up");
    close(ask, Ask::Fate::given_up);
}

void Ledger::check_held(const Ask& ask) const {
    const bool forwarded = ask.own_status == 0 && ask.status == 0;
    // The rest of a session's request whose server broke is thrown away already while the gateway
    // waits for news of the instance.
    const bool awaits_news = !ask.session.sealed.empty() && (excuses_of(ask) & excuse::server) != 0;
    if (forwarded && !awaits_news && ask.sent_by_client > ask.got_by_server + held_max_)
        fail_ask(ask, "the gateway takes more of the request than its queues may hold");
    if (ask.sent_by_server > ask.got_by_client + held_max_)
        fail_ask(ask, "the gateway takes more of the answer than its queues may hold");
}

void Ledger::print_waiting(std::FILE* out) const {
    for (const Ask& ask : asks_)
        if (ask.fate == Ask::Fate::waiting && ask.sent)
            std::fprintf(out, "waiting: request %u of client %u, %s %s, %zu of %zu bytes, %u %s\n",
                         ask.id, ask.client, ask.method.c_str(), ask.target.c_str(),
                         ask.got_by_server, ask.body.size(), ask.deliveries,
                         ask.deliveries == 1 ? "delivery" : "deliveries");
}

std::uint64_t Ledger::answers_with(int status) const {
    const auto found = statuses_.find(status);
    return found == statuses_.end() ? 0 : found->second;
}

}  // namespace mcpgw::sim
