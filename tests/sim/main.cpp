// The runner behind `./dev sim`: runs seeds one after the other until one breaks an invariant.
//
// A broken invariant, a failed assertion of the data plane and a crash are told alike: what broke,
// the seed, the command that repeats it, and the last lines of the trace; the exit code is 1.
#include <array>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <random>
#include <string>
#include <string_view>

#include <signal.h>
#include <unistd.h>

#include "common/log.h"
#include "tests/sim/scenario.h"

namespace mcpgw {

// The body of common/check.h for this program: an assertion that fails is an invariant that breaks.
[[noreturn]] void check_failed(const char* what, const std::source_location& where) noexcept {
    sim::World::fail("assertion: " + std::string(what) + " at " + where.file_name() + ":" +
                     std::to_string(where.line()));
}

}  // namespace mcpgw

namespace mcpgw::sim {
namespace {

// So long a run may take by a real clock before it counts as caught in a circle.
constexpr unsigned kRunSecondsMax = 30;
constexpr std::size_t kTraceLines = 200;

constexpr const char* kUsage =
    "usage: ./dev sim [--seed N] [--runs N] [--trace] [--quiet]\n"
    "       ./dev sim --mutations\n"
    "\n"
    "  --seed N   the first seed (default: a fresh one)\n"
    "  --runs N   so many seeds, from the first on (default 1)\n"
    "  --trace    print the whole trace of each run\n"
    "  --quiet    print only what breaks, and a last line\n"
    "\n"
    "  --mutations  break rules of the engine, one at a time: each must be found\n"
    "\n"
    "The exit code is 1 if a seed breaks an invariant. docs/internals/simulation.md explains the\n"
    "trace that is then printed.\n";

struct Arguments {
    std::optional<std::uint64_t> seed;
    std::uint64_t runs = 1;
    bool trace = false;
    bool quiet = false;
};

Scenario* the_scenario = nullptr;
std::uint64_t the_seed = 0;
bool the_whole_trace = false;

[[noreturn]] void report(const std::string& invariant) {
    std::fflush(stdout);
    if (the_scenario != nullptr) {
        std::fprintf(stderr, "\nplan: %s\n", the_scenario->plan().text().c_str());
        the_scenario->world().trace().print(stderr, the_whole_trace ? SIZE_MAX : kTraceLines);
        the_scenario->ledger().print_waiting(stderr);
    }
    if (the_scenario != nullptr)
        std::fprintf(stderr, "\nat %.6f s", static_cast<double>(the_scenario->world().now()) / 1e9);
    std::fprintf(stderr, "\nseed %llu breaks: %s\nrepeat it: ./dev sim --seed %llu\n",
                 static_cast<unsigned long long>(the_seed), invariant.c_str(),
                 static_cast<unsigned long long>(the_seed));
    std::fflush(stderr);
    std::_Exit(1);
}

// Not safe inside a signal handler by the letter; the process is lost anyway, and a trace that
// comes out most of the time is worth more than none.
void on_crash(int number) {
    report(number == SIGALRM ? "the run does not end: the worker is caught in a circle"
                             : std::string("crash: ") + strsignal(number));
}

bool parse_number(const char* text, std::uint64_t& out) {
    const char* end = text + std::strlen(text);
    const auto done = std::from_chars(text, end, out);
    return done.ec == std::errc{} && done.ptr == end && text != end;
}

std::optional<Arguments> parse(int argc, char** argv) {
    Arguments arguments;
    for (int i = 1; i < argc; ++i) {
        const std::string_view word = argv[i];
        std::uint64_t number = 0;
        const bool takes_number = word == "--seed" || word == "--runs";
        if (takes_number && (++i == argc || !parse_number(argv[i], number))) return std::nullopt;
        if (word == "--seed")
            arguments.seed = number;
        else if (word == "--runs")
            arguments.runs = number;
        else if (word == "--trace")
            arguments.trace = true;
        else if (word == "--quiet")
            arguments.quiet = true;
        else
            return std::nullopt;
    }
    return arguments;
}

std::uint64_t fresh_seed() {
    std::random_device device;
    return 1'000'000 + device() % 1'000'000'000ULL;
}

struct Sums {
    std::uint64_t ticks = 0;
    std::size_t requests = 0;
    std::size_t answered = 0;
    Nanos simulated = 0;
};

void run_one(std::uint64_t seed, const Arguments& arguments, Sums& sums) {
    the_seed = seed;
    alarm(kRunSecondsMax);
    Scenario scenario(seed);
    the_scenario = &scenario;
    const Outcome outcome = scenario.run();
    alarm(0);
    if (arguments.trace) scenario.world().trace().print(stdout, SIZE_MAX);
    if (arguments.runs == 1 && !arguments.quiet)
        std::printf(
            "plan: %s\nseed %llu: %zu requests, %zu answered, %llu ticks, %.1f s, "
            "trace %016llx\n",
            scenario.plan().text().c_str(), static_cast<unsigned long long>(seed), outcome.requests,
            outcome.answered, static_cast<unsigned long long>(outcome.ticks),
            static_cast<double>(outcome.simulated) / 1e9,
            static_cast<unsigned long long>(outcome.hash));
    sums.ticks += outcome.ticks;
    sums.requests += outcome.requests;
    sums.answered += outcome.answered;
    sums.simulated += outcome.simulated;
    the_scenario = nullptr;
}

int run_all(const Arguments& arguments) {
    const std::uint64_t first = arguments.seed ? *arguments.seed : fresh_seed();
    if (!arguments.quiet && arguments.runs > 1)
        std::printf("first seed %llu\n", static_cast<unsigned long long>(first));
    const bool shows_progress = !arguments.quiet && isatty(STDOUT_FILENO) == 1;
    Sums sums;
    for (std::uint64_t i = 0; i < arguments.runs; ++i) {
        run_one(first + i, arguments, sums);
        if (shows_progress && (i + 1) % 10 == 0 && arguments.runs > 1) {
            std::printf("\r%llu of %llu runs", static_cast<unsigned long long>(i + 1),
                        static_cast<unsigned long long>(arguments.runs));
            std::fflush(stdout);
        }
    }
    std::printf(
        "%s%llu runs passed (seeds %llu to %llu): %zu requests, %zu answered, %llu ticks, "
        "%.1f simulated hours\n",
        shows_progress ? "\r" : "", static_cast<unsigned long long>(arguments.runs),
        static_cast<unsigned long long>(first),
        static_cast<unsigned long long>(first + arguments.runs - 1), sums.requests, sums.answered,
        static_cast<unsigned long long>(sums.ticks), static_cast<double>(sums.simulated) / 3.6e12);
    return 0;
}

}  // namespace
}  // namespace mcpgw::sim

int main(int argc, char** argv) {
    using namespace mcpgw::sim;
    if (argc == 2 && std::string_view(argv[1]) == "--help") {
        std::fputs(kUsage, stdout);
        return 0;
    }
    const auto arguments = parse(argc, argv);
    if (!arguments || arguments->runs == 0) {
        std::fputs(kUsage, stderr);
        return 2;
    }
    the_whole_trace = arguments->trace;
    World::on_failure(&report);
    for (const int number : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGALRM})
        signal(number, &on_crash);
    mcpgw::log_start("sim", mcpgw::LogFormat::text, mcpgw::LogLevel::error);
    return run_all(*arguments);
}
