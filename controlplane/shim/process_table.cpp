// Reads /proc/<pid>/stat (proc(5)), environ, cmdline and task/<tid>/children.
#include "controlplane/shim/process_table.h"

#include <charconv>
#include <sstream>

#include <dirent.h>
#include <unistd.h>

#include "controlplane/shim/run_files.h"

namespace mcpgw::shim {
namespace {

// The kernel bounds arguments and environment of a process to a few MiB (execve(2)).
constexpr std::size_t kProcFileBytesMax = 16 * 1024 * 1024;

std::string proc_file(pid_t pid, const char* name) {
    auto text = read_file("/proc/" + std::to_string(pid) + "/" + name, kProcFileBytesMax);
    return text ? std::move(*text) : std::string();
}

// The fields after the command name, which may itself hold blanks and brackets: from the last ')'.
std::optional<ProcessEntry> parse_stat(pid_t pid, const std::string& stat) {
    const std::size_t bracket = stat.rfind(')');
    if (bracket == std::string::npos) return std::nullopt;
    std::istringstream fields(stat.substr(bracket + 1));
    ProcessEntry entry;
    entry.pid = pid;
    fields >> entry.state >> entry.parent >> entry.group >> entry.session;
    std::string skipped;  // fields 7 to 21
    for (int i = 7; i <= 21; ++i)
        fields >> skipped;
    fields >> entry.start_ticks;
    if (!fields) return std::nullopt;
    return entry;
}

}  // namespace

std::optional<ProcessEntry> process_entry(pid_t pid) {
    if (pid <= 0) return std::nullopt;
    return parse_stat(pid, proc_file(pid, "stat"));
}

std::vector<ProcessEntry> all_processes() {
    std::vector<ProcessEntry> result;
    DIR* proc = opendir("/proc");
    if (proc == nullptr) return result;
    while (const dirent* item = readdir(proc)) {
        const std::string_view name(item->d_name);
        pid_t pid = 0;
        const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
        if (error != std::errc() || end != name.data() + name.size()) continue;
        if (const auto entry = process_entry(pid)) result.push_back(*entry);
    }
    closedir(proc);
    return result;
}

std::vector<pid_t> own_children() {
    const pid_t self = getpid();
    std::vector<pid_t> result;
    const std::string path =
        "/proc/" + std::to_string(self) + "/task/" + std::to_string(self) + "/children";
    if (const auto text = read_file(path, kProcFileBytesMax)) {
        std::istringstream pids(*text);
        for (pid_t pid = 0; pids >> pid;)
            result.push_back(pid);
        return result;
    }
    // Kernels without CONFIG_PROC_CHILDREN: look at everyone.
    for (const ProcessEntry& entry : all_processes())
        if (entry.parent == self) result.push_back(entry.pid);
    return result;
}

bool has_in_environment(pid_t pid, std::string_view assignment) {
    const std::string environment = proc_file(pid, "environ");
    std::string_view rest = environment;
    while (!rest.empty()) {
        const std::size_t end = rest.find('\0');
        if (rest.substr(0, end) == assignment) return true;
        if (end == std::string_view::npos) return false;
        rest.remove_prefix(end + 1);
    }
    return false;
}

std::string command_line(pid_t pid) {
    return proc_file(pid, "cmdline");
}

}  // namespace mcpgw::shim
