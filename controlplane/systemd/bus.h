// The connection to a bus on which systemd listens: calls that never block, and signals.
//
// Owned by Units, on the reconciler's thread. Answers and signals are delivered within process().
// An object is one connection: when it breaks (is_broken), it is replaced by another, and whoever
// waited for an answer gets none. The callers of sd-bus are here and in unit_messages.h only.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include <systemd/sd-bus.h>

#include "common/result.h"
#include "common/time.h"

namespace mcpgw::systemd {

enum class Scope : std::uint8_t { system, user };

// sd_bus_message with an owner.
struct MessageDeleter {
    void operator()(sd_bus_message* message) const { sd_bus_message_unref(message); }
};
using Message = std::unique_ptr<sd_bus_message, MessageDeleter>;
struct SlotDeleter {
    void operator()(sd_bus_slot* slot) const { sd_bus_slot_unref(slot); }
};
using Slot = std::unique_ptr<sd_bus_slot, SlotDeleter>;

class Bus {
  public:
    // An answer or a signal; an answer may be an error (sd_bus_message_is_method_error).
    using Handler = std::function<void(sd_bus_message*)>;

    // Begins to connect.
    [[nodiscard]] static Result<std::unique_ptr<Bus>> open(Scope scope);
    Bus(const Bus&) = delete;
    Bus& operator=(const Bus&) = delete;
    ~Bus();

    [[nodiscard]] bool is_broken() const { return broken_ != 0; }
    [[nodiscard]] std::string why_broken() const;
    [[nodiscard]] int fd() const { return fd_; }
    [[nodiscard]] std::uint32_t wanted_events() const;  // EPOLLIN, EPOLLOUT
    [[nodiscard]] Nanos deadline() const;               // process() wants to be called then

    // A method of systemd's Manager, or of another of its objects. Null if it cannot be made; then
    // the connection counts as broken.
    [[nodiscard]] Message call_of(const char* method);
    [[nodiscard]] Message call_of(const char* path, const char* interface, const char* method);
    // Sends it. The handler gets the answer, once, unless the connection breaks before.
    void send(Message call, Handler handler);
    // Signals from systemd; `path` and `member` may be null for any. Until the slot is dropped.
    [[nodiscard]] Slot listen(const char* path, const char* interface, const char* member,
                              Handler handler);
    // The owner of systemd's name on the bus changed.
    [[nodiscard]] Slot listen_to_owner(Handler handler);
    void process();

  private:
    explicit Bus(sd_bus* bus) : bus_(bus) {}
    [[nodiscard]] Slot add_match(const std::string& rule, Handler handler);
    void note(int result);

    sd_bus* bus_;
    int fd_ = -1;
    int broken_ = 0;  // errno
};

// "name: message" of an error, or its message alone where that says everything.
[[nodiscard]] std::string error_text(sd_bus_message* answer);

}  // namespace mcpgw::systemd
