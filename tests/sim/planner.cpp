// Requests, the answers they will get, and how their clients behave: everything is drawn before the
// run, so that what happens in it does not change what is still to come.
#include <algorithm>
#include <array>

#include "common/limits.h"
#include "tests/sim/plan.h"

namespace mcpgw::sim {
namespace {

using Fault = Conduct::Fault;
using AnswerFault = AnswerPlan::Fault;

}  // namespace

std::string Planner::letters(std::size_t count) {
    std::string text(count, 'a');
    std::uint64_t bits = 0;
    for (std::size_t i = 0; i < count; ++i) {
        if (i % 8 == 0) bits = dice_.next();
        text[i] = static_cast<char>('a' + (bits & 0xff) % 26);
        bits >>= 8;
    }
    return text;
}

// Small pools and buffers get small bodies: a run shall be about its faults, not its bytes.
std::size_t Planner::body_size() {
    if (plan_.bulk) return static_cast<std::size_t>(dice_.between(200'000, 3'000'000));
    const std::size_t pool = std::size_t{plan_.kernel.buffers} * plan_.kernel.buffer_bytes;
    const std::size_t most = std::min<std::size_t>(
        {pool / 4, plan_.kernel.buffer_bytes * 200, plan_.weather.capacity_max * 16, 300'000});
    return static_cast<std::size_t>(dice_.skewed(0, most));
}

Errand Planner::draw(std::size_t index) {
    Errand errand;
    errand.ask = &ledger_.open();
    Ask& ask = *errand.ask;
    if (dice_.chance(120) && !(index == 0))
        own(ask);
    else
        forwarded(ask, index);
    conduct(errand, index);
    return errand;
}

// What the gateway answers by itself.
void Planner::own(Ask& ask) {
    static constexpr std::array<std::string_view, 3> kPaths{"/ping", "/healthz", "/nowhere"};
    ask.method = "GET";
    const std::uint64_t choice = dice_.below(5);
    if (choice < 3) {
        ask.target = kPaths[choice];
        ask.own_status = choice == 2 ? 404 : 200;
    } else {
        ask.adapter = choice == 3 ? "nobody" : plan_.adapters.front().name;
        ask.target = "/adapters/" + ask.adapter + "/mcp";
        ask.own_status = choice == 3 ? 404 : 405;
        ask.method = choice == 3 ? "POST" : "PUT";
        request_body(ask, "tools/list");
    }
}

void Planner::request_body(Ask& ask, std::string_view method) {
    ask.jsonrpc_id = std::to_string(ask.id);
    ask.framing = dice_.chance(300) ? Ask::Framing::chunked : Ask::Framing::length;
    ask.body = R"({"jsonrpc":"2.0","id":)" + ask.jsonrpc_id + R"(,"method":")";
    ask.body += method;
    ask.body += R"(","params":{"pad":")" + letters(body_size()) + "\"}}";
}

void Planner::forwarded(Ask& ask, std::size_t index) {
    ask.adapter = dice_.pick(std::span<const AdapterPlan>(plan_.adapters)).name;
    ask.target = "/adapters/" + ask.adapter + "/mcp";
    ask.opens_session = index == 0 ? dice_.chance(700) : dice_.chance(50);
    const bool without_body = !ask.opens_session && dice_.chance(150);
    ask.ends_session = without_body && dice_.chance(400);
    if (ask.opens_session) {
        request_body(ask, "initialize");
    } else if (without_body) {
        ask.method = ask.ends_session ? "DELETE" : "GET";
    } else {
        request_body(ask, "tools/call");
        ask.http10 = dice_.chance(40) && ask.framing == Ask::Framing::length;
        ask.expects_continue = !ask.http10 && dice_.chance(60);
        ask.modern = dice_.chance(120);
    }
    if (ask.http10 && dice_.chance(500)) ask.lines += "Connection: keep-alive\r\n";
    answer(ask);
}

// --- Answers

void Planner::answer(Ask& ask) {
    AnswerPlan& plan = ask.answer;
    const std::uint64_t framing = dice_.below(10);
    plan.framing = framing < 5   ? AnswerPlan::Framing::length
                   : framing < 9 ? AnswerPlan::Framing::chunked
                                 : AnswerPlan::Framing::until_close;
    plan.think = dice_.chance(500) ? 0 : dice_.below(50 * kMillisecond);
    if (plan_.slow_servers && dice_.chance(200)) plan.think = dice_.below(40 * kSecond);
    plan.early = dice_.chance(plan_.early_answers ? 600 : 50);
    plan.closes = dice_.chance(60);
    if (dice_.chance(80)) plan.interim = static_cast<unsigned>(dice_.between(1, 3));
    const bool may_stream = plan_.streams && !ask.opens_session && !ask.ends_session;
    if (may_stream && !ask.http10 && dice_.chance(ask.method == "GET" ? 900 : 400)) {
        stream(ask);
    } else if (!ask.opens_session && dice_.chance(60)) {
        plan.status = dice_.chance(500) ? 202 : 500;
        plan.body = plan.status == 202 ? "" : "{}";
    } else if (!ask.opens_session && dice_.chance(40)) {
        plan.status = 204;
        plan.framing = AnswerPlan::Framing::none;
    } else {
        plan.body = R"({"jsonrpc":"2.0","id":1,"result":")" + letters(body_size()) + "\"}";
    }
    if (!plan.is_stream) pieces(plan);
    if (dice_.chance(plan_.server_faults)) answer_fault(plan);
}

// The body in pieces, each after a pause.
void Planner::pieces(AnswerPlan& plan) {
    std::size_t at = 0;
    const std::size_t least = plan.body.size() / 40 + 1;
    while (at < plan.body.size()) {
        const auto size =
            static_cast<std::size_t>(dice_.between(least, least + plan.body.size() / 2));
        at = std::min(plan.body.size(), at + size);
        Nanos pause = dice_.chance(700) ? 0 : dice_.below(5 * kMillisecond);
        if (plan_.slow_servers && dice_.chance(150)) pause = dice_.below(8 * kSecond);
        plan.pieces.push_back({at, pause});
    }
}

void Planner::stream(Ask& ask) {
    AnswerPlan& plan = ask.answer;
    plan.is_stream = true;
    if (plan.framing == AnswerPlan::Framing::length) plan.framing = AnswerPlan::Framing::chunked;
    const Nanos pause_max = plan_.long_streams ? 20 * 60 * kSecond : 20 * kSecond;
    const std::uint64_t events = dice_.between(1, plan_.long_streams ? 10 : 20);
    const bool has_result = !ask.jsonrpc_id.empty() && dice_.chance(850);
    const std::uint64_t result_at = dice_.chance(800) ? events - 1 : dice_.below(events);
    for (std::uint64_t i = 0; i < events; ++i) {
        std::string event;
        if (dice_.chance(200)) event += "id: " + std::to_string(i) + "\n";
        if (has_result && i == result_at)
            event += R"(data: {"jsonrpc":"2.0","id":)" + ask.jsonrpc_id + R"(,"result":{"text":")";
        else
            event += R"(data: {"jsonrpc":"2.0","method":"notifications/progress","pad":")";
        event += letters(static_cast<std::size_t>(dice_.skewed(0, 600))) +
                 (has_result && i == result_at ? "\"}}\n\n" : "\"}\n\n");
        const Nanos pause = dice_.chance(500) ? 0 : dice_.below(pause_max);
        if (dice_.chance(250)) {  // an event in two pieces, with time between
            const std::size_t cut = plan.body.size() + dice_.below(event.size());
            plan.pieces.push_back({std::max(cut, plan.body.size() + 1), pause});
        }
        plan.body += event;
        plan.pieces.push_back({plan.body.size(), dice_.chance(300) ? dice_.below(kSecond) : pause});
        if (has_result && i == result_at) plan.result_end = plan.body.size();
    }
}

void Planner::answer_fault(AnswerPlan& plan) {
    static constexpr std::array<AnswerFault, 5> kFaults{
        AnswerFault::silent, AnswerFault::end_before, AnswerFault::end_inside,
        AnswerFault::broken_head, AnswerFault::broken_chunk};
    plan.fault = dice_.pick(std::span<const AnswerFault>(kFaults));
    plan.by_reset = dice_.chance(500);
    const bool chunked = plan.framing == AnswerPlan::Framing::chunked;
    if (plan.fault == AnswerFault::broken_chunk && (!chunked || plan.body.empty()))
        plan.fault = AnswerFault::end_before;
    if (plan.fault == AnswerFault::end_inside && plan.body.empty())
        plan.fault = AnswerFault::end_before;
    if (plan.fault != AnswerFault::end_inside) return;
    // Cut at any byte: the piece that holds it is cut there, too.
    plan.fault_at = static_cast<std::size_t>(dice_.below(plan.body.size()));
    const auto cut = std::ranges::find_if(
        plan.pieces, [&plan](const auto& piece) { return piece.end > plan.fault_at; });
    const Nanos pause = cut->pause;
    plan.pieces.erase(cut, plan.pieces.end());
    if (plan.pieces.empty() || plan.pieces.back().end < plan.fault_at)
        plan.pieces.push_back({plan.fault_at, pause});
}

// --- Conduct

void Planner::conduct(Errand& errand, std::size_t index) {
    Conduct& conduct = errand.conduct;
    conduct.pause_before = dice_.chance(600) ? 0 : dice_.below(200 * kMillisecond);
    if (dice_.chance(60)) conduct.pause_before = dice_.below(10 * kSecond);
    conduct.waits_for_answers = index == 0 || !plan_.pipelining || dice_.chance(300);
    conduct.lingers = dice_.chance(200);
    const unsigned slow = plan_.early_answers ? 800 : 350;
    if (plan_.slow_clients && dice_.chance(slow)) {
        conduct.write_max =
            static_cast<std::size_t>(dice_.between(1, 200)) + errand.ask->body.size() / 100;
        // A head must be out within its deadline, also byte by byte.
        conduct.write_pause =
            dice_.below(std::min<Nanos>(100, 20 * conduct.write_max) * kMillisecond);
    }
    if (plan_.slow_clients && dice_.chance(slow)) {
        conduct.read_max =
            static_cast<std::size_t>(dice_.between(1, 400)) + errand.ask->answer.body.size() / 200;
        conduct.read_pause = dice_.below(kSecond);
    }
    if (dice_.chance(plan_.client_faults)) client_fault(errand);
    if (conduct.fault != Fault::none) conduct.write_max = 0;
}

void Planner::client_fault(Errand& errand) {
    static constexpr std::array<Fault, 7> kFaults{
        Fault::leaves,        Fault::leaves_later, Fault::half_closes, Fault::stops_sending,
        Fault::stops_reading, Fault::bad_head,     Fault::bad_chunk};
    Conduct& conduct = errand.conduct;
    Ask& ask = *errand.ask;
    conduct.fault = dice_.pick(std::span<const Fault>(kFaults));
    conduct.by_reset = dice_.chance(500);
    ask.expects_continue = false;
    switch (conduct.fault) {
        case Fault::leaves:
        case Fault::stops_sending:
            conduct.at = static_cast<std::size_t>(dice_.between(1, 200 + ask.body.size()));
            return;
        case Fault::leaves_later:
        case Fault::stops_reading:
            conduct.at = static_cast<std::size_t>(dice_.between(1, ask.answer.body.size() + 1));
            return;
        case Fault::half_closes:
            if (ask.answer.is_stream || ask.modern) ask.excuses |= excuse::client;
            return;
        case Fault::bad_head:
        case Fault::bad_chunk:
            return bad_request(errand);
        case Fault::none:
            return;
    }
}

void Planner::bad_request(Errand& errand) {
    Ask& ask = *errand.ask;
    if (errand.conduct.fault == Fault::bad_head) {
        ask.own_status = 400;
        ask.adapter.clear();
        ask.opens_session = ask.ends_session = false;
        ask.jsonrpc_id.clear();
    } else if (ask.framing != Ask::Framing::chunked || ask.body.empty() || ask.own_status != 0) {
        errand.conduct.fault = Fault::none;
    }
}

}  // namespace mcpgw::sim
