// mcp-gateway-dataplane: sockets, workers, the link to the control plane, signals.
//
// Threads: one per worker, one admin worker, the link's two, the janitor of sessions, one of the
// audit log if there is one, and this one, which only waits for signals and for the workers to end.
// Exit codes: 0 after a drain or stop, 1 when starting failed, 2 for wrong usage.
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <random>
#include <thread>

#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "common/log.h"
#include "dataplane/auth/public_url.h"
#include "dataplane/listen/sockets.h"
#include "dataplane/options.h"
#include "dataplane/worker/admin_pages.h"
#include "dataplane/worker/janitor.h"
#include "dataplane/worker/session_list.h"
#include "dataplane/worker/usage_list.h"
#include "dataplane/worker/worker.h"

namespace mcpgw {
namespace {

std::vector<int> usable_cpus() {
    cpu_set_t set;
    CPU_ZERO(&set);
    std::vector<int> cpus;
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
            if (CPU_ISSET(static_cast<std::size_t>(cpu), &set)) cpus.push_back(cpu);
    if (cpus.empty()) cpus.push_back(0);
    return cpus;
}

sigset_t ending_signals() {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    return signals;
}

Result<backend::Destination> unix_destination(const std::string& path) {
    backend::Destination destination;
    auto* address = reinterpret_cast<sockaddr_un*>(&destination.address);
    if (path.size() >= sizeof address->sun_path)
        return failure(Code::invalid_argument, "the socket path is too long: " + path);
    address->sun_family = AF_UNIX;
    std::memcpy(address->sun_path, path.c_str(), path.size() + 1);
    destination.address_bytes = sizeof *address;
    destination.key = 0;  // no instance has identity 0
    return destination;
}

std::uint64_t random_seed() {
    std::random_device device;
    return std::uint64_t{device()} << 32 | device();
}

std::unique_ptr<limit::Limiter> open_limiter(const std::string& data_dir) {
    limit::Limiter::Options options;
    options.table.directory = data_dir;
    options.table.now = {monotonic_now(), static_cast<std::uint32_t>(unix_seconds_now())};
    return std::make_unique<limit::Limiter>(options);
}

// The running process: everything that lives as long as its workers.
class Process {
  public:
    explicit Process(const DataplaneOptions& options) : options_(options) {}

    Result<> open();
    Result<> start();
    int wait_for_end();
    [[nodiscard]] std::size_t workers() const { return worker_count_; }

  private:
    struct WorkerThread {
        std::unique_ptr<WorkerMetrics> metrics = std::make_unique<WorkerMetrics>();
        worker::Mailbox mailbox;
        worker::WorkerOptions options;
        Result<> outcome;
        bool started = false;
        std::thread thread;
    };

    Result<> open_sockets();
    Result<> set_identity();
    Result<> open_audit_log();
    void run_worker(WorkerThread& self);
    static void wake(void* process);
    static void wake_one(void* process);
    void say_ready();
    void on_signal();
    void stop_listening();

    const DataplaneOptions& options_;
    std::size_t worker_count_ = 1;
    listen::ListeningSockets sockets_;
    exchange::Settings settings_;
    std::unique_ptr<SharedSessions> sessions_;
    std::unique_ptr<client::AddressCounts> addresses_;
    std::unique_ptr<limit::Limiter> limiter_;
    std::unique_ptr<Publication> publication_;
    std::unique_ptr<ControlLink> link_;
    std::unique_ptr<worker::Janitor> janitor_;
    std::unique_ptr<worker::SessionList> session_list_;
    std::unique_ptr<worker::UsageList> usage_list_;
    std::unique_ptr<RequestLog> audit_;
    std::unique_ptr<worker::ProcessPages> pages_;
    std::vector<std::unique_ptr<WorkerThread>> threads_;  // the last one is the admin worker
    int signal_descriptor_ = -1;
    int news_descriptor_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    std::atomic<std::size_t> running_{0};
    std::string engine_;
    std::size_t woken_ = 0;  // the worker that wake_one() has chosen last
    bool ready_said_ = false;
    int terms_ = 0;
    Nanos stop_at_ = kNever;
};

Result<> Process::open_audit_log() {
    if (options_.audit_log.empty()) return {};
    auto opened = RequestLog::open({.path = options_.audit_log,
                                    .bytes_max = options_.audit_log_max_bytes,
                                    .files_max = options_.audit_log_files,
                                    .queues = worker_count_});
    if (!opened) return std::unexpected(opened.error());
    audit_ = std::move(*opened);
    return {};
}

Result<> Process::open_sockets() {
    auto inherited = listen::inherit_sockets();
    if (!inherited) return std::unexpected(inherited.error());
    sockets_ = std::move(*inherited);
    if (sockets_.main.empty()) {
        auto bound = listen::bind_sockets(options_.listen, worker_count_);
        if (!bound) return std::unexpected(bound.error());
        sockets_.main = std::move(*bound);
    }
    if (sockets_.admin.empty()) {
        auto bound = listen::bind_sockets(options_.admin_listen, 1);
        if (!bound) return std::unexpected(bound.error());
        sockets_.admin = std::move(*bound);
    }
    const bool loopback = std::ranges::all_of(sockets_.main, listen::is_loopback);
    if (!loopback && options_.auth == "dev" && !options_.dev_auth_on_any_address)
        return failure(Code::invalid_argument,
                       "--auth dev trusts every caller and is refused on " +
                           listen::local_address(sockets_.main.front()) +
                           "; listen on 127.0.0.1, or add --dev-auth-on-any-address");
    return {};
}

// Who callers are, and where they reach us.
Result<> Process::set_identity() {
    settings_.auth = options_.auth == "oidc" ? exchange::AuthMode::oidc : exchange::AuthMode::dev;
    if (!options_.public_origin.empty()) {
        const auto url = auth::PublicUrl::normalised(options_.public_origin);
        if (!url)
            return failure(Code::invalid_argument,
                           "--public-origin must be a URL such as https://gw.example or "
                           "https://gw.example/prefix, not " +
                               options_.public_origin);
        settings_.public_url = settings_.assertion_issuer = *url;
    }
    for (const std::string& text : options_.trusted_proxies) {
        const auto network = transport::Network::parse(text);
        if (!network)
            return failure(Code::invalid_argument,
                           "--trusted-proxies must be addresses or networks such as 10.0.0.0/8, "
                           "without bits behind the prefix, not " +
                               text);
        settings_.trusted_proxies.push_back(*network);
    }
    const bool loopback = std::ranges::all_of(sockets_.main, listen::is_loopback);
    if (settings_.auth == exchange::AuthMode::oidc && !loopback && settings_.public_url.empty() &&
        settings_.trusted_proxies.empty())
        log_warn("without --public-origin clients are not told where to log in");
    return {};
}

Result<> Process::open() {
    const std::size_t cores = usable_cpus().size();
    worker_count_ = options_.workers > 0 ? options_.workers : cores;
    if (auto opened = open_sockets(); !opened) return opened;
    if (auto opened = open_audit_log(); !opened) return opened;
    auto control_plane = unix_destination(options_.api_socket);
    if (!control_plane) return std::unexpected(control_plane.error());
    settings_.control_plane = *control_plane;
    if (auto set = set_identity(); !set) return set;
    settings_.allowed_hosts = options_.allowed_hosts;
    settings_.allowed_origins = options_.allowed_origins;
    settings_.admin_role = options_.admin_role;
    settings_.head_bytes_max = options_.max_head_bytes;
    settings_.body_bytes_max = options_.max_body_bytes;
    settings_.deadlines = {.head_ms = options_.head_timeout_ms,
                           .body_idle_ms = options_.body_idle_timeout_ms,
                           .idle_ms = options_.client_idle_timeout_ms,
                           .stall_ms = options_.send_stall_timeout_ms,
                           .linger_ms = options_.linger_timeout_ms};
    if (options_.max_connections_per_address > 0)
        addresses_ = std::make_unique<client::AddressCounts>(
            client::AddressCounts::Options{.connections_max = options_.max_connections,
                                           .per_address_max = options_.max_connections_per_address,
                                           .seed = random_seed()});
    settings_.sessions_per_user_max = options_.max_sessions_per_user.value_or(
        options_.max_sessions / limits::user_share_of_sessions);
    sessions_ = std::make_unique<SharedSessions>(
        SessionTable::Options{.sessions_max = options_.max_sessions, .seed = random_seed()});
    limiter_ = open_limiter(options_.data_dir);
    publication_ = std::make_unique<Publication>(worker_count_ + 1);
    ControlLinkOptions link_options;
    link_options.socket_path = options_.contract_socket;
    link_options.data_dir = options_.data_dir;
    link_options.program_version = MCPGW_VERSION;
    link_options.workers = worker_count_;
    link_options.wake_workers = &Process::wake;
    link_options.wake_context = this;
    link_ = std::make_unique<ControlLink>(link_options, *publication_);
    const worker::Janitor::Outlets outlets{&link_->janitor_events(), &Process::wake_one, this};
    janitor_ = std::make_unique<worker::Janitor>(*sessions_, *publication_, outlets);
    janitor_->sweep_counters(*limiter_);
    session_list_ = std::make_unique<worker::SessionList>(*sessions_, *publication_, *janitor_);
    link_->answer_with(*session_list_);
    usage_list_ = std::make_unique<worker::UsageList>(*sessions_, *publication_, *limiter_);
    link_->answer_with(*usage_list_);
    return {};
}

void Process::wake(void* process) {
    auto* self = static_cast<Process*>(process);
    for (const auto& thread : self->threads_)
        thread->mailbox.wake();
    const std::uint64_t one = 1;
    maybe(write(self->news_descriptor_, &one, sizeof one) == sizeof one);
}

// Called by the janitor only.
void Process::wake_one(void* process) {
    auto* self = static_cast<Process*>(process);
    self->woken_ = (self->woken_ + 1) % self->worker_count_;
    self->threads_[self->woken_]->mailbox.wake();
}

void Process::run_worker(WorkerThread& self) {
    auto opened = worker::Worker::open(self.options);
    if (opened) {
        if (self.options.index == 0) engine_ = (*opened)->engine();
        self.started = true;
    } else {
        self.outcome = std::unexpected(opened.error());
    }
    running_.fetch_add(1, std::memory_order_release);
    running_.notify_all();
    if (opened) (*opened)->run();
    const std::uint64_t one = 1;
    maybe(write(news_descriptor_, &one, sizeof one) == sizeof one);
}

Result<> Process::start() {
    const sigset_t signals = ending_signals();
    signal_descriptor_ = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    const std::vector<int> cpus = usable_cpus();
    worker::ProcessPages::Sources sources;
    for (std::size_t i = 0; i <= worker_count_; ++i) {
        threads_.push_back(std::make_unique<WorkerThread>());
        sources.metrics.push_back(threads_.back()->metrics.get());
        if (i < worker_count_) sources.mailboxes.push_back(&threads_.back()->mailbox);
    }
    sources.publication = publication_.get();
    sources.link = link_.get();
    sources.sessions = sessions_.get();
    sources.janitor = janitor_.get();
    sources.limiter = limiter_.get();
    sources.audit = audit_.get();
    sources.program_version = MCPGW_VERSION;
    pages_ = std::make_unique<worker::ProcessPages>(std::move(sources));
    for (std::size_t i = 0; i <= worker_count_; ++i) {
        WorkerThread& self = *threads_[i];
        const bool admin = i == worker_count_;
        self.options.index = i;
        self.options.cpu = admin || worker_count_ > cpus.size() ? -1 : cpus[i];
        self.options.listener =
            admin ? sockets_.admin.front() : sockets_.main[i % sockets_.main.size()];
        self.options.connections_max =
            admin ? 64 : std::max<std::size_t>(1, options_.max_connections / worker_count_);
        self.options.receive_buffers = admin ? limits::admin_receive_buffers : 0;
        self.options.addresses = admin ? nullptr : addresses_.get();
        self.options.poll_us = admin ? 0 : options_.poll_us;
        self.options.publication = publication_.get();
        self.options.settings = &settings_;
        self.options.sessions = sessions_.get();
        self.options.events = admin ? nullptr : &link_->events(i);
        self.options.limiter = admin ? nullptr : limiter_.get();
        self.options.admin_pages = admin ? pages_.get() : nullptr;
        self.options.audit = admin || audit_ == nullptr ? nullptr : &audit_->queue(i);
        self.options.metrics = self.metrics.get();
        self.options.mailbox = &self.mailbox;
    }
    if (auto linked = link_->start(); !linked) return linked;
    for (const auto& thread : threads_)
        thread->thread = std::thread([this, self = thread.get()] { run_worker(*self); });
    for (std::size_t seen = running_.load(); seen < threads_.size(); seen = running_.load())
        running_.wait(seen);
    pages_->set_engine(engine_);
    for (const auto& thread : threads_)
        if (!thread->started) return thread->outcome;
    janitor_->start();
    log_info("serving", {{"address", listen::local_address(sockets_.main.front())},
                         {"admin", listen::local_address(sockets_.admin.front())},
                         {"workers", worker_count_},
                         {"engine", engine_},
                         {"memory_bound_mib_per_worker",
                          worker::memory_bound_bytes(threads_[0]->options.connections_max) >> 20},
                         {"receive_buffer_mib_per_worker",
                          limits::receive_buffers * limits::receive_buffer_bytes / 1048576}});
    return {};
}

void Process::say_ready() {
    if (ready_said_ || terms_ > 0 || !link_->has_snapshot()) return;
    ready_said_ = true;
    sd_notifyf(0, "READY=1\nSTATUS=serving on %s",
               listen::local_address(sockets_.main.front()).c_str());
}

void Process::on_signal() {
    signalfd_siginfo info{};
    while (read(signal_descriptor_, &info, sizeof info) == sizeof info) {
        ++terms_;
        if (terms_ == 1) {
            log_info("draining", {{"seconds", options_.drain_seconds}});
            sd_notify(0, "STOPPING=1");
            stop_at_ = monotonic_now() + options_.drain_seconds * kSecond;
            for (std::size_t i = 0; i < worker_count_; ++i)
                threads_[i]->mailbox.drain();
        } else {
            stop_at_ = 0;
        }
    }
}

// Once no worker accepts any more: clients are refused now, and not left waiting in the backlog of
// a process that ends (whoever handed the sockets over keeps them open if it starts another one).
void Process::stop_listening() {
    const bool accepting = std::any_of(threads_.begin(), threads_.end() - 1, [](const auto& t) {
        return t->mailbox.accepting.load(std::memory_order_acquire);
    });
    if (terms_ == 0 || accepting) return;
    for (const int socket : sockets_.main)
        close(socket);
    sockets_.main.clear();
}

int Process::wait_for_end() {
    const auto finished = [this] {
        return terms_ > 0 && std::all_of(threads_.begin(), threads_.end() - 1, [](const auto& t) {
                   return t->mailbox.connections.load(std::memory_order_relaxed) == 0;
               });
    };
    while (true) {
        say_ready();
        pollfd events[] = {{signal_descriptor_, POLLIN, 0}, {news_descriptor_, POLLIN, 0}};
        stop_listening();
        const Nanos now = monotonic_now();
        if (stop_at_ <= now || finished()) break;
        const int timeout =
            stop_at_ == kNever
                ? -1
                : static_cast<int>(std::min<Nanos>((stop_at_ - now) / kMillisecond + 1, 20));
        poll(events, 2, timeout);
        std::uint64_t news = 0;
        maybe(read(news_descriptor_, &news, sizeof news) == sizeof news);
        on_signal();
    }
    janitor_->stop();
    for (const auto& thread : threads_)
        thread->mailbox.stop();
    for (const auto& thread : threads_)
        thread->thread.join();
    link_->stop();
    audit_.reset();
    log_info("ended");
    return 0;
}

}  // namespace

int run_dataplane(int argc, char** argv) {
    int exit_code = 0;
    const std::optional<DataplaneOptions> options = parse_options(argc, argv, exit_code);
    if (!options) return exit_code;
    // Before the first thread: each inherits the mask, and only the signal descriptor hears of
    // them.
    const sigset_t signals = ending_signals();
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    signal(SIGPIPE, SIG_IGN);
    log_start("dataplane", log_format_of(options->log_format, LogFormat::json),
              log_level_of(options->log_level, LogLevel::info));
    auto process = std::make_unique<Process>(*options);
    for (auto step : {&Process::open, &Process::start}) {
        const Result<> done = (*process.*step)();
        if (done) continue;
        log_error("the data plane cannot start", {{"reason", done.error().detail}});
        log_stop();
        // Threads that did start end with the process; nothing has been served yet.
        std::_Exit(done.error().code == Code::invalid_argument ? 2 : 1);
    }
    const int code = process->wait_for_end();
    process.reset();
    log_stop();
    return code;
}

}  // namespace mcpgw

int main(int argc, char** argv) {
    return mcpgw::run_dataplane(argc, argv);
}
