// Which properties a server gets.
#include "controlplane/systemd/unit_properties.h"

#include <algorithm>
#include <utility>

#include "common/limits.h"
#include "controlplane/systemd/quantities.h"

namespace mcpgw::systemd {
namespace {

constexpr std::uint64_t kMicrosInMilli = 1'000;
constexpr std::uint64_t kWeightMax = 10'000;  // of CPUWeight=; 100 is everybody's

void add_life(const UnitPlan& plan, Properties& out) {
    out.push_back({"Description", plan.description});
    out.push_back({"Slice", plan.slice});
    // exec: the start has succeeded when the program runs, not when systemd has forked.
    out.push_back({"Type", std::string("exec")});
    out.push_back({"ExecStart", plan.command});
    out.push_back({"Environment", plan.marks});
    out.push_back({"EnvironmentFiles", EnvironmentFile{plan.environment_file}});
    out.push_back({"Restart", std::string("always")});
    out.push_back({"RestartUSec", plan.restart_ms * kMicrosInMilli});
    out.push_back({"StartLimitIntervalUSec", std::uint64_t{0}});
    // The main process is asked to end; what it leaves is killed.
    out.push_back({"KillMode", std::string("mixed")});
    out.push_back({"TimeoutStopUSec", plan.grace_ms * kMicrosInMilli});
    // A failed unit that nobody watches is a remnant. As long as we watch, our reference keeps it,
    // and with it the reason.
    out.push_back({"CollectMode", std::string("inactive-or-failed")});
    out.push_back({"AddRef", true});
    out.push_back({"StandardOutput", std::string("journal")});
    out.push_back({"StandardError", std::string("journal")});
    out.push_back({"SyslogIdentifier", plan.label});
    if (plan.lifeline.empty()) return;
    out.push_back({"BindsTo", std::vector<std::string>{plan.lifeline}});
    out.push_back({"After", std::vector<std::string>{plan.lifeline}});
}

void add_limits(const model::Resources& resources, Properties& out) {
    out.push_back({"TasksMax", limits::systemd_tasks_max});
    out.push_back({"LimitNOFILE", limits::server_files_max});
    out.push_back({"LimitNOFILESoft", limits::server_files_max});
    out.push_back({"LimitCORE", std::uint64_t{0}});
    out.push_back({"LimitCORESoft", std::uint64_t{0}});
    if (const auto bytes = memory_bytes(resources.limits.memory))
        out.push_back({"MemoryMax", *bytes});
    if (const auto bytes = memory_bytes(resources.requests.memory))
        out.push_back({"MemoryLow", *bytes});
    if (const auto millis = cpu_millis(resources.limits.cpu))
        out.push_back({"CPUQuotaPerSecUSec", *millis * 1'000});  // of a second: microseconds
    if (const auto millis = cpu_millis(resources.requests.cpu))
        out.push_back({"CPUWeight", std::clamp(*millis / 10, std::uint64_t{1}, kWeightMax)});
}

// What any process can forbid itself: seccomp filters, limits and masks.
void add_filters(Properties& out) {
    out.push_back({"NoNewPrivileges", true});
    out.push_back({"LockPersonality", true});
    out.push_back({"RestrictRealtime", true});
    out.push_back({"RestrictSUIDSGID", true});
    out.push_back({"RestrictNamespaces", std::uint64_t{0}});  // none is allowed
    out.push_back({"RestrictAddressFamilies", AllowedFamilies{{"AF_UNIX", "AF_INET", "AF_INET6"}}});
    out.push_back({"SystemCallArchitectures", std::vector<std::string>{"native"}});
    out.push_back({"UMask", std::uint32_t{0077}});
}

// What needs namespaces, and the right to make them.
void add_namespaces(const UnitPlan& plan, Properties& out) {
    out.push_back({"CapabilityBoundingSet", std::uint64_t{0}});
    out.push_back({"ProtectSystem", std::string("strict")});
    out.push_back({"PrivateTmp", true});
    out.push_back({"PrivateDevices", true});
    for (const char* name : {"ProtectKernelTunables", "ProtectKernelModules", "ProtectKernelLogs",
                             "ProtectControlGroups"})
        out.push_back({name, true});
    // The bridge is there, and nothing says that it is not below /home or /tmp.
    out.push_back({"BindReadOnlyPaths", Bind{plan.bin_dir}});
    if (plan.sandbox == Sandbox::whole) {
        out.push_back({"ProtectHome", std::string("tmpfs")});
        return;
    }
    // The servers of a user are in this user's home; they may read it and write into their own.
    out.push_back({"ProtectHome", std::string("read-only")});
    out.push_back({"BindPaths", Bind{plan.home}});
}

void add_user(const UnitPlan& plan, Properties& out) {
    out.push_back({"DynamicUser", true});
    out.push_back({"User", plan.user});
    out.push_back({"StateDirectory", std::vector<std::string>{plan.state_directory}});
    out.push_back({"StateDirectoryMode", std::uint32_t{0700}});
    out.push_back({"CacheDirectory", std::vector<std::string>{plan.state_directory}});
    out.push_back({"CacheDirectoryMode", std::uint32_t{0700}});
    out.push_back({"WorkingDirectory", state_path(plan.state_directory)});
}

}  // namespace

Command literally(std::string program, std::vector<std::string> arguments) {
    for (std::string& argument : arguments)
        for (std::size_t at = 0; (at = argument.find('$', at)) != std::string::npos; at += 2)
            argument.insert(at, 1, '$');
    return {std::move(program), std::move(arguments)};
}

Properties properties_of(const UnitPlan& plan) {
    Properties out;
    add_life(plan, out);
    add_limits(plan.resources, out);
    add_filters(out);
    switch (plan.sandbox) {
        case Sandbox::whole:
            add_namespaces(plan, out);
            add_user(plan, out);
            break;
        case Sandbox::same_user:
            add_namespaces(plan, out);
            out.push_back({"WorkingDirectory", plan.home});
            break;
        case Sandbox::filters:
            out.push_back({"WorkingDirectory", plan.home});
            break;
    }
    return out;
}

Properties lifeline_properties(const Command& command) {
    Properties out;
    out.push_back({"Description", std::string("Lifeline of an MCP gateway")});
    out.push_back({"Type", std::string("exec")});
    out.push_back({"ExecStart", command});
    out.push_back({"CollectMode", std::string("inactive-or-failed")});
    add_filters(out);
    return out;
}

Properties slice_properties(const std::string& lifeline) {
    Properties out;
    out.push_back({"Description", std::string("Servers of an MCP gateway")});
    out.push_back({"BindsTo", std::vector<std::string>{lifeline}});
    out.push_back({"After", std::vector<std::string>{lifeline}});
    out.push_back({"CollectMode", std::string("inactive-or-failed")});
    return out;
}

std::string state_path(std::string_view state_directory) {
    return std::string("/var/lib/").append(state_directory);
}

std::string cache_path(std::string_view state_directory) {
    return std::string("/var/cache/").append(state_directory);
}

}  // namespace mcpgw::systemd
