// Children by way of /proc: the kernel has no call that lists them.
#include "tools/gateway/descendants.h"

#include <charconv>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <system_error>

#include <sys/prctl.h>
#include <unistd.h>

#include "common/check.h"

namespace mcpgw::cli {
namespace {

std::optional<pid_t> pid_of(const std::string& name) {
    pid_t pid = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (error != std::errc() || end != name.data() + name.size()) return std::nullopt;
    return pid;
}

// proc(5): "pid (name) state ppid ..."; the name may contain anything, also ')'.
std::optional<pid_t> parent_of(const std::string& pid) {
    std::ifstream file("/proc/" + pid + "/stat");
    std::string line;
    if (!std::getline(file, line)) return std::nullopt;
    const std::size_t name_end = line.rfind(')');
    if (name_end == std::string::npos || name_end + 4 >= line.size()) return std::nullopt;
    pid_t parent = 0;
    const char* const from = line.data() + name_end + 4;
    if (std::from_chars(from, line.data() + line.size(), parent).ec != std::errc())
        return std::nullopt;
    return parent;
}

}  // namespace

std::vector<pid_t> children_of_this_process() {
    std::vector<pid_t> children;
    std::error_code failed;
    std::filesystem::directory_iterator entry("/proc", failed);
    for (; !failed && entry != std::filesystem::directory_iterator(); entry.increment(failed)) {
        const std::string name = entry->path().filename().string();
        const auto pid = pid_of(name);
        if (pid && parent_of(name) == ::getpid()) children.push_back(*pid);
    }
    return children;
}

Descendants::Descendants() {
    const std::vector<pid_t> before = children_of_this_process();
    strangers_.insert(before.begin(), before.end());
    check(::prctl(PR_SET_CHILD_SUBREAPER, 1) == 0, "every kernel we run on has subreapers");
}

std::vector<pid_t> Descendants::children() const {
    std::vector<pid_t> ours;
    for (const pid_t pid : children_of_this_process())
        if (!strangers_.contains(pid)) ours.push_back(pid);
    return ours;
}

}  // namespace mcpgw::cli
