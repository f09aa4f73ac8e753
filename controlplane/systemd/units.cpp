// Asking systemd, and keeping what it answers.
#include "controlplane/systemd/units.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>

#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "common/check.h"
#include "common/log.h"
#include "controlplane/systemd/unit_messages.h"

namespace mcpgw::systemd {
namespace {

constexpr const char* kProperties = "org.freedesktop.DBus.Properties";
constexpr const char* kManager = "org.freedesktop.systemd1.Manager";
constexpr std::string_view kExists = "org.freedesktop.systemd1.UnitExists";
constexpr std::string_view kNoSuchUnit = "org.freedesktop.systemd1.NoSuchUnit";

bool is_error(sd_bus_message* answer, std::string_view name) {
    const sd_bus_error* error = sd_bus_message_get_error(answer);
    return error != nullptr && error->name != nullptr && name == error->name;
}

bool is_error(sd_bus_message* answer) {
    return sd_bus_message_is_method_error(answer, nullptr) > 0;
}

void ignore(sd_bus_message*) {}

}  // namespace

// --- The connection -----------------------------------------------------------------------------

Result<> Units::open(OnFound on_found) {
    on_found_ = std::move(on_found);
    timer_ = deploy::Descriptor(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
    epoll_event event{};
    event.events = EPOLLIN;
    if (!timer_ || epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, timer_.get(), &event) != 0)
        return std::unexpected(error_from_errno(errno, "timer for systemd"));
    const Nanos deadline = monotonic_now() + limits::systemd_first_look_ms * kMillisecond;
    connect();
    // Any trouble now is the end: whoever starts us shall know.
    while (bus_ != nullptr && !listed_ && trouble_.empty() && monotonic_now() < deadline) {
        pollfd wait{bus_->fd(), POLLIN, 0};
        if ((bus_->wanted_events() & EPOLLOUT) != 0) wait.events |= POLLOUT;
        const Nanos now = monotonic_now();
        const Nanos until = std::min(deadline, bus_->deadline());
        const Nanos left = until <= now ? 0 : until - now;
        poll(&wait, 1, static_cast<int>(left / kMillisecond) + 1);
        process();
    }
    if (listed_) return {};
    return failure(Code::unavailable,
                   trouble_.empty() ? "systemd does not answer on its bus" : trouble_);
}

void Units::connect() {
    check(bus_ == nullptr, "one connection at a time");
    connect_at_ = kNever;
    Result<std::unique_ptr<Bus>> bus = Bus::open(scope_);
    if (!bus) return disconnect(bus.error().detail);
    bus_ = std::move(*bus);
    watched_events_ = bus_->wanted_events();
    epoll_event event{};
    event.events = watched_events_;
    if (epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, bus_->fd(), &event) != 0)
        return disconnect(std::string("cannot watch the bus: ") + std::strerror(errno));
    general_.push_back(bus_->listen_to_owner([this](sd_bus_message* signal) {
        const char* name = nullptr;
        const char* before = nullptr;
        const char* now = nullptr;
        if (sd_bus_message_read(signal, "sss", &name, &before, &now) > 0 && *now != '\0') list();
    }));
    // After a reload, changes may not have been told.
    general_.push_back(bus_->listen(nullptr, kManager, "Reloading", [this](sd_bus_message* signal) {
        int begins = 0;
        if (sd_bus_message_read(signal, "b", &begins) > 0 && begins == 0) list();
    }));
    list();
    settle();
}

void Units::disconnect(const std::string& why) {
    if (trouble_ != why) log_warn("no connection to systemd", {{"why", why}});
    trouble_ = why;
    for (auto& [name, unit] : units_) {
        unit.changes.reset();
        // Whether it has come about shows in the next list.
        if (unit.life == Unit::Life::asked) unit.life = Unit::Life::present;
    }
    general_.clear();
    bus_.reset();
    listed_ = false;
    ++round_;
    const auto scatter = static_cast<std::uint64_t>(monotonic_now());
    connect_at_ = monotonic_now() + backoff_.next(scatter);
}

// What the kernel shall wake us for.
void Units::settle() {
    // What concerns somebody is told by the next event.
    Nanos due = concerned_.empty() ? connect_at_ : 0;
    if (bus_ != nullptr) {
        due = bus_->is_broken() ? 0 : std::min(due, bus_->deadline());
        const std::uint32_t wanted = bus_->wanted_events();
        epoll_event event{};
        event.events = wanted;
        if (wanted != watched_events_) epoll_ctl(epoll_fd_, EPOLL_CTL_MOD, bus_->fd(), &event);
        watched_events_ = wanted;
    }
    itimerspec when{};
    if (due != kNever) {
        // All zero would mean never.
        const Nanos at = std::max<Nanos>(due, 1);
        when.it_value.tv_sec = static_cast<time_t>(at / kSecond);
        when.it_value.tv_nsec = static_cast<long>(at % kSecond);
    }
    timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &when, nullptr);
}

void Units::process() {
    std::uint64_t count = 0;
    maybe(read(timer_.get(), &count, sizeof count) == sizeof count);
    if (bus_ != nullptr) {
        bus_->process();
        if (bus_->is_broken()) disconnect("the bus is gone: " + bus_->why_broken());
    } else if (monotonic_now() >= connect_at_) {
        connect();
    }
    settle();
}

// --- Listing ------------------------------------------------------------------------------------

void Units::list() {
    const std::uint64_t round = ++round_;
    bus_->send(bus_->call_of("Subscribe"), ignore);
    for (auto& [name, unit] : units_)
        unit.listed = false;
    Message call = bus_->call_of("ListUnitsByPatterns");
    const std::string pattern = unit_pattern(gateway_);
    const std::string slice = slice_name(gateway_);
    if (call != nullptr &&
        sd_bus_message_append(call.get(), "asas", 0, 2, pattern.c_str(), slice.c_str()) < 0)
        call.reset();
    bus_->send(std::move(call),
               [this, round](sd_bus_message* answer) { take_list(answer, round); });
}

void Units::take_list(sd_bus_message* answer, std::uint64_t round) {
    if (round != round_) return;
    std::vector<ListedUnit> all;
    if (is_error(answer) || !read_list(answer, all)) {
        const std::string why = is_error(answer) ? error_text(answer) : "it is not understood";
        log_warn("systemd does not list its units", {{"why", why}});
        trouble_ = "systemd does not list its units: " + why;
        return;
    }
    awaited_ = all.size();
    for (const ListedUnit& one : all) {
        Unit& unit = units_[one.name];
        if (!unit.is_ours) unit.life = Unit::Life::present;
        unit.listed = true;
        if (unit.changes == nullptr) watch(one.name, unit);
        ask_details(one.name, true);
    }
    if (awaited_ == 0) finish_list();
}

void Units::ask_details(const std::string& name, bool is_awaited) {
    Message call = bus_->call_of(path_of(name).c_str(), kProperties, "GetAll");
    // An empty interface stands for all of them.
    if (call != nullptr && sd_bus_message_append(call.get(), "s", "") < 0) call.reset();
    const std::uint64_t round = is_awaited ? round_ : 0;
    bus_->send(std::move(call), [this, name, round](sd_bus_message* answer) {
        if (units_.contains(name)) take_details(answer, name);
        if (round == round_ && --awaited_ == 0) finish_list();
    });
}

void Units::take_details(sd_bus_message* answer, const std::string& name) {
    const auto place = units_.find(name);
    Unit& unit = place->second;
    std::vector<std::string> environment;
    UnitState state;
    if (is_error(answer) || !read_properties(answer, state, &environment)) {
        // It has gone since it was listed, or is nothing like a service.
        unit.listed = false;
        if (!unit.is_ours) units_.erase(place);
        return;
    }
    unit.state = state;
    if (unit.life == Unit::Life::gone) unit.life = Unit::Life::present;
    if (name == slice_name(gateway_)) unit.is_ours = true;  // whoever made it
    if (!unit.is_ours) {
        const std::optional<Marks> marks = decode(gateway_, environment);
        if (!marks || unit_name(gateway_, *marks) != name) {
            units_.erase(place);
            return;
        }
        unit.is_ours = true;
        unit.concerns = marks->adapter;
        hold(name);
        on_found_(name, *marks);
        return;
    }
    if (!unit.concerns.empty()) hold(name);
    note(unit);
}

void Units::finish_list() {
    for (auto& [name, unit] : units_) {
        if (unit.listed || unit.life != Unit::Life::present) continue;
        unit.life = Unit::Life::gone;
        note(unit);
    }
    if (!trouble_.empty()) log_info("systemd is there again");
    trouble_.clear();
    backoff_.reset();
    listed_ = true;
    ++lists_;
}

// --- Single units -------------------------------------------------------------------------------

void Units::watch(const std::string& name, Unit& unit) {
    unit.changes =
        bus_->listen(path_of(name).c_str(), kProperties, "PropertiesChanged",
                     [this, name](sd_bus_message* signal) {
                         const auto place = units_.find(name);
                         if (place == units_.end()) return;
                         if (!read_change(signal, place->second.state))
                             log_warn("a signal of systemd is not understood", {{"unit", name}});
                         note(place->second);
                     });
}

// A reference keeps the unit loaded, so that it can still say how it ended.
void Units::hold(const std::string& name) {
    Message call = bus_->call_of("RefUnit");
    if (call != nullptr && sd_bus_message_append(call.get(), "s", name.c_str()) < 0) call.reset();
    bus_->send(std::move(call), ignore);
}

void Units::note(const Unit& unit) {
    if (!unit.concerns.empty()) concerned_.push_back(unit.concerns);
}

void Units::start(const std::string& name, std::string concerns, const Properties& properties) {
    check(bus_ != nullptr, "somebody is there to be asked");
    Unit& unit = units_[name];
    unit.life = Unit::Life::asked;
    unit.concerns = std::move(concerns);
    unit.state = {};
    unit.refusal.clear();
    unit.is_ours = true;
    watch(name, unit);
    Message call = bus_->call_of("StartTransientUnit");
    if (call == nullptr || !append_start(call.get(), name, properties)) {
        unit.life = Unit::Life::gone;
        unit.refusal = "its description cannot be written";
        note(unit);
        return settle();
    }
    bus_->send(std::move(call), [this, name](sd_bus_message* answer) { take_start(answer, name); });
    settle();
}

void Units::take_start(sd_bus_message* answer, const std::string& name) {
    const auto place = units_.find(name);
    if (place == units_.end()) return;
    Unit& unit = place->second;
    unit.life = Unit::Life::present;
    if (is_error(answer, kExists)) {
        // Names are new for every start; only lifeline and slice are asked for again.
        ask_details(name, false);
    } else if (is_error(answer)) {
        unit.life = Unit::Life::gone;
        unit.refusal = error_text(answer);
    }
    note(unit);
}

void Units::stop(const std::string& name) {
    if (bus_ == nullptr) return;
    Message call = bus_->call_of("StopUnit");
    if (call != nullptr && sd_bus_message_append(call.get(), "ss", name.c_str(), "replace") < 0)
        call.reset();
    bus_->send(std::move(call), [this, name](sd_bus_message* answer) {
        const auto place = units_.find(name);
        if (!is_error(answer) || place == units_.end()) return;
        if (is_error(answer, kNoSuchUnit)) {
            place->second.life = Unit::Life::gone;
            return note(place->second);
        }
        log_warn("systemd does not stop a unit", {{"unit", name}, {"why", error_text(answer)}});
    });
    settle();
}

void Units::kill(const std::string& name, int signal) {
    if (bus_ == nullptr) return;
    Message call = bus_->call_of("KillUnit");
    if (call != nullptr &&
        sd_bus_message_append(call.get(), "ssi", name.c_str(), "all", signal) < 0)
        call.reset();
    bus_->send(std::move(call), ignore);
    settle();
}

void Units::release(const std::string& name) {
    units_.erase(name);
    if (bus_ == nullptr) return;
    Message call = bus_->call_of("UnrefUnit");
    if (call != nullptr && sd_bus_message_append(call.get(), "s", name.c_str()) < 0) call.reset();
    bus_->send(std::move(call), ignore);
    settle();
}

void Units::stop_slice() {
    stop(slice_name(gateway_));
}

const Unit* Units::find(const std::string& name) const {
    const auto place = units_.find(name);
    return place == units_.end() ? nullptr : &place->second;
}

std::vector<std::string> Units::take_concerned() {
    std::vector<std::string> names = std::exchange(concerned_, {});
    settle();
    return names;
}

}  // namespace mcpgw::systemd
