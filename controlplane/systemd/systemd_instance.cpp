// Starting, watching, ending and adopting the unit of one local server.
#include "controlplane/systemd/systemd_instance.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include <signal.h>

#include "common/check.h"
#include "common/log.h"
#include "controlplane/deploy/shim_starter.h"
#include "controlplane/systemd/environment_file.h"
#include "controlplane/systemd/private_file.h"

namespace mcpgw::systemd {
namespace {

constexpr Nanos kRemovalInterval = 10 * kMillisecond;

// What a later start by systemd itself is called: another instance towards clients.
std::string uid_after(const std::string& uid, std::uint32_t n_restarts) {
    return n_restarts == 0 ? uid : uid + "-" + std::to_string(n_restarts);
}

// The better one to go on with comes first.
int rank_of(const Unit* unit) {
    if (unit == nullptr || is_over(unit->state)) return 3;
    if (is_ending(unit->state)) return 2;
    return waits_for_restart(unit->state) ? 1 : 0;
}

}  // namespace

Result<> SystemdInstance::begin(const deploy::ServerSpec& spec,
                                const std::map<std::string, std::string>& /*variables*/) {
    if (!systemd_.units().is_connected())
        return failure(Code::unavailable, "there is no connection to systemd");
    Result<std::string> program = deploy::find_command(spec.command.front(), spec.environment);
    if (!program) return std::unexpected(program.error());
    removal_.reset();
    if (Result<> written = write_environment(spec); !written) return written;
    systemd_.ensure_slice();
    std::string unit = unit_name(systemd_.gateway(), marks());
    if (Result<> written = write_private_file(directory() + "/unit", unit + "\n"); !written)
        return written;
    unit_ = std::move(unit);
    program_ = spec.program.empty() ? spec.command.front() : spec.program;
    uid_of_start_ = run().uid;
    seen_restarts_ = 0;
    systemd_.units().start(unit_, adapter(), properties_of(plan(spec, std::move(*program))));
    return {};
}

std::string SystemdInstance::home() const {
    return site().adapter_directory(adapter()) + "/home-" + std::to_string(place().ordinal);
}

Marks SystemdInstance::marks() const {
    Marks marks;
    marks.adapter = adapter();
    marks.ordinal = place().ordinal;
    marks.generation = place().generation;
    marks.uid = run().uid;
    marks.spec_hash = run().spec_hash;
    marks.path = run().path;
    marks.port = run().port;
    marks.restarts = run().restarts;
    return marks;
}

// The marks come with the unit; here is everything else that the server shall see.
Result<> SystemdInstance::write_environment(const deploy::ServerSpec& spec) const {
    std::map<std::string, std::string> variables;
    for (auto& [name, value] : deploy::server_environment(spec.environment))
        variables[name] = value;
    const std::string label = state_directory_name(systemd_.gateway(), name());
    const bool has_user = systemd_.sandbox() == Sandbox::whole;
    // Those of ours that name a place or a person are not its own.
    for (const char* name : {"HOME", "USER", "LOGNAME", "SHELL", "TMPDIR", "XDG_CACHE_HOME",
                             "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR"})
        if (!spec.environment.contains(name)) variables.erase(name);
    variables.try_emplace("HOME", has_user ? state_path(label) : home());
    variables.try_emplace("XDG_CACHE_HOME",
                          has_user ? cache_path(label) : variables["HOME"] + "/.cache");
    std::erase_if(variables, [](const auto& one) { return is_mark(one.first); });
    Result<std::string> text = environment_file(variables);
    if (!text) return std::unexpected(text.error());
    std::error_code error;
    if (!has_user) {
        std::filesystem::create_directories(home(), error);
        if (!error) std::filesystem::permissions(home(), std::filesystem::perms::owner_all, error);
        if (error) return failure(Code::io, "cannot make " + home() + ": " + error.message());
    }
    return write_private_file(directory() + "/environment", *text);
}

UnitPlan SystemdInstance::plan(const deploy::ServerSpec& spec, std::string program) const {
    UnitPlan plan;
    plan.sandbox = systemd_.sandbox();
    plan.label = instance_label(systemd_.gateway(), name());
    plan.description = "MCP server " + name();
    plan.slice = slice_name(systemd_.gateway());
    plan.command =
        literally(std::filesystem::absolute(program), deploy::with_port(spec.command, run().port));
    plan.marks = encode(systemd_.gateway(), marks());
    plan.environment_file = std::filesystem::absolute(directory() + "/environment");
    plan.bin_dir = options().bin_dir;
    plan.home = std::filesystem::absolute(home());
    plan.state_directory = state_directory_name(systemd_.gateway(), name());
    plan.user = user_name(systemd_.gateway(), name());
    plan.lifeline = systemd_.lifeline();
    plan.grace_ms = options().grace_ms;
    plan.restart_ms = systemd_.restart_ms();
    plan.resources = spec.resources;
    return plan;
}

void SystemdInstance::ask_to_end() {
    asked_to_end_ = systemd_.units().lists();
    systemd_.units().stop(unit_);
}

void SystemdInstance::force_end() {
    systemd_.units().kill(unit_, SIGKILL);
}

// --- What became of it --------------------------------------------------------------------------

void SystemdInstance::take_notes(Nanos now) {
    removal_look_at_ = now + kRemovalInterval;
    if (unit_.empty()) return;
    const Unit* unit = systemd_.units().find(unit_);
    check(unit != nullptr, "a unit that is named is known");
    switch (unit->life) {
        case Unit::Life::asked:
            return;
        case Unit::Life::gone:
            end(unit->refusal.empty() ? how_it_ended(unit->state, program_)
                                      : "cannot start: " + unit->refusal,
                now);
            return;
        case Unit::Life::present:
            look_at(*unit, now);
            return;
    }
}

void SystemdInstance::look_at(const Unit& unit, Nanos now) {
    if (waits_for_restart(unit.state) || is_over(unit.state)) {
        end(how_it_ended(unit.state, program_), now);
        return;
    }
    if (unit.state.n_restarts > seen_restarts_) {
        const std::uint32_t more = unit.state.n_restarts - seen_restarts_;
        seen_restarts_ = unit.state.n_restarts;
        run_began_again(uid_after(uid_of_start_, seen_restarts_), more,
                        how_it_ended(unit.state, program_), now);
    }
    // The wish may have got lost with a connection.
    if (state() == State::stopping && asked_to_end_ != systemd_.units().lists()) ask_to_end();
}

// systemd may be about to start it again, or not know what it has refused: neither shall come.
void SystemdInstance::end(std::string what, Nanos now) {
    systemd_.units().stop(unit_);
    systemd_.units().release(unit_);
    unit_.clear();
    run_is_over(std::move(what), now);
}

// --- Adoption -----------------------------------------------------------------------------------

void SystemdInstance::adopt(Nanos now) {
    check(state() == State::idle, "adoption comes first");
    std::vector<Marks> found = systemd_.take_found(adapter(), place());
    if (found.empty()) return;
    const auto rank = [this](const Marks& marks) {
        return rank_of(systemd_.units().find(unit_name(systemd_.gateway(), marks)));
    };
    std::iter_swap(found.begin(), std::ranges::min_element(found, {}, rank));
    // At most one is the newest; what else there is was on its way out when we died.
    for (std::size_t i = 1; i < found.size(); ++i) {
        const std::string stray = unit_name(systemd_.gateway(), found[i]);
        systemd_.units().stop(stray);
        systemd_.units().release(stray);
    }
    take_over(found.front(), now);
}

void SystemdInstance::take_over(const Marks& marks, Nanos now) {
    unit_ = unit_name(systemd_.gateway(), marks);
    const Unit* unit = systemd_.units().find(unit_);
    check(unit != nullptr, "it was found");
    program_ = name();
    uid_of_start_ = marks.uid;
    seen_restarts_ = unit->state.n_restarts;
    asked_to_end_ = systemd_.units().lists();
    attach({uid_after(marks.uid, seen_restarts_), marks.spec_hash, marks.path, marks.port,
            marks.restarts + seen_restarts_},
           is_ending(unit->state), now);
}

// --- The end of everything ----------------------------------------------------------------------

Nanos SystemdInstance::keeper_due_at() const {
    return removal_ == nullptr ? kNever : removal_look_at_;
}

bool SystemdInstance::delete_remains(const LocalInstance* heir) {
    check(state() == State::idle, "nothing runs");
    if (removal_ == nullptr) {
        std::vector<std::string> paths;
        if (heir == nullptr) paths.push_back(home());
        if (heir == nullptr && systemd_.sandbox() == Sandbox::whole) {
            const std::string label = state_directory_name(systemd_.gateway(), name());
            // With DynamicUser= the names lead to directories that others cannot reach.
            for (const char* parent : {"/var/lib/", "/var/cache/"}) {
                paths.push_back(std::string(parent) + "private/" + label);
                paths.push_back(parent + label);
            }
        }
        paths.push_back(directory());
        removal_ = std::make_unique<Removal>(std::move(paths));
        removal_look_at_ = monotonic_now() + kRemovalInterval;
    }
    return removal_->is_done();
}

}  // namespace mcpgw::systemd
