// The thread that holds the election, and the clock by which everybody else sees its result.
#include "controlplane/kubernetes/lease.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <ctime>
#include <mutex>
#include <random>
#include <stop_token>
#include <thread>
#include <utility>

#include <unistd.h>

#include "common/bytes.h"

namespace mcpgw::kubernetes {
namespace {

// An attempt is read, write, and after a conflict both again.
constexpr int kCallsOfAttemptMax = 4;

Nanos boot_time() {
    timespec now{};
    clock_gettime(CLOCK_BOOTTIME, &now);
    return static_cast<Nanos>(now.tv_sec) * kSecond + static_cast<Nanos>(now.tv_nsec);
}

std::uint64_t device_random() {
    std::random_device device;
    return std::uint64_t{device()} << 32U | device();
}

std::string new_identity() {
    std::array<char, 256> name{};
    if (::gethostname(name.data(), name.size() - 1) != 0 || name[0] == '\0') name[0] = '-';
    return std::string(name.data()) + "_" + to_hex(device_random());
}

LeaderOptions completed(LeaderOptions options) {
    if (options.identity.empty()) options.identity = new_identity();
    if (!options.clock) options.clock = &boot_time;
    return options;
}

}  // namespace

struct Leader::Body {
    Body(ApiClient& api, LeaderOptions given)
        : client(api),
          options(completed(std::move(given))),
          election(options.lease, options.identity, options.times),
          random(device_random()) {}

    void run(const std::stop_token& stop);
    void attempt(const std::stop_token& stop);
    void publish();
    void tell_trouble(const Outcome& outcome);
    void wait(const std::stop_token& stop);
    void give_back();

    ApiClient& client;
    const LeaderOptions options;
    Election election;  // of the thread alone
    std::mt19937_64 random;
    bool told_leader = false;
    std::string told_trouble;
    std::atomic<Nanos> leader_until{0};
    mutable std::mutex mutex;  // guards `holder`; the condition is only for waiting
    std::string holder;
    std::condition_variable_any wake;
    std::jthread thread;
};

void Leader::Body::publish() {
    leader_until.store(election.leader_until());
    {
        const std::lock_guard lock(mutex);
        holder = election.holder();
    }
    const bool is_leader = election.is_leader(options.clock());
    if (std::exchange(told_leader, is_leader) != is_leader && options.on_change)
        options.on_change(is_leader);
}

// That another one was quicker is no trouble.
void Leader::Body::tell_trouble(const Outcome& outcome) {
    std::string trouble;
    if (!outcome) {
        const FailureKind kind = outcome.error().kind;
        if (kind == FailureKind::cancelled || kind == FailureKind::conflict ||
            kind == FailureKind::already_exists)
            return;
        trouble = outcome.error().message;
    }
    if (trouble == told_trouble) return;
    told_trouble = trouble;
    if (options.on_trouble) options.on_trouble(trouble);
}

void Leader::Body::attempt(const std::stop_token& stop) {
    for (int calls = 0; calls < kCallsOfAttemptMax && !stop.stop_requested(); ++calls) {
        const Call call = election.next_call(options.clock(), unix_millis_now());
        const Outcome outcome = client.send(call, stop);
        const bool goes_on = election.on_outcome(outcome, options.clock());
        publish();
        if (goes_on) continue;
        tell_trouble(outcome);
        return;
    }
}

void Leader::Body::wait(const std::stop_token& stop) {
    const Nanos now = options.clock();
    Nanos pause = election.pause(random());
    if (election.is_leader(now)) pause = std::min(pause, election.leader_until() - now);
    std::unique_lock lock(mutex);
    wake.wait_for(lock, stop, std::chrono::nanoseconds(pause), [] { return false; });
}

void Leader::Body::give_back() {
    if (!election.is_leader(options.clock())) return;
    const Call call = election.release_call(unix_millis_now());
    publish();
    // If it fails, the others wait for the lease to run out.
    static_cast<void>(client.send(call));
}

void Leader::Body::run(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
        attempt(stop);
        wait(stop);
        publish();
    }
    give_back();
}

Leader::Leader(ApiClient& client, LeaderOptions options)
    : body_(std::make_unique<Body>(client, std::move(options))) {
    body_->thread =
        std::jthread([body = body_.get()](const std::stop_token& stop) { body->run(stop); });
}

Leader::~Leader() {
    body_->thread.request_stop();
    body_->thread.join();
}

bool Leader::is_leader() const {
    return body_->options.clock() < body_->leader_until.load();
}

std::string Leader::holder() const {
    const std::lock_guard lock(body_->mutex);
    return body_->holder;
}

const std::string& Leader::identity() const {
    return body_->options.identity;
}

}  // namespace mcpgw::kubernetes
