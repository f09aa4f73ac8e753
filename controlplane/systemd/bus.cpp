// sd-bus, without its event loop.
#include "controlplane/systemd/bus.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include <poll.h>
#include <sys/epoll.h>

#include "common/check.h"
#include "common/limits.h"

namespace mcpgw::systemd {
namespace {

constexpr const char* kService = "org.freedesktop.systemd1";
constexpr const char* kManagerPath = "/org/freedesktop/systemd1";
constexpr const char* kManager = "org.freedesktop.systemd1.Manager";
constexpr std::uint64_t kCallMicros = std::uint64_t{limits::systemd_call_ms} * 1'000;

void drop_handler(void* handler) {
    delete static_cast<Bus::Handler*>(handler);
}

// What a handler throws away here would go through C.
int deliver(sd_bus_message* message, void* handler, sd_bus_error*) {
    (*static_cast<Bus::Handler*>(handler))(message);
    return 0;
}

}  // namespace

Result<std::unique_ptr<Bus>> Bus::open(Scope scope) {
    sd_bus* raw = nullptr;
    const int result = scope == Scope::system ? sd_bus_open_system(&raw) : sd_bus_open_user(&raw);
    if (result < 0)
        return std::unexpected(error_from_errno(-result, scope == Scope::system
                                                             ? "cannot reach the system's bus"
                                                             : "cannot reach the user's bus"));
    std::unique_ptr<Bus> bus(new Bus(raw));
    bus->fd_ = sd_bus_get_fd(raw);
    if (bus->fd_ < 0) return std::unexpected(error_from_errno(-bus->fd_, "no descriptor of a bus"));
    return bus;
}

Bus::~Bus() {
    sd_bus_close_unref(bus_);
}

std::string Bus::why_broken() const {
    return std::strerror(broken_);
}

void Bus::note(int result) {
    if (result < 0 && broken_ == 0) broken_ = -result;
}

std::uint32_t Bus::wanted_events() const {
    const int events = sd_bus_get_events(bus_);
    std::uint32_t wanted = EPOLLIN;
    if (events >= 0 && (events & POLLOUT) != 0) wanted |= EPOLLOUT;
    return wanted;
}

Nanos Bus::deadline() const {
    std::uint64_t micros = UINT64_MAX;
    if (sd_bus_get_timeout(bus_, &micros) < 0 || micros == UINT64_MAX) return kNever;
    return micros * 1'000;  // of the monotonic clock, as ours
}

Message Bus::call_of(const char* method) {
    return call_of(kManagerPath, kManager, method);
}

Message Bus::call_of(const char* path, const char* interface, const char* method) {
    sd_bus_message* message = nullptr;
    note(sd_bus_message_new_method_call(bus_, &message, kService, path, interface, method));
    return Message(message);
}

void Bus::send(Message call, Handler handler) {
    if (is_broken() || call == nullptr) return;
    auto* owned = new Handler(std::move(handler));
    sd_bus_slot* slot = nullptr;
    const int result = sd_bus_call_async(bus_, &slot, call.get(), deliver, owned, kCallMicros);
    if (result < 0) {
        delete owned;
        note(result);
        return;
    }
    sd_bus_slot_set_destroy_callback(slot, drop_handler);
    // The connection keeps it until the answer has come.
    sd_bus_slot_set_floating(slot, 1);
    sd_bus_slot_unref(slot);
}

Slot Bus::add_match(const std::string& rule, Handler handler) {
    if (is_broken()) return {};
    auto* owned = new Handler(std::move(handler));
    sd_bus_slot* slot = nullptr;
    const int result = sd_bus_add_match_async(bus_, &slot, rule.c_str(), deliver, nullptr, owned);
    if (result < 0) {
        delete owned;
        note(result);
        return {};
    }
    sd_bus_slot_set_destroy_callback(slot, drop_handler);
    return Slot(slot);
}

Slot Bus::listen(const char* path, const char* interface, const char* member, Handler handler) {
    std::string rule = std::string("type='signal',sender='") + kService + "'";
    if (path != nullptr) rule += std::string(",path='") + path + "'";
    rule += std::string(",interface='") + interface + "'";
    if (member != nullptr) rule += std::string(",member='") + member + "'";
    return add_match(rule, std::move(handler));
}

Slot Bus::listen_to_owner(Handler handler) {
    return add_match(std::string("type='signal',sender='org.freedesktop.DBus',"
                                 "interface='org.freedesktop.DBus',member='NameOwnerChanged',"
                                 "arg0='") +
                         kService + "'",
                     std::move(handler));
}

void Bus::process() {
    while (!is_broken()) {
        const int result = sd_bus_process(bus_, nullptr);
        note(result);
        if (result <= 0) break;
    }
    if (!is_broken() && sd_bus_is_open(bus_) <= 0) broken_ = ECONNRESET;
}

std::string error_text(sd_bus_message* answer) {
    const sd_bus_error* error = sd_bus_message_get_error(answer);
    if (error == nullptr) return {};
    if (error->message != nullptr && *error->message != '\0') return error->message;
    return error->name != nullptr ? error->name : "an error without a name";
}

}  // namespace mcpgw::systemd
