// Changes, and the tables that follow from them.
#include "tests/sim/control.h"

#include <algorithm>
#include <array>

namespace mcpgw::sim {
namespace {

constexpr Who kControl{"control", 0};
constexpr std::uint16_t kFirstPort = 20'000;

}  // namespace

Control::Control(const Plan& plan, Network& network, Ledger& ledger)
    : plan_(plan), network_(network), ledger_(ledger), dice_(network.world().dice()) {
    for (const AdapterPlan& adapter : plan.adapters)
        adapters_.push_back({&adapter, true, {}});
    for (Adapter& adapter : adapters_)
        for (std::size_t i = 0; i < adapter.plan->instances; ++i)
            add_instance(adapter);
}

void Control::start() {
    publish();
}

void Control::add_instance(Adapter& adapter) {
    ServerOptions options;
    options.instance = ++instances_made_;
    options.port = static_cast<std::uint16_t>(kFirstPort + instances_made_);
    options.adapter = adapter.plan->name;
    options.first_byte = adapter.plan->first_byte_ms * kMillisecond;
    options.idle = adapter.plan->idle_ms * kMillisecond;
    options.cut_permille = plan_.server_cuts;
    if (plan_.servers_close_idle) options.closes_idle = dice_.between(1, 5000) * kMillisecond;
    if (plan_.slow_servers && dice_.chance(300)) {
        options.read_max = plan_.bulk ? 60'000 : static_cast<std::size_t>(dice_.between(20, 4000));
        options.read_pause = dice_.below(20 * kMillisecond);
    }
    adapter.instances.push_back({std::make_unique<Server>(network_, ledger_, options)});
}

void Control::publish() {
    contract::Snapshot snapshot;
    snapshot.epoch = "sim";
    snapshot.version = ++version_;
    for (unsigned key = 1; key <= key_; ++key)
        snapshot.keys.push_back({"k" + std::to_string(key),
                                 std::string(32, static_cast<char>('a' + key)), key == key_});
    for (const Adapter& from : adapters_) {
        if (!from.listed) continue;
        contract::Adapter& adapter = snapshot.adapters.emplace_back();
        adapter.name = from.plan->name;
        adapter.created_by = "dev";
        adapter.timeouts.connect_ms = from.plan->connect_ms;
        adapter.timeouts.first_byte_ms = from.plan->first_byte_ms;
        adapter.timeouts.idle_ms = from.plan->idle_ms;
        for (const Instance& one : from.instances) {
            if (!one.listed) continue;
            const ServerOptions& options = one.server->options();
            contract::Instance& instance = adapter.instances.emplace_back();
            instance.id = options.instance;
            instance.name = adapter.name + "-" + std::to_string(options.instance);
            instance.host = "127.0.0.1";
            instance.port = options.port;
            instance.authority = "server:" + std::to_string(options.port);
            instance.path = "/mcp";
            instance.state =
                one.ready ? contract::InstanceState::ready : contract::InstanceState::not_ready;
        }
    }
    auto table = builder_.build(snapshot);
    check(table.has_value(), "a table of the simulation is valid");
    network_.world().note(kControl, "publishes version %lld", static_cast<std::int64_t>(version_));
    publication_.publish(std::move(*table));
    network_.world().after(dice_.below(3 * kMillisecond), [this] {
        if (wake) wake();
    });
}

Control::Instance* Control::any_listed(Adapter& adapter) {
    std::vector<Instance*> listed;
    for (Instance& instance : adapter.instances)
        if (instance.listed) listed.push_back(&instance);
    return listed.empty() ? nullptr : listed[dice_.below(listed.size())];
}

void Control::change() {
    Adapter& adapter = adapters_[dice_.below(adapters_.size())];
    Instance* instance = any_listed(adapter);
    if (!adapter.listed) {
        adapter.listed = true;
    } else if (dice_.chance(100)) {
        adapter.listed = false;
        ledger_.excuse_adapter(adapter.plan->name, excuse::table);
    } else if (dice_.chance(150)) {
        ++key_;
    } else if (instance == nullptr || dice_.chance(200)) {
        add_instance(adapter);
    } else {
        change_instance(adapter, *instance);
    }
    publish();
}

void Control::change_instance(Adapter& adapter, Instance& instance) {
    ledger_.excuse_adapter(adapter.plan->name, excuse::table);
    switch (dice_.below(4)) {
        case 0:
            instance.ready = !instance.ready;
            return;
        case 1:  // taken out; its process lives on, and so do its streams
            instance.listed = false;
            return;
        case 2:
            instance.listed = false;
            return instance.server->kill();
        case 3:  // the process dies, and another one takes its place
            instance.listed = false;
            instance.server->kill();
            return add_instance(adapter);
    }
}

void Control::outage() {
    Adapter& adapter = adapters_[dice_.below(adapters_.size())];
    Instance* instance = any_listed(adapter);
    if (instance == nullptr) return;
    Server* server = instance->server.get();
    const Port::Mode mode = dice_.chance(500) ? Port::Mode::refuses : Port::Mode::hangs;
    network_.world().note(kControl, "server %lld takes no connections for a while",
                          server->options().port);
    server->set_mode(mode);
    network_.world().after(dice_.between(1, 8000) * kMillisecond, [server] {
        if (server->alive()) server->set_mode(Port::Mode::accepts);
    });
}

// With a session of an instance that is gone, without the adapter, or without a ready instance a
// request may be refused; whether it must be is up to the moment at which the worker takes it.
void Control::judge_at_birth(Ask& ask) {
    for (const Adapter& adapter : adapters_) {
        if (adapter.plan->name != ask.adapter) continue;
        const auto is_slow = [](const Instance& instance) {
            return instance.server->options().read_max > 0;
        };
        // The deadline of the first byte begins when the gateway has the request, not when the
        // server has: a narrow way between the two counts against the server.
        const Weather& weather = plan_.weather;
        const Nanos way = (ask.body.size() / weather.capacity_min + 3) * 4 * weather.latency_max;
        if (std::ranges::any_of(adapter.instances, is_slow) ||
            way > adapter.plan->first_byte_ms * kMillisecond)
            ask.excuses |= excuse::slow_server;
        bool any_ready = false;
        bool holder_listed = ask.session.instance == 0;
        for (const Instance& instance : adapter.instances) {
            any_ready = any_ready || (instance.listed && instance.ready);
            holder_listed =
                holder_listed ||
                (instance.listed && instance.server->options().instance == ask.session.instance);
        }
        if (!adapter.listed || !any_ready || !holder_listed) ask.excuses |= excuse::table;
    }
}

void Control::take_events() {
    InstanceEvent event;
    while (events_.pop(event))
        network_.world().note(kControl, "hears that instance %lld fails",
                              static_cast<std::int64_t>(event.instance));
}

void Control::check_loads() {
    const RouteTable* table = publication_.refresh(0);
    table->for_each([](const mcpgw::Adapter& adapter) {
        for (const mcpgw::Instance& instance : adapter.instances)
            if (instance.load->outstanding.load() != 0)
                World::fail("an instance has requests outstanding after the end");
    });
    publication_.leave(0);
}

}  // namespace mcpgw::sim
