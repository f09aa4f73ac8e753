// Setting up, running, and taking stock at the end.
#include "tests/sim/scenario.h"

#include <algorithm>

#include "common/limits.h"

namespace mcpgw::sim {
namespace {

constexpr Who kScenario{"run", 0};
// Nobody accepts on it: connections of clients come from the simulated backlog.
constexpr int kListener = 999'999;
// Beyond this nothing that any client or server plans takes any longer.
constexpr Nanos kLongestRun = 48 * 3600 * kSecond;

// Seeds that are neighbours shall have nothing in common.
std::uint64_t scattered(std::uint64_t seed) {
    exchange::Random random(seed ^ 0x5D588B656C078965ULL);
    return random.next() ^ (random.next() << 1);
}

}  // namespace

Scenario::Scenario(std::uint64_t seed)
    : world_(scattered(seed)),
      plan_(Plan::draw(world_.dice())),
      network_(world_, plan_.weather),
      kernel_(world_, network_, plan_.kernel),
      ledger_(world_),
      control_(plan_, network_, ledger_),
      planner_(plan_, world_.dice(), ledger_),
      started_(world_.now()) {
    ledger_.set_slack(slack());
    ledger_.set_held_max(limits::in_queue_bytes_high + limits::out_queue_bytes_high +
                         limits::peek_hold_bytes_max + limits::splice_bytes_max +
                         2 * plan_.weather.capacity_max + 24 * plan_.kernel.buffer_bytes);
    kernel_.on_hardship = [this](const char*) { ledger_.meet_hardship(); };
    kernel_.on_tick = [this] { on_tick(); };
    control_.wake = [this] { post(&worker::Mailbox::wake); };
    control_.start();
    make_clients();
    plan_events();
}

Scenario::~Scenario() = default;

// What a deadline may be late by: its way through timers, completions, sleep and the network.
Nanos Scenario::slack() const {
    return 100 * kMillisecond + 8 * plan_.weather.latency_max + 4 * plan_.kernel.late_max +
           2 * plan_.kernel.oversleep_max;
}

void Scenario::make_clients() {
    Dice& dice = world_.dice();
    for (std::size_t i = 0; i < plan_.clients; ++i) {
        Client& client = *clients_.emplace_back(
            std::make_unique<Client>(network_, ledger_, static_cast<std::uint32_t>(i + 1)));
        client.on_finished = [this] { look_whether_done(); };
        // Who leaves and comes again may be counted twice for a moment.
        if (plan_.connections_max <= plan_.clients) client.expect_crowd();
        client.set_cut_permille(plan_.client_cuts);
        client.before_sending = [this](Ask& ask) { control_.judge_at_birth(ask); };
        const std::uint64_t errands = dice.between(1, plan_.errands_max);
        for (std::size_t n = 0; n < errands; ++n)
            client.add(planner_.draw(n));
        if (plan_.idle_clients && dice.chance(300)) client.stay_until_idle_timeout();
        client.start(world_.now() + dice.below(plan_.span));
    }
}

void Scenario::plan_events() {
    Dice& dice = world_.dice();
    const auto some_time = [&] { return world_.now() + dice.below(plan_.span * 3 / 2); };
    for (unsigned i = 0; i < plan_.table_changes; ++i)
        world_.at(some_time(), [this] { control_.change(); });
    for (unsigned i = 0; i < plan_.outages; ++i)
        world_.at(some_time(), [this] { control_.outage(); });
    for (unsigned i = 0; i < plan_.freezes; ++i)
        world_.at(some_time(), [this] {
            ledger_.excuse_all(excuse::frozen);
            world_.freeze(world_.dice().skewed(1, 600'000) * kMillisecond);
            world_.set_wall_clock(static_cast<std::int64_t>(world_.dice().below(200'000)) -
                                  100'000);
        });
    if (plan_.drains_midway) world_.at(some_time(), [this] { drain(); });
    world_.expect(
        world_.now() + kLongestRun, [this] { return ended_run_; }, "somebody waits for ever");
}

void Scenario::post(void (worker::Mailbox::*mail)()) {
    if (ended_run_) return;
    (mailbox_.*mail)();
    kernel_.mail_arrives();
}

// As SIGTERM does it: what is under way may finish until the time for draining is over. Requests
// that no server has got yet may meet a connection that is about to end.
void Scenario::drain() {
    if (draining_) return;
    draining_ = true;
    world_.note(kScenario, "the worker is to drain");
    for (const Ask& ask : ledger_.all())
        if (ask.fate == Ask::Fate::waiting && ask.sent && ask.deliveries == 0)
            const_cast<Ask&>(ask).excuses |= excuse::draining;
    ledger_.excuse_from_now_on(excuse::draining);
    for (const auto& client : clients_)
        client->drain();
    post(&worker::Mailbox::drain);
    world_.after(limits::drain_seconds * kSecond, [this] { stop(); });
}

void Scenario::stop() {
    if (ended_run_) return;
    world_.note(kScenario, "the worker is to stop");
    ledger_.excuse_all(excuse::draining);
    post(&worker::Mailbox::stop);
}

// Between two ticks of the worker.
void Scenario::on_tick() {
    control_.take_events();
    // Whoever is not accepted when the listening sockets are closed is reset.
    if (draining_ && !mailbox_.accepting.load()) stop_listening();
}

void Scenario::stop_listening() {
    for (const auto& client : clients_)
        client->stop_connecting();
    network_.stop_listening();
}

void Scenario::look_whether_done() {
    if (draining_) return;
    const bool done =
        std::ranges::all_of(clients_, [](const auto& client) { return client->finished(); });
    if (!done) return;
    draining_ = true;
    world_.note(kScenario, "every client is done");
    // Sometimes idle connections to servers have had the time to end, sometimes not.
    const Nanos pause = world_.dice().chance(500) ? 0 : 10 * kSecond;
    world_.after(pause, [this] {
        draining_ = false;
        drain();
        world_.expect(
            world_.now() + 5 * kSecond + slack(),
            [this] { return ended_run_ || kernel_.somebody_left_unheard(); },
            "the worker does not end, although nobody is connected");
    });
}

void Scenario::run_worker() {
    worker::WorkerOptions options;
    options.listener = kListener;
    options.connections_max = plan_.connections_max;
    options.publication = &control_.publication();
    options.settings = &settings_;
    options.sessions = &sessions_;
    options.events = &control_.events();
    options.metrics = metrics_.get();
    options.mailbox = &mailbox_;
    options.random = &World::random_bytes;
    auto worker = worker::Worker::open(options);
    check(worker.has_value(), "a worker on a simulated ring");
    (*worker)->run();
    ended_run_ = true;
    stop_listening();
    world_.note(kScenario, "the worker has ended");
    if (kernel_.operations() > 0) World::fail("operations are armed after the end");
    if (network_.open_at_gateway() > 0) World::fail("descriptors are open after the end");
    kernel_.check_buffers();
    worker->reset();
    if (kernel_.open_pipes() > 0) World::fail("pipes are open after the end");
}

Outcome Scenario::run() {
    run_worker();
    // What is still on its way reaches the clients, however slowly they read.
    while (ledger_.waiting() > 0 && world_.next_event() != kNever)
        world_.run_next();
    check_end();
    Outcome outcome;
    outcome.hash = world_.trace().hash();
    outcome.ticks = kernel_.waits();
    outcome.notes = world_.trace().size();
    outcome.simulated = world_.now() - started_;
    outcome.requests = ledger_.all().size();
    outcome.answered = static_cast<std::size_t>(std::ranges::count_if(
        ledger_.all(), [](const Ask& ask) { return ask.fate == Ask::Fate::answered; }));
    return outcome;
}

void Scenario::check_end() {
    for (const Ask& ask : ledger_.all())
        if (ask.fate == Ask::Fate::waiting && ask.sent)
            fail_ask(ask, "waits for ever: the worker has ended");
    control_.check_loads();
    check_metrics();
}

// The gateway's own books agree with what the clients have seen.
void Scenario::check_metrics() {
    std::uint64_t recorded = 0;
    std::array<std::uint64_t, 1000> by_status{};
    metrics_->requests.for_each([&](std::uint32_t key, std::uint64_t count) {
        recorded += count;
        by_status[WorkerMetrics::status_of_request(key) % by_status.size()] += count;
    });
    std::uint64_t sent = 0;
    for (const Ask& ask : ledger_.all())
        sent += ask.sent ? 1 : 0;
    if (recorded > sent) World::fail("more requests are recorded than were sent");
    for (int status = 200; status < 600; ++status)
        if (by_status[static_cast<std::size_t>(status)] < ledger_.answers_with(status))
            World::fail("an answer with status " + std::to_string(status) + " is not recorded");
    const auto gone = [](const Gauge& gauge) { return gauge.value() == 0; };
    if (!gone(metrics_->connections_active[ConnectionSide::client]) ||
        !gone(metrics_->connections_active[ConnectionSide::backend]) ||
        !gone(metrics_->streams_active))
        World::fail("connections or streams are counted as active after the end");
}

}  // namespace mcpgw::sim
