// bench-load [PORT]: one process that is the MCP server and the MCP clients of a benchmark. Two of
// them can share a port: the proxy's connections then spread over both.
//
// It prints `listening PORT`, then takes commands from standard input, one line each, and ends with
// it. `calls KEY=VALUE...` and `events KEY=VALUE...` prepare, print `ready`, wait for the line
// `go`, run, and print `done KEY=VALUE...`; `hold_streams` and `hold_connections` only prepare.
// What is prepared stays until the next command; `close` only ends it. bench/macro/load.py drives.
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <sstream>

#include <sys/resource.h>

#include "bench/load/load.h"
#include "bench/load/message.h"

namespace {

using mcpgw::kMicrosecond;
using mcpgw::kMillisecond;
using namespace mcpgw::bench;

// Caches and pools fill before anything is measured.
constexpr mcpgw::Nanos kWarmUp = 300 * kMillisecond;

struct Command {
    std::string verb;
    std::map<std::string, std::string> words;

    [[nodiscard]] std::uint64_t number(const std::string& key, std::uint64_t absent) const {
        const auto found = words.find(key);
        if (found == words.end()) return absent;
        std::uint64_t value = 0;
        const std::string& text = found->second;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
        if (error == std::errc() && end == text.data() + text.size()) return value;
        std::printf("failed %s=%s is no number\n", key.c_str(), text.c_str());
        std::exit(1);
    }
};

Command parse(const std::string& line) {
    std::istringstream input(line);
    Command command;
    input >> command.verb;
    for (std::string word; input >> word;) {
        const std::size_t equals = std::min(word.find('='), word.size() - 1);
        command.words[word.substr(0, equals)] = word.substr(equals + 1);
    }
    return command;
}

Plan plan_of(const Command& command) {
    Plan plan;
    plan.target.port = static_cast<std::uint16_t>(command.number("port", 0));
    const auto path = command.words.find("path");
    plan.target.path = path == command.words.end() ? "/mcp" : path->second;
    const auto token = command.words.find("token");
    if (token != command.words.end()) plan.target.token = token->second;
    // A wish below the smallest possible message means that message.
    plan.target.call_bytes = call_of(command.number("call", call_bytes_usual)).size();
    plan.target.answer_bytes = answer_of(command.number("answer", answer_bytes_usual)).size();
    plan.clients = command.number("clients", 1);
    plan.duration = command.number("milliseconds", 1000) * kMillisecond;
    plan.rate_per_second = command.number("rate", 0);
    plan.fresh = command.number("fresh", 0) != 0;
    plan.in_flight = command.number("in_flight", 1);
    plan.spin = command.number("spin", 1) != 0;
    return plan;
}

void await_go(Load& load) {
    std::puts("ready");
    while (load.next_command() != "go") {
    }
}

void report(const Load& load, const Outcome& outcome) {
    const Histogram& latencies = load.latencies();
    const auto micros = [&](double share) {
        return static_cast<double>(latencies.percentile(share)) / kMicrosecond;
    };
    std::printf("done count=%llu nanos=%llu p50=%.1f p99=%.1f p999=%.1f max=%.1f\n",
                static_cast<unsigned long long>(outcome.count),
                static_cast<unsigned long long>(outcome.nanos), micros(0.5), micros(0.99),
                micros(0.999), static_cast<double>(latencies.max()) / kMicrosecond);
}

void obey(Load& load, const Command& command) {
    Plan plan = plan_of(command);
    Plan warm_up = plan;
    warm_up.duration = kWarmUp;
    if (command.verb == "calls") {
        load.prepare_callers(plan);
        load.run_calls(warm_up);
        await_go(load);
        report(load, load.run_calls(plan));
    } else if (command.verb == "events") {
        load.prepare_streams(plan);
        load.run_events(warm_up);
        await_go(load);
        report(load, load.run_events(plan));
    } else if (command.verb == "hold_streams") {
        load.prepare_streams(plan);
        std::puts("ready");
    } else if (command.verb == "hold_connections") {
        load.prepare_callers(plan);
        std::puts("ready");
    } else if (command.verb == "close") {
        load.close_clients();
        std::puts("closed");
    } else {
        std::printf("failed no command '%s'\n", command.verb.c_str());
        std::exit(1);
    }
}

}  // namespace

int main(int count, char** words) {
    // Thousands of connections with both ends here.
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    std::setvbuf(stdout, nullptr, _IOLBF, 0);
    Load load(static_cast<std::uint16_t>(count > 1 ? std::strtoul(words[1], nullptr, 10) : 0));
    std::printf("listening %u\n", static_cast<unsigned>(load.port()));
    for (;;)
        obey(load, parse(load.next_command()));
}
