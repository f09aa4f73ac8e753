// The places where an access can be found, one after the other.
#include "controlplane/kubernetes/access.h"

#include <algorithm>
#include <cstdlib>

#include <unistd.h>

#include "common/limits.h"
#include "controlplane/kubernetes/kubeconfig.h"
#include "controlplane/shim/run_files.h"

namespace mcpgw::kubernetes {
namespace {

std::string variable(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
}

std::vector<std::string> split_paths(const std::string& text) {
    std::vector<std::string> paths;
    for (std::size_t at = 0; at <= text.size();) {
        const std::size_t end = std::min(text.find(':', at), text.size());
        if (end > at) paths.push_back(text.substr(at, end - at));
        at = end + 1;
    }
    return paths;
}

bool exists(const std::string& path) {
    return ::access(path.c_str(), F_OK) == 0;
}

std::unexpected<Error> renamed(Error error, Code code) {
    error.code = code;
    return std::unexpected(std::move(error));
}

}  // namespace

Surroundings surroundings_of_process() {
    Surroundings found;
    found.service_host = variable("KUBERNETES_SERVICE_HOST");
    found.service_port = variable("KUBERNETES_SERVICE_PORT");
    found.kubeconfig_variable = variable("KUBECONFIG");
    found.home = variable("HOME");
    return found;
}

Result<Access> in_cluster(const Surroundings& surroundings) {
    const std::string& directory = surroundings.service_account_directory;
    if (surroundings.service_host.empty() || surroundings.service_port.empty())
        return failure(Code::not_found, "this is not a pod (no KUBERNETES_SERVICE_HOST)");
    Access access;
    access.token_file = directory + "/token";
    access.ca.file = directory + "/ca.crt";
    if (!exists(access.token_file))
        return failure(Code::not_found,
                       "this pod has no service account token (" + access.token_file + ")");
    const bool is_v6 = surroundings.service_host.find(':') != std::string::npos;
    access.server = "https://" +
                    (is_v6 ? "[" + surroundings.service_host + "]" : surroundings.service_host) +
                    ":" + surroundings.service_port;
    access.origin = "the pod's service account";
    if (const std::string problem = problem_of_server(access.server); !problem.empty())
        return failure(Code::invalid_argument,
                       "KUBERNETES_SERVICE_HOST and _PORT: " + access.server + " " + problem);
    for (const std::string* path : {&access.token_file, &access.ca.file}) {
        const auto text = shim::read_file(*path, limits::kubeconfig_bytes_max);
        if (!text) return renamed(text.error(), Code::invalid_argument);
        if (text->empty()) return failure(Code::invalid_argument, *path + " is empty");
    }
    // Not every platform mounts it; then the flag has to say the namespace.
    auto name_space = shim::read_file(directory + "/namespace", limits::path_bytes_max);
    if (name_space) access.default_namespace = std::move(*name_space);
    while (access.default_namespace.ends_with('\n'))
        access.default_namespace.pop_back();
    return access;
}

Result<Access> from_kubeconfig(const std::vector<std::string>& paths, const std::string& context) {
    Kubeconfig all;
    bool any = false;
    for (const std::string& path : paths) {
        if (!exists(path)) continue;
        const auto text = shim::read_file(path, limits::kubeconfig_bytes_max);
        if (!text) return renamed(text.error(), Code::invalid_argument);
        auto config = parse_kubeconfig(*text, path);
        if (!config) return std::unexpected(config.error());
        merge(all, std::move(*config));
        any = true;
    }
    if (any) return access_of(all, context);
    std::string names;
    for (const std::string& path : paths)
        names += (names.empty() ? "" : ", ") + path;
    return failure(Code::not_found, "there is no kubeconfig " + names);
}

Result<Access> find_access(const Surroundings& surroundings) {
    if (!surroundings.kubeconfig_flag.empty())
        return from_kubeconfig({surroundings.kubeconfig_flag}, surroundings.context);
    std::string looked;
    auto found = in_cluster(surroundings);
    if (found || found.error().code != Code::not_found) return found;
    looked = found.error().detail;
    const std::string home_file = surroundings.home + "/.kube/config";
    const std::vector<std::string> paths = surroundings.kubeconfig_variable.empty()
                                               ? std::vector{home_file}
                                               : split_paths(surroundings.kubeconfig_variable);
    found = from_kubeconfig(paths, surroundings.context);
    if (found || found.error().code != Code::not_found) return found;
    return failure(Code::not_found,
                   "no way to an API server is known: " + looked + ", " + found.error().detail +
                       (surroundings.kubeconfig_variable.empty() ? "" : " (of KUBECONFIG)") +
                       "; name one with --kubeconfig");
}

}  // namespace mcpgw::kubernetes
