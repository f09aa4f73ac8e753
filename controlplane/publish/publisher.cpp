// One thread, one poll: gathers changes, numbers them, and keeps every data plane up to date.
#include "controlplane/publish/publisher.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/check.h"
#include "common/limits.h"
#include "common/log.h"
#include "controlplane/publish/view.h"

namespace mcpgw::publish {
namespace {

// Changes that come together (a roll-out, an import) go out together.
constexpr Nanos kCoalesce = kMillisecond;
// The store could not count up.
constexpr Nanos kVersionRetry = 200 * kMillisecond;
constexpr std::uint64_t kNotYet = UINT64_MAX;

using Keys = std::vector<contract::SealingKey>;

// The keys as they are to be told first, if the one that shall seal is another than before: all of
// them, while the old one seals. Nothing if the old one is not among them: then what it sealed is
// lost in any case.
std::optional<Keys> opening_first(const Keys& before, const Keys& wanted) {
    const auto is_current = [](const contract::SealingKey& key) { return key.current; };
    const auto old = std::ranges::find_if(before, is_current);
    if (old == before.end()) return std::nullopt;
    Keys staged = wanted;
    const auto same = std::ranges::find_if(staged, [&old](const contract::SealingKey& key) {
        return key.id == old->id && key.key == old->key;
    });
    if (same == staged.end() || same->current) return std::nullopt;
    for (contract::SealingKey& key : staged)
        key.current = &key == &*same;
    return staged;
}

Result<sockaddr_un> socket_address(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path)
        return failure(Code::invalid_argument,
                       "the path of a Unix socket has at most 107 bytes: " + path);
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    return address;
}

bool somebody_answers(const sockaddr_un& address) {
    const deploy::Descriptor probe(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    return probe &&
           connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

// Only ourselves and root may learn keys and addresses.
bool may_connect(int fd) {
    ucred peer{};
    socklen_t size = sizeof peer;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
           (peer.uid == geteuid() || peer.uid == 0);
}

}  // namespace

Publisher::Publisher(PublisherOptions options)
    : options_(std::move(options)), access_(options_.access), keys_(options_.keys) {}

Result<std::unique_ptr<Publisher>> Publisher::open(PublisherOptions options) {
    check(!options.epoch.empty() && options.next_version != nullptr, "versions have a source");
    std::unique_ptr<Publisher> self(new Publisher(std::move(options)));
    self->event_ = deploy::Descriptor(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!self->event_) return std::unexpected(error_from_errno(errno, "eventfd"));
    if (Result<> listening = self->listen(); !listening) return std::unexpected(listening.error());
    return self;
}

Result<> Publisher::listen() {
    const std::string& path = options_.socket_path;
    const Result<sockaddr_un> address = socket_address(path);
    if (!address) return std::unexpected(address.error());
    if (somebody_answers(*address))
        return failure(Code::address_in_use, path + " is served by another process");
    deploy::Descriptor fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    unlink(path.c_str());
    // The mode is set before the name exists, so that there is no moment with another one.
    if (!fd || fchmod(fd.get(), 0600) != 0 ||
        bind(fd.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address) != 0 ||
        ::listen(fd.get(), 16) != 0)
        return std::unexpected(error_from_errno(errno, "cannot listen on " + path));
    listener_ = std::move(fd);
    return {};
}

Publisher::~Publisher() {
    stop();
    if (listener_) unlink(options_.socket_path.c_str());
}

void Publisher::start() {
    check(!thread_.joinable(), "started once");
    stopping_ = false;
    thread_ = std::thread([this] { run(); });
}

void Publisher::stop() {
    if (!thread_.joinable()) return;
    stopping_ = true;
    wake();
    thread_.join();
}

void Publisher::wake() {
    const std::uint64_t one = 1;
    maybe(write(event_.get(), &one, sizeof one) == sizeof one);
}

void Publisher::change(std::string_view name, const model::Adapter* desired,
                       const std::vector<deploy::InstanceStatus>& instances) {
    std::optional<contract::Adapter> view;
    // Data planes route to adapters; a tool that has the name of one that was makes that one gone.
    if (desired != nullptr && desired->kind() == model::Kind::adapter)
        view = view_of(*desired, instances);
    {
        const std::scoped_lock lock(mutex_);
        if (view) {
            said_gone_.erase(std::string(name));
            said_.insert_or_assign(std::string(name), std::move(*view));
        } else {
            said_.erase(std::string(name));
            said_gone_.emplace(name);
        }
    }
    wake();
}

void Publisher::change_keys(Keys keys) {
    {
        const std::scoped_lock lock(mutex_);
        said_keys_ = std::move(keys);
    }
    wake();
}

void Publisher::change_access(contract::Access access) {
    {
        const std::scoped_lock lock(mutex_);
        said_access_ = std::move(access);
    }
    wake();
}

std::vector<std::string> Publisher::processes() {
    const std::scoped_lock lock(mutex_);
    return processes_;
}

bool Publisher::ask(std::string process, std::string json) {
    {
        const std::scoped_lock lock(mutex_);
        if (questions_bytes_ + json.size() > limits::question_bytes_max) return false;
        questions_bytes_ += json.size();
        questions_.emplace_back(std::move(process), std::move(json));
    }
    wake();
    return true;
}

void Publisher::open_gate() {
    {
        const std::scoped_lock lock(mutex_);
        gate_open_ = true;
    }
    wake();
}

// --- The thread ---------------------------------------------------------------------------------

void Publisher::run() {
    while (!stopping_) {
        const Nanos now = monotonic_now();
        take_changes(now);
        if (now >= publish_at_) make_version(now);
        accept_peers(now);
        send_questions(now);
        std::size_t followers = 0;
        for (const auto& peer : peers_) {
            serve(*peer, now);
            if (version_ != 0 && peer->version() == version_) ++followers;
        }
        part_with_closed();
        note_processes();
        followers_ = followers;
        let_key_seal(now);
        wait();
    }
    peers_.clear();
}

void Publisher::wait() {
    std::vector<pollfd> waits{{event_.get(), POLLIN, 0}, {listener_.get(), POLLIN, 0}};
    Nanos until = publish_at_;
    for (const auto& peer : peers_) {
        const int events = peer->wants_to_write() ? POLLIN | POLLOUT : POLLIN;
        waits.push_back({peer->fd(), static_cast<short>(events), 0});
        until = std::min(until, peer->deadline());
    }
    if (peers_.size() >= limits::data_planes_max) waits[1].fd = -1;
    const Nanos now = monotonic_now();
    const Nanos left = until <= now ? 0 : until - now;
    const timespec patience{static_cast<time_t>(left / kSecond), static_cast<long>(left % kSecond)};
    maybe(ppoll(waits.data(), waits.size(), until == kNever ? nullptr : &patience, nullptr) > 0);
    std::uint64_t count = 0;
    maybe(read(event_.get(), &count, sizeof count) == sizeof count);
}

// Moves what was said into what is true, and notes what that changes.
void Publisher::take_changes(Nanos now) {
    Adapters said;
    std::set<std::string, std::less<>> gone;
    std::optional<Keys> keys;
    std::optional<contract::Access> access;
    {
        const std::scoped_lock lock(mutex_);
        said.swap(said_);
        gone.swap(said_gone_);
        keys.swap(said_keys_);
        access.swap(said_access_);
        may_publish_ = gate_open_;
    }
    for (auto& [name, adapter] : said) {
        const auto known = adapters_.find(name);
        if (known != adapters_.end() && known->second == adapter) continue;
        adapters_.insert_or_assign(name, std::move(adapter));
        next_.names.push_back(name);
    }
    for (const std::string& name : gone)
        if (adapters_.erase(name) > 0) next_.names.push_back(name);
    if (keys) take_keys(std::move(*keys), now);
    if (access && *access != access_) {
        access_ = std::move(*access);
        next_.access = true;
    }
    const bool news = !next_.is_empty() || version_ == 0;
    if (news && may_publish_ && publish_at_ == kNever) publish_at_ = now + kCoalesce;
}

void Publisher::take_keys(Keys keys, Nanos now) {
    std::optional<Keys> staged = version_ == 0 ? std::nullopt : opening_first(keys_, keys);
    waiting_keys_.reset();
    if (staged) {
        waiting_keys_ = std::move(keys);
        waiting_since_ = now;
        waits_for_long_ = false;
    }
    Keys& told = staged ? *staged : keys;
    if (told == keys_) return;
    keys_ = std::move(told);
    keys_version_ = kNotYet;
    next_.keys = true;
}

bool Publisher::has_keys(const Peer& peer) const {
    return peer.version() >= keys_version_ && remembers(peer.version());
}

// A data plane that has not said what it has, or refuses what is new, is waited for: it may serve.
void Publisher::let_key_seal(Nanos now) {
    if (!waiting_keys_) return;
    if (std::ranges::all_of(peers_, [this](const auto& peer) { return has_keys(*peer); })) {
        log_info("a new sealing key seals from now on");
        keys_ = std::move(*waiting_keys_);
        waiting_keys_.reset();
        keys_version_ = kNotYet;
        next_.keys = true;
        if (publish_at_ == kNever) publish_at_ = now + kCoalesce;
    } else if (!waits_for_long_ && now - waiting_since_ > options_.patience_ms * kMillisecond) {
        waits_for_long_ = true;
        log_warn("a data plane does not take the new sealing key; the old one goes on sealing");
    }
}

void Publisher::make_version(Nanos now) {
    publish_at_ = kNever;
    const Result<std::uint64_t> version = options_.next_version();
    if (!version) {
        log_error("cannot publish", {{"why", version.error().detail}});
        publish_at_ = now + kVersionRetry;
        return;
    }
    check(*version > version_, "versions grow");
    if (next_.keys || version_ == 0) keys_version_ = *version;
    next_.version = *version;
    for (const std::string& name : next_.names) {
        const auto adapter = adapters_.find(name);
        drains_.note_version(*version, name,
                             adapter == adapters_.end() ? nullptr : &adapter->second);
    }
    history_.push_back(std::move(next_));
    if (history_.size() > limits::snapshot_history_max) history_.pop_front();
    next_ = Step{};
    full_.clear();
    version_ = *version;
}

void Publisher::accept_peers(Nanos now) {
    while (peers_.size() < limits::data_planes_max) {
        deploy::Descriptor fd(
            accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
        if (!fd) return;
        if (!may_connect(fd.get())) {
            log_warn("a process of another user wanted the snapshot");
            continue;
        }
        peers_.push_back(
            std::make_unique<Peer>(std::move(fd), now + options_.patience_ms * kMillisecond));
        peers_.back()->serial = ++last_serial_;
    }
}

void Publisher::serve(Peer& peer, Nanos now) {
    peer.receive();
    while (const std::optional<std::string> frame = peer.next_frame())
        take_frame(peer, *frame);
    if (now >= peer.deadline()) peer.close("it does not answer");
    if (peer.state() == Peer::State::idle) send_news(peer, now);
    if (peer.state() != Peer::State::closed) peer.flush(now, options_.patience_ms * kMillisecond);
}

void Publisher::send_questions(Nanos now) {
    std::vector<std::pair<std::string, std::string>> questions;
    {
        const std::scoped_lock lock(mutex_);
        questions.swap(questions_);
        questions_bytes_ = 0;
    }
    for (const auto& [process, json] : questions) {
        const auto peer = std::ranges::find_if(peers_, [&process](const auto& one) {
            return one->is_known() && one->process == process;
        });
        const Nanos deadline = now + options_.patience_ms * kMillisecond;
        const bool sent =
            peer != peers_.end() && (*peer)->send_beside(contract::encode_frame(json), deadline);
        if (!sent && options_.on_left) options_.on_left(process);
    }
}

void Publisher::part_with_closed() {
    std::erase_if(peers_, [this](const auto& peer) {
        if (peer->state() != Peer::State::closed) return false;
        if (!peer->process.empty() && options_.on_left) options_.on_left(peer->process);
        return true;
    });
}

void Publisher::note_processes() {
    std::vector<std::string> names;
    for (const auto& peer : peers_)
        if (peer->is_known() && !peer->process.empty()) names.push_back(peer->process);
    std::ranges::sort(names);
    names.erase(std::ranges::unique(names).begin(), names.end());
    const std::scoped_lock lock(mutex_);
    processes_ = std::move(names);
}

void Publisher::take_frame(Peer& peer, const std::string& json) {
    const std::string type = contract::type_of(json);
    if (type.empty()) return peer.close("it sent something that is no message");
    if (peer.state() == Peer::State::greeting || type == "hello") return take_hello(peer, json);
    if (type == "ack") {
        const Result<contract::Ack> ack = contract::decode_ack(json);
        if (!ack || !peer.answered(ack->version, true)) peer.close("it took what was not sent");
    } else if (type == "refuse") {
        const Result<contract::Refuse> refuse = contract::decode_refuse(json);
        if (!refuse || !peer.answered(refuse->version, false))
            return peer.close("it refused what was not sent");
        log_error("data plane refused a snapshot",
                  {{"pid", peer.pid}, {"version", refuse->version}, {"why", refuse->reason}});
    } else if (type == "instance_failure") {
        const Result<contract::InstanceFailure> event = contract::decode_instance_failure(json);
        if (!event) return peer.close(event.error().detail);
        if (options_.on_failure) options_.on_failure(*event);
    } else if (type == "unknown_key") {
        const Result<contract::UnknownKey> event = contract::decode_unknown_key(json);
        if (!event) return peer.close(event.error().detail);
        if (options_.on_unknown_key) options_.on_unknown_key(*event);
    } else if (type == "sessions_page" || type == "session_ended" || type == "usage_page") {
        if (options_.on_answer && !peer.process.empty()) options_.on_answer(peer.process, json);
    } else if (type == "instance_drained") {
        take_drained(peer, json);
    }
    // Other types are news from a newer data plane, meant for a newer control plane.
}

void Publisher::take_hello(Peer& peer, const std::string& json) {
    const Result<contract::Hello> hello = contract::decode_hello(json);
    if (!hello || peer.state() != Peer::State::greeting)
        return peer.close("it did not begin with one hello");
    peer.pid = hello->pid;
    if (hello->contract_version != contract::kContractVersion)
        return peer.close("it speaks another version of the contract");
    log_info("data plane connected", {{"pid", hello->pid},
                                      {"program", hello->program_version},
                                      {"version", hello->snapshot_version}});
    peer.process = hello->process;
    peer.greeted(hello->snapshot_epoch == options_.epoch ? hello->snapshot_version : 0);
}

// One that has connected but not yet said what it has in force may have sessions, too.
void Publisher::take_drained(Peer& peer, const std::string& json) {
    const Result<contract::InstanceDrained> event = contract::decode_instance_drained(json);
    if (!event) return peer.close(event.error().detail);
    // A version that this data plane has not acknowledged is none of ours.
    if (event->version > peer.version()) return;
    const Nanos now = monotonic_now();
    drains_.note_event(*event, peer.serial, now);
    std::vector<std::uint64_t> connected;
    for (const auto& one : peers_)
        if (one->state() != Peer::State::closed) connected.push_back(one->serial);
    if (options_.on_drained && drains_.is_drained(event->instance, connected, now))
        options_.on_drained(*event);
}

bool Publisher::remembers(std::uint64_t version) const {
    return std::ranges::any_of(history_,
                               [version](const Step& step) { return step.version == version; });
}

std::string Publisher::update_for(const Peer& peer) {
    if (peer.refused() != 0 || !remembers(peer.version())) {
        if (full_.empty()) {
            contract::Snapshot snapshot{options_.epoch, version_, keys_, {}, access_};
            for (const auto& [name, adapter] : adapters_)
                snapshot.adapters.push_back(adapter);
            full_ = contract::encode(snapshot);
        }
        return full_;
    }
    contract::Delta delta{options_.epoch, peer.version(), version_, {}, {}, {}, {}};
    std::set<std::string_view> names;
    for (const Step& step : history_) {
        if (step.version <= peer.version()) continue;
        names.insert(step.names.begin(), step.names.end());
        if (step.keys) delta.keys = keys_;
        if (step.access) delta.access = access_;
    }
    for (const std::string_view name : names) {
        const auto adapter = adapters_.find(name);
        if (adapter != adapters_.end())
            delta.upserts.push_back(adapter->second);
        else
            delta.removals.emplace_back(name);
    }
    return contract::encode(delta);
}

void Publisher::send_news(Peer& peer, Nanos now) {
    if (version_ == 0 || peer.version() == version_ || peer.refused() == version_) return;
    const std::string json = update_for(peer);
    if (json.size() > limits::frame_bytes_max) {
        log_error("the snapshot is too large to be sent", {{"bytes", json.size()}});
        peer.give_up_on(version_);
        return;
    }
    peer.send_update(contract::encode_frame(json), version_,
                     now + options_.patience_ms * kMillisecond);
}

}  // namespace mcpgw::publish
