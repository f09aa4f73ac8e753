// The properties of a transient unit (org.freedesktop.systemd1.Manager.StartTransientUnit) for a
// server: how it is run, how it may use the machine, and what it may not do.
//
// Pure: a list of names and values, which bus.h puts into a message. docs/operating/systemd.md
// explains each.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "controlplane/model/adapter.h"

namespace mcpgw::systemd {

// One command: (sasb), of ExecStart. systemd would fill in variables for every '$', so each must
// be doubled (literally); ExecStartEx could forbid that, but systemd 252 forgets it at a reload.
struct Command {
    std::string program;
    std::vector<std::string> arguments;  // with argv[0]
    bool operator==(const Command&) const = default;
};
struct EnvironmentFile {  // (sb)
    std::string path;
    bool operator==(const EnvironmentFile&) const = default;
};
struct AllowedFamilies {  // (bas)
    std::vector<std::string> names;
    bool operator==(const AllowedFamilies&) const = default;
};
struct Bind {  // (ssbt), at its own place
    std::string path;
    bool operator==(const Bind&) const = default;
};
using Value =
    std::variant<bool, std::uint32_t, std::uint64_t, std::string, std::vector<std::string>, Command,
                 EnvironmentFile, AllowedFamilies, Bind>;
struct Property {
    std::string name;
    Value value;
    bool operator==(const Property&) const = default;
};
using Properties = std::vector<Property>;

// What the service manager can enforce.
enum class Sandbox : std::uint8_t {
    whole,      // the system's: users of its own, all namespaces
    same_user,  // a privileged user manager: everything but other users
    filters,    // an ordinary user's: no namespaces, no capabilities
};

struct UnitPlan {
    Sandbox sandbox = Sandbox::filters;
    std::string label;  // of the instance: SyslogIdentifier
    std::string description;
    std::string slice;
    Command command;
    std::vector<std::string> marks;  // Environment=
    std::string environment_file;
    std::string bin_dir;          // stays visible, wherever it is
    std::string home;             // its own directory, unless the sandbox is whole
    std::string state_directory;  // name below /var/lib and /var/cache, if it is
    std::string user;             // dynamic, if it is
    std::string lifeline;         // the unit with which it ends; empty: none
    std::uint32_t grace_ms = 0;
    std::uint32_t restart_ms = 0;  // systemd starts it again after so long
    model::Resources resources;
};

// The command with these very arguments.
[[nodiscard]] Command literally(std::string program, std::vector<std::string> arguments);

[[nodiscard]] Properties properties_of(const UnitPlan& plan);

// Of the unit that reads from the lifeline until its end, and of the slice that ends with it.
[[nodiscard]] Properties lifeline_properties(const Command& command);
[[nodiscard]] Properties slice_properties(const std::string& lifeline);

// Where a server under the system's manager has what it may write.
[[nodiscard]] std::string state_path(std::string_view state_directory);
[[nodiscard]] std::string cache_path(std::string_view state_directory);

}  // namespace mcpgw::systemd
