// The load: runs of calls and of events.
#include "bench/load/load.h"

#include <cstdio>
#include <cstdlib>
#include <deque>

#include <unistd.h>

#include "bench/load/message.h"
#include "common/check.h"

namespace mcpgw::bench {
namespace {

// While connections are prepared: enough at a time to be quick, too few to overrun a backlog.
constexpr std::size_t kPreparedAtATime = 64;
// Coprime with every number of streams in use, so that all get turns and neighbours do not follow
// each other: events of real sessions come in no order, either.
constexpr std::size_t kStride = 7919;
// An open loop that takes this many times its planned duration has no latency to speak of.
constexpr Nanos kOverrunMax = 4;

[[noreturn]] void end_with(const std::string& why) {
    std::printf("failed %s\n", why.c_str());
    std::exit(1);
}

}  // namespace

Load::Load(std::uint16_t port) : server_(poller_, port), commands_(Kind::commands, STDIN_FILENO) {
    poller_.watch(commands_);
}

void Load::poll(bool spin) {
    news_.clear();
    for (const epoll_event& event : poller_.wait(spin ? 0 : -1)) {
        auto* watched = static_cast<Watched*>(event.data.ptr);
        switch (watched->kind()) {
            case Kind::commands: {
                std::array<char, 4096> text;
                const ssize_t bytes = read(STDIN_FILENO, text.data(), text.size());
                if (bytes <= 0) std::exit(0);  // the driver is gone
                input_.append(text.data(), static_cast<std::size_t>(bytes));
                break;
            }
            case Kind::listener:
                server_.on_listener();
                break;
            case Kind::server:
                static_cast<ServerConnection*>(watched)->on_ready(event.events);
                break;
            case Kind::client:
                static_cast<Client*>(watched)->on_ready(event.events);
                break;
        }
    }
    server_.bury();
    for (const News& news : news_)
        if (news.what == News::What::failed) end_with(news.client->failure());
}

std::string Load::next_command() {
    std::size_t end = input_.find('\n');
    for (; end == std::string::npos; end = input_.find('\n')) {
        poll(false);
    }
    std::string line = input_.substr(0, end);
    input_.erase(0, end + 1);
    return line;
}

void Load::make_clients(const Plan& plan) {
    close_clients();
    target_ = plan.target;
    for (std::uint32_t number = 0; number < plan.clients; ++number)
        clients_.push_back(std::make_unique<Client>(poller_, target_, news_, number));
}

void Load::each(Step step, News::What until) {
    std::size_t begun = 0;
    std::size_t reached = 0;
    while (reached < clients_.size()) {
        for (; begun < clients_.size() && begun - reached < kPreparedAtATime; ++begun)
            (clients_[begun].get()->*step)();
        poll(false);
        for (const News& news : news_)
            if (news.what == until) ++reached;
    }
}

void Load::prepare_callers(const Plan& plan) {
    make_clients(plan);
    for (const auto& client : clients_)
        client->connect();
    each(&Client::initialize, News::What::answered);
    each(&Client::call, News::What::answered);
}

Outcome Load::run_calls(const Plan& plan) {
    latencies_.clear();
    const Nanos begin = monotonic_now();
    const std::uint64_t count =
        plan.rate_per_second > 0 ? run_open(begin, plan) : run_closed(begin, plan);
    return {count, monotonic_now() - begin};
}

void Load::call_again(Client& client, bool fresh) {
    client.due = monotonic_now();
    if (fresh) {
        client.disconnect();
        client.connect();
    }
    client.call();
}

// Whatever was begun is finished and counted, so that CPU time and count belong together.
std::uint64_t Load::run_closed(Nanos begin, const Plan& plan) {
    std::uint64_t count = 0;
    std::size_t outstanding = clients_.size();
    for (const auto& client : clients_)
        call_again(*client, plan.fresh);
    while (outstanding > 0) {
        poll(plan.spin);
        for (const News& news : news_) {
            const Nanos now = monotonic_now();
            latencies_.record(now - news.client->due);
            ++count;
            if (now - begin < plan.duration)
                call_again(*news.client, plan.fresh);
            else
                --outstanding;
        }
    }
    return count;
}

// A request that finds no free connection waits for one; its latency counts from when it was due,
// so a proxy that stops for a while is charged for every request of that while.
std::uint64_t Load::run_open(Nanos begin, const Plan& plan) {
    const std::uint64_t total = plan.rate_per_second * (plan.duration / kMillisecond) / 1000;
    std::uint64_t begun = 0;
    std::uint64_t answered = 0;
    std::deque<Client*> idle;
    for (const auto& client : clients_)
        idle.push_back(client.get());
    while (answered < total) {
        const Nanos now = monotonic_now();
        if (now - begin > kOverrunMax * plan.duration)
            end_with("the proxy does not keep up with the rate");
        while (begun < total && !idle.empty()) {
            const Nanos due = begin + begun * kSecond / plan.rate_per_second;
            if (due > now) break;
            idle.front()->due = due;
            idle.front()->call();
            idle.pop_front();
            ++begun;
        }
        poll(true);
        for (const News& news : news_) {
            latencies_.record(monotonic_now() - news.client->due);
            idle.push_back(news.client);
            ++answered;
        }
    }
    return answered;
}

void Load::prepare_streams(const Plan& plan) {
    make_clients(plan);
    for (const auto& client : clients_)
        client->connect();
    each(&Client::initialize, News::What::answered);
    each(&Client::open_stream, News::What::streaming);
    check(server_.streams() == clients_.size(), "each stream has reached the server");
    events_sent_.assign(clients_.size(), 0);
    std::size_t sent = 0;
    std::size_t arrived = 0;
    while (arrived < clients_.size()) {
        for (; sent < clients_.size() && sent - arrived < kPreparedAtATime; ++sent)
            send_event(sent);
        poll(false);
        arrived += news_.size();
    }
}

void Load::send_event(std::size_t stream) {
    const auto number = static_cast<std::uint32_t>(stream);
    server_.send_event(number, event_of(number, events_sent_[stream]++));
}

Outcome Load::run_events(const Plan& plan) {
    const Nanos begin = monotonic_now();
    Outcome outcome;
    std::size_t outstanding = 0;
    const auto send_next = [&] {
        next_stream_ = (next_stream_ + kStride) % clients_.size();
        send_event(next_stream_);
    };
    for (; outstanding < plan.in_flight; ++outstanding)
        send_next();
    while (outstanding > 0) {
        poll(plan.spin);
        const bool goes_on = monotonic_now() - begin < plan.duration;
        for (std::size_t i = 0; i < news_.size(); ++i) {
            ++outcome.count;
            if (goes_on)
                send_next();
            else
                --outstanding;
        }
    }
    outcome.nanos = monotonic_now() - begin;
    return outcome;
}

// Ends the streams at both ends, because proxies differ in what they do when one end goes.
void Load::close_clients() {
    clients_.clear();
    news_.clear();
    server_.close_streams();
}

}  // namespace mcpgw::bench
