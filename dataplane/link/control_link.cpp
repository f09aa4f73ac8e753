// The link thread: connect, hello, frames, events, and waiting in between.
#include "dataplane/link/control_link.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/bytes.h"
#include "common/check.h"
#include "common/contract/events.h"
#include "common/contract/frames.h"
#include "common/contract/sessions.h"
#include "common/limits.h"
#include "common/log.h"
#include "dataplane/session/seal.h"

namespace mcpgw {
namespace {

// How often tables that a worker still holds are looked at again.
constexpr Nanos kReclaimInterval = 100 * kMillisecond;

int poll_timeout_ms(Nanos until, Nanos now) {
    if (until == kNever) return -1;
    if (until <= now) return 0;
    return static_cast<int>((until - now + kMillisecond - 1) / kMillisecond);
}

// Not a secret, but no two processes that are asked at the same time may have the same.
std::string random_process_id() {
    std::array<std::byte, sizeof(std::uint64_t)> bytes{};
    check(system_random(bytes), "the kernel has random numbers");
    std::uint64_t number = 0;
    std::memcpy(&number, bytes.data(), sizeof number);
    return to_hex(number).substr(0, 8);
}

std::string text_of(const InstanceEvent& event) {
    const std::string adapter(event.adapter_name());
    switch (event.kind) {
        case InstanceEvent::Kind::failure:
            return contract::encode(contract::InstanceFailure{
                adapter, event.instance, std::string(code_name(event.reason))});
        case InstanceEvent::Kind::drained:
        case InstanceEvent::Kind::unknown_key:
            break;
    }
    return contract::encode(contract::InstanceDrained{adapter, event.instance, event.version});
}

}  // namespace

ControlLink::ControlLink(ControlLinkOptions options, Publication& publication)
    : options_(std::move(options)),
      process_(random_process_id()),
      publication_(publication),
      wake_fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      retry_ms_(limits::link_retry_ms_min) {
    for (std::size_t i = 0; i <= options_.workers; ++i)
        queues_.push_back(std::make_unique<EventQueue>(wake_fd_.get()));
    if (!options_.data_dir.empty())
        saver_ = std::make_unique<SnapshotSaver>(SnapshotFile(options_.data_dir), publication_);
}

ControlLink::~ControlLink() {
    stop();
}

Result<> ControlLink::start() {
    check(!thread_.joinable() && !stopping_, "a link starts once");
    if (!wake_fd_) return failure(Code::limit_exceeded, "no eventfd for the link");
    if (!ControlSocket::is_possible_path(options_.socket_path))
        return failure(Code::invalid_argument, "no path of a socket: " + options_.socket_path);
    load_from_disk();
    if (saver_ != nullptr) {
        if (auto started = saver_->start(builder_.epoch(), builder_.version()); !started)
            return started;
    }
    thread_ = std::thread(&ControlLink::run, this);
    return {};
}

void ControlLink::stop() {
    if (!stopping_.exchange(true)) {
        [[maybe_unused]] const int written = ::eventfd_write(wake_fd_.get(), 1);
    }
    if (thread_.joinable()) thread_.join();
    if (saver_ != nullptr) saver_->stop();
}

EventQueue& ControlLink::events(std::size_t worker) {
    check(worker < options_.workers, "a worker has a queue");
    return *queues_[worker];
}

bool ControlLink::connected() const {
    return connected_.load();
}
bool ControlLink::has_snapshot() const {
    return has_snapshot_.load();
}
std::uint64_t ControlLink::snapshot_version() const {
    return version_.load();
}

double ControlLink::snapshot_age_seconds() const {
    if (!has_snapshot()) return 0;
    const auto age = static_cast<std::int64_t>(monotonic_now()) - taken_at_.load();
    return static_cast<double>(std::max<std::int64_t>(age, 0)) / static_cast<double>(kSecond);
}

std::uint64_t ControlLink::events_dropped() const {
    std::uint64_t dropped = 0;
    for (const auto& queue : queues_)
        dropped += queue->dropped();
    return dropped;
}

void ControlLink::load_from_disk() {
    if (options_.data_dir.empty()) return;
    SnapshotFile file(options_.data_dir);
    auto loaded = file.load();
    if (!loaded) {
        if (loaded.error().code != Code::not_found)
            log_warn("snapshot on disk ignored", {{"error", loaded.error().detail}});
        return;
    }
    auto table = builder_.build(loaded->snapshot, RouteBuilder::Source::disk);
    if (!table) {
        file.move_aside();
        log_warn("snapshot on disk ignored", {{"error", table.error().detail}});
        return;
    }
    log_info("snapshot taken from disk", {{"version", loaded->snapshot.version},
                                          {"adapters", loaded->snapshot.adapters.size()},
                                          {"age_seconds", loaded->age_seconds}});
    publish(std::move(*table));
    taken_at_ -= static_cast<std::int64_t>(loaded->age_seconds * static_cast<double>(kSecond));
}

void ControlLink::publish(std::unique_ptr<const RouteTable> table) {
    version_ = table->version();
    taken_at_ = static_cast<std::int64_t>(monotonic_now());
    publication_.publish(std::move(table));
    tables_waiting_ = publication_.reclaim();
    has_snapshot_ = true;
    if (options_.wake_workers != nullptr) options_.wake_workers(options_.wake_context);
}

void ControlLink::run() {
    while (!stopping_.load()) {
        if (!socket_ && monotonic_now() >= retry_at_) open_socket();
        sleep_until_needed();
        if (socket_) {
            if (const auto served = serve_socket(); !served) drop_socket(served.error());
        }
        if (tables_waiting_ > 0) tables_waiting_ = publication_.reclaim();
    }
    socket_.reset();
    connected_ = false;
}

void ControlLink::open_socket() {
    auto socket = ControlSocket::connect(options_.socket_path);
    if (!socket) return drop_socket(socket.error());
    // What the janitor has said so far was for a control plane that is gone; it says it again.
    for (InstanceEvent event; janitor_events().pop(event);) {
    }
    contract::Hello hello;
    hello.program_version = options_.program_version;
    hello.snapshot_version = builder_.version();
    hello.snapshot_epoch = builder_.epoch();
    hello.pid = static_cast<std::uint64_t>(::getpid());
    hello.process = process_;
    if (const auto said = socket->send(contract::encode(hello)); !said)
        return drop_socket(said.error());
    socket_.emplace(std::move(*socket));
    connected_ = true;
    log_info("connected to the control plane", {{"snapshot_version", builder_.version()}});
}

// The next try is after the back-off, which grows until a frame has been understood.
void ControlLink::drop_socket(const Error& why) {
    if (connected_ || !failure_told_)
        log_warn("no connection to the control plane",
                 {{"error", why.detail}, {"code", code_name(why.code)}});
    failure_told_ = true;
    socket_.reset();
    connected_ = false;
    retry_at_ = monotonic_now() + retry_ms_ * kMillisecond;
    retry_ms_ = std::min(retry_ms_ * 2, limits::link_retry_ms_max);
}

void ControlLink::sleep_until_needed() {
    const Nanos now = monotonic_now();
    Nanos until = socket_ ? kNever : retry_at_;
    if (tables_waiting_ > 0) until = std::min(until, now + kReclaimInterval);
    const bool has_backlog = socket_ && socket_->waiting_bytes() > 0;
    if (socket_ && !has_backlog && !arm_queues()) until = now;

    std::array<pollfd, 2> fds{pollfd{wake_fd_.get(), POLLIN, 0}, pollfd{-1, POLLIN, 0}};
    if (socket_) {
        fds[1].fd = socket_->fd();
        if (has_backlog) fds[1].events |= POLLOUT;
    }
    if (::poll(fds.data(), fds.size(), poll_timeout_ms(until, now)) < 0)
        check(errno == EINTR, "poll fails for no other reason");
    eventfd_t count = 0;
    [[maybe_unused]] const int drained = ::eventfd_read(wake_fd_.get(), &count);
}

// False when an event waits already.
bool ControlLink::arm_queues() {
    bool all_empty = true;
    for (const auto& queue : queues_)
        all_empty = queue->arm() && all_empty;
    return all_empty;
}

Result<> ControlLink::serve_socket() {
    if (auto flushed = socket_->flush(); !flushed) return flushed;
    const auto received = socket_->receive();
    while (true) {
        auto frame = socket_->next_frame();
        if (!frame) return std::unexpected(std::move(frame.error()));
        if (!frame->has_value()) break;
        if (auto taken = on_frame(**frame); !taken) return taken;
    }
    if (!received) return received;
    return send_events();
}

Result<> ControlLink::on_frame(std::string_view json) {
    const std::string type = contract::type_of(json);
    if (type.empty()) return failure(Code::protocol, "the control plane sent no frame of ours");
    retry_ms_ = limits::link_retry_ms_min;
    failure_told_ = false;
    if (type == "snapshot") {
        const auto snapshot = contract::decode_snapshot(json);
        if (!snapshot) return on_table(0, std::unexpected(snapshot.error()));
        return on_table(snapshot->version, builder_.build(*snapshot));
    }
    if (type == "delta") {
        const auto delta = contract::decode_delta(json);
        if (!delta) return on_table(0, std::unexpected(delta.error()));
        return on_table(delta->to, builder_.apply(*delta));
    }
    if (type == "sessions_query") return on_sessions_query(json);
    if (type == "session_end") return on_session_end(json);
    if (type == "usage_query") return on_usage_query(json);
    // A later control plane may say more than this data plane understands.
    log_debug("frame ignored", {{"type", type}});
    return {};
}

// Publishes and acknowledges the table, or refuses with the reason.
Result<> ControlLink::on_table(std::uint64_t version,
                               Result<std::unique_ptr<const RouteTable>> table) {
    if (!table) {
        log_warn("snapshot refused", {{"version", version},
                                      {"in_force", builder_.version()},
                                      {"reason", table.error().detail}});
        return socket_->send(contract::encode(contract::Refuse{version, table.error().detail}));
    }
    log_debug("snapshot taken", {{"version", version}, {"adapters", (*table)->adapter_count()}});
    publish(std::move(*table));
    if (saver_ != nullptr) saver_->note_change();
    return socket_->send(contract::encode(contract::Ack{version}));
}

// A question that cannot be understood is the control plane's mistake, as a bad frame is.
Result<> ControlLink::on_sessions_query(std::string_view json) {
    const auto query = contract::decode_sessions_query(json);
    if (!query) return std::unexpected(query.error());
    // Nobody waits any longer for what would be behind so much.
    if (socket_->waiting_bytes() > limits::link_out_bytes_high) return {};
    contract::SessionsPage page;
    if (options_.sessions != nullptr) options_.sessions->list(*query, page);
    check(page.items.size() <= query->limit, "a page is not larger than was asked for");
    page.request = query->request;
    return socket_->send(contract::encode(page));
}

Result<> ControlLink::on_session_end(std::string_view json) {
    const auto wish = contract::decode_session_end(json);
    if (!wish) return std::unexpected(wish.error());
    contract::SessionEnded ended{.request = wish->request};
    ended.found = options_.sessions != nullptr && options_.sessions->end(*wish, ended);
    return socket_->send(contract::encode(ended));
}

Result<> ControlLink::on_usage_query(std::string_view json) {
    const auto query = contract::decode_usage_query(json);
    if (!query) return std::unexpected(query.error());
    if (socket_->waiting_bytes() > limits::link_out_bytes_high) return {};
    contract::UsagePage page{.request = query->request};
    if (options_.usage != nullptr) options_.usage->list(*query, page);
    return socket_->send(contract::encode(page));
}

Result<> ControlLink::send_events() {
    InstanceEvent event;
    for (const auto& queue : queues_) {
        while (socket_->waiting_bytes() < limits::link_out_bytes_high && queue->pop(event)) {
            if (event.kind == InstanceEvent::Kind::failure && is_repeated(event)) continue;
            if (event.kind == InstanceEvent::Kind::unknown_key) {
                if (auto sent = send_unknown_key(event.instance); !sent) return sent;
                continue;
            }
            if (auto sent = socket_->send(text_of(event)); !sent) return sent;
        }
    }
    return {};
}

// Workers name an issuer by its hash. One that is gone meanwhile needs no new keys.
Result<> ControlLink::send_unknown_key(std::uint64_t issuer_hash) {
    for (const contract::Issuer& issuer : builder_.access().issuers)
        if (fnv1a(issuer.issuer) == issuer_hash)
            return socket_->send(contract::encode(contract::UnknownKey{issuer.issuer}));
    return {};
}

// A dead instance fails every request that meets it; the control plane needs to hear it once.
bool ControlLink::is_repeated(const InstanceEvent& event) {
    const Nanos now = monotonic_now();
    if (now - told_since_ > limits::failure_repeat_ms * kMillisecond) {
        told_.clear();
        told_since_ = now;
    }
    const auto reason = static_cast<std::uint64_t>(event.reason);
    return !told_.insert(event.instance ^ reason << 56).second;
}

}  // namespace mcpgw
