// What is known about one running copy of a server: the observed state.
//
// Made by a deployer, kept in reconcile/observation.h, shown by api/ and published by publish/.
// `reason` is written for people: "starting", "ready", "exited with status 1, restarting in 3 s",
// "killed by signal 9, restarting in 0.2 s", "cannot start: nodd: No such file or directory",
// "not reachable: Connection refused", "draining: 12 s left".
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace mcpgw::deploy {

struct InstanceStatus {
    std::string name;  // "x-0"
    std::string uid;   // new for every start; the URL for `url` adapters; empty: never started
    bool ready = false;
    // Its server exists (whether it answers or not): sessions on it are not lost yet. An instance
    // that is not alive is never published.
    bool alive = false;
    // It was told to end, whenever it does: its sessions are over, and it is not published either.
    bool stopping = false;
    // Not wanted any more, or not as it is: no new sessions, and soon it will be stopped.
    bool draining = false;
    // Something is wrong with it; `reason` says what. One that only takes its time is in none.
    bool in_trouble = false;
    bool updated = true;  // it runs the present definition of its adapter
    std::string host;     // numeric address, empty while unknown
    std::uint16_t port = 0;
    std::string authority;  // value of Host towards it
    std::string path;       // request target of its endpoint
    std::string address;    // for people: "127.0.0.1:39121", empty while unknown
    std::uint32_t restarts = 0;
    std::string reason;
    std::uint64_t since_unix_ms = 0;  // when `ready` or the kind of trouble changed last

    bool operator==(const InstanceStatus&) const = default;
};

}  // namespace mcpgw::deploy
