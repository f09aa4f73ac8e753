// Identity, lifeline and finds.
#include "controlplane/systemd/systemd_site.h"

#include <algorithm>
#include <cerrno>

#include <sys/stat.h>
#include <unistd.h>

#include "common/bytes.h"
#include "common/log.h"
#include "controlplane/shim/run_files.h"
#include "controlplane/systemd/private_file.h"

namespace mcpgw::systemd {
namespace {

constexpr std::size_t kIdDigits = 16;

Sandbox sandbox_of(Scope scope) {
    if (scope == Scope::system) return Sandbox::whole;
    return geteuid() == 0 ? Sandbox::same_user : Sandbox::filters;
}

// A pipe's number is its own as long as anybody has an end of it, and our unit has one.
std::string lifeline_of(const std::string& gateway, int fd) {
    struct stat status{};
    if (fd < 0 || fstat(fd, &status) != 0) return {};
    return lifeline_name(gateway, status.st_ino);
}

}  // namespace

SystemdSite::SystemdSite(const deploy::LocalSite& local, Scope scope, std::string gateway,
                         std::uint32_t restart_ms)
    : local_(local),
      scope_(scope),
      sandbox_(sandbox_of(scope)),
      gateway_(std::move(gateway)),
      lifeline_(lifeline_of(gateway_, local.options().lifeline_fd)),
      restart_ms_(restart_ms),
      units_(scope, gateway_, local.epoll_fd()) {
    if (sandbox_ == Sandbox::filters)
        log_info("an ordinary user's systemd makes no namespaces: servers see files as this user");
}

bool SystemdSite::lacks(const std::string& unit) {
    const Unit* known = units_.find(unit);
    if (known == nullptr) return true;
    if (known->life != Unit::Life::gone && !is_over(known->state)) return false;
    units_.release(unit);
    return true;
}

void SystemdSite::ensure_lifeline() {
    if (lifeline_.empty()) return;
    if (lacks(lifeline_)) {
        const std::string program = local_.options().bin_dir + "/mcp-gateway-shim";
        // Not handed over as a descriptor: systemd would not know it any more after a reload.
        const std::string pipe = "/proc/" + std::to_string(getpid()) + "/fd/" +
                                 std::to_string(local_.options().lifeline_fd);
        units_.start(
            lifeline_, "",
            lifeline_properties(literally(program, {program, shim::kLifelineArgument, pipe})));
    }
}

void SystemdSite::ensure_slice() {
    if (lifeline_.empty()) return;  // systemd makes a plain one when it is needed
    ensure_lifeline();
    // One that is there may be a plain one, of a gateway without a lifeline: it is bound now.
    const std::string slice = slice_name(gateway_);
    if (!lacks(slice) && has_bound_slice_) return;
    units_.start(slice, "", slice_properties(lifeline_));
    has_bound_slice_ = true;
}

void SystemdSite::add_found(Marks marks) {
    found_[{marks.adapter, {marks.ordinal, marks.generation}}].push_back(std::move(marks));
}

std::vector<Marks> SystemdSite::take_found(const std::string& adapter, deploy::Place place) {
    auto node = found_.extract({adapter, place});
    return node.empty() ? std::vector<Marks>() : std::move(node.mapped());
}

const Marks* SystemdSite::any_found() const {
    return found_.empty() ? nullptr : &found_.begin()->second.front();
}

Result<std::string> gateway_id(const std::string& data_dir, std::uint64_t random) {
    const std::string path = data_dir + "/systemd-id";
    const Result<std::string> known = shim::read_file(path, 64);
    if (known && known->size() >= kIdDigits) {
        std::string id = known->substr(0, kIdDigits);
        const auto is_digit = [](char c) {
            return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
        };
        if (std::ranges::all_of(id, is_digit)) return id;
    }
    std::string id = to_hex(random);
    id.insert(0, kIdDigits - std::min(id.size(), kIdDigits), '0');
    if (Result<> written = write_private_file(path, id + "\n"); !written)
        return std::unexpected(written.error());
    return id;
}

}  // namespace mcpgw::systemd
