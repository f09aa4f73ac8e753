// exec, with one flag more where it is missing.
#include "tools/gateway/store_verbs.h"

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <unistd.h>

#include "tools/gateway/outcome.h"
#include "tools/gateway/up_options.h"

namespace mcpgw::cli {
namespace {

constexpr std::string_view kFlag = "--data-dir";

bool names_data_dir(const std::vector<std::string>& arguments) {
    const char* variable = std::getenv("MCP_GATEWAY_DATA_DIR");
    if (variable != nullptr && *variable != '\0') return true;
    for (const std::string& argument : arguments)
        if (argument == kFlag || argument.starts_with(std::string(kFlag) + "=")) return true;
    return false;
}

int become_control_plane(int argc, char** argv) {
    std::error_code failed;
    const auto self = std::filesystem::read_symlink("/proc/self/exe", failed);
    if (failed) return complain(error_from_errno(failed.value(), "cannot find myself"));
    std::vector<std::string> arguments(argv, argv + argc);
    if (!names_data_dir(arguments)) {
        const auto dir = default_data_dir(std::getenv("XDG_STATE_HOME"), std::getenv("HOME"));
        if (!dir) {
            complain("there is no HOME to find data in; name a directory with --data-dir");
            return kUsage;
        }
        arguments.insert(arguments.begin() + 1, {std::string(kFlag), *dir});
    }
    const std::string program = (self.parent_path() / "mcp-gateway-controlplane").string();
    arguments.insert(arguments.begin(), program);
    std::vector<char*> words;
    for (std::string& argument : arguments)
        words.push_back(argument.data());
    words.push_back(nullptr);
    ::execv(program.c_str(), words.data());
    return complain(error_from_errno(errno, "cannot start " + program));
}

}  // namespace

int run_backup(int argc, char** argv) {
    return become_control_plane(argc, argv);
}

int run_token_verb(int argc, char** argv) {
    return become_control_plane(argc, argv);
}

int run_restore(int argc, char** argv) {
    return become_control_plane(argc, argv);
}

}  // namespace mcpgw::cli
