// Our units as systemd has them: what it was asked for, and what it says about each.
//
// Owned by SystemdSite, on the reconciler's thread. Answers and signals only change the records of
// the units, and note whom that concerns; what to do about it is decided by those who ask (find).
// When the bus goes away, or systemd is executed anew, everything is listed again: whatever is not
// in the list any more is gone. Units of others are never touched: a listed unit is known only if
// its marks are ours (unit_names.h).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/limits.h"
#include "common/result.h"
#include "common/time.h"
#include "controlplane/deploy/backoff.h"
#include "controlplane/deploy/instance_directory.h"
#include "controlplane/systemd/bus.h"
#include "controlplane/systemd/unit_names.h"
#include "controlplane/systemd/unit_properties.h"
#include "controlplane/systemd/unit_state.h"

namespace mcpgw::systemd {

struct Unit {
    // asked: StartTransientUnit is on its way. gone: systemd does not have it, or refused it.
    enum class Life : std::uint8_t { asked, present, gone };
    Life life = Life::asked;
    std::string concerns;  // the adapter, empty for lifeline and slice
    UnitState state;
    std::string refusal;  // why it was not started, in systemd's words
    Slot changes;
    bool is_ours = false;  // we have started it, or its marks were read
    bool listed = false;   // by the list that is being read
};

class Units {
  public:
    // Gets every unit with our marks that nobody has started here; while listing.
    using OnFound = std::function<void(const std::string& name, const Marks& marks)>;

    Units(Scope scope, std::string gateway, int epoll_fd)
        : scope_(scope), gateway_(std::move(gateway)), epoll_fd_(epoll_fd) {}
    Units(const Units&) = delete;
    Units& operator=(const Units&) = delete;
    ~Units() = default;

    // Connects and lists; waits until that is done. unavailable: nobody there, with the reason.
    [[nodiscard]] Result<> open(OnFound on_found);

    [[nodiscard]] bool is_connected() const { return bus_ != nullptr && listed_; }
    // Grows with every complete list. What was asked for before may have been lost.
    [[nodiscard]] std::uint64_t lists() const { return lists_; }

    // A unit that must not exist yet. The outcome shows in its record.
    void start(const std::string& name, std::string concerns, const Properties& properties);
    void stop(const std::string& name);
    void kill(const std::string& name, int signal);
    // Nobody is interested any more; systemd may forget it.
    void release(const std::string& name);
    void stop_slice();
    [[nodiscard]] const Unit* find(const std::string& name) const;

    // The descriptors in the epoll (serial 0) have something to say, or a deadline is over.
    void process();
    // Adapters that news concern, since the last call.
    [[nodiscard]] std::vector<std::string> take_concerned();

  private:
    void connect();
    void disconnect(const std::string& why);
    void list();
    void take_list(sd_bus_message* answer, std::uint64_t round);
    void ask_details(const std::string& name, bool is_awaited);
    void take_details(sd_bus_message* answer, const std::string& name);
    void take_start(sd_bus_message* answer, const std::string& name);
    void finish_list();
    void watch(const std::string& name, Unit& unit);
    void hold(const std::string& name);
    void note(const Unit& unit);
    void settle();

    const Scope scope_;
    const std::string gateway_;
    const int epoll_fd_;
    OnFound on_found_;
    std::unique_ptr<Bus> bus_;
    std::vector<Slot> general_;  // what concerns no single unit
    deploy::Descriptor timer_;
    std::map<std::string, Unit> units_;
    std::vector<std::string> concerned_;

    bool listed_ = false;      // the present connection has brought a complete list
    std::uint64_t round_ = 0;  // of listing: answers to an older one are void
    std::size_t awaited_ = 0;  // details that are still to come
    std::uint64_t lists_ = 0;
    deploy::Backoff backoff_{limits::systemd_reconnect_first_ms, limits::systemd_reconnect_last_ms};
    Nanos connect_at_ = kNever;
    std::string trouble_;
    std::uint32_t watched_events_ = 0;
};

}  // namespace mcpgw::systemd
