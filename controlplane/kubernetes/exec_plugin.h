// Runs the program of a kubeconfig that prints credentials (client.authentication.k8s.io).
//
// It gets no input, and its process group is killed when it takes too long or nobody waits for it
// any more. What it prints is bounded. Blocking, any thread; knows nothing of keeping answers.
#pragma once

#include <cstdint>
#include <stop_token>
#include <string>
#include <string_view>

#include "common/limits.h"
#include "common/result.h"
#include "controlplane/kubernetes/access.h"

namespace mcpgw::kubernetes {

struct PluginAnswer {
    std::string token;
    Pem client_certificate;
    Pem client_key;
    std::uint64_t expires_unix_ms = UINT64_MAX;
};

// permission_denied: it cannot be started, failed or said nothing usable; timed_out; cancelled.
[[nodiscard]] Result<PluginAnswer> run_plugin(
    const Access& access, const std::stop_token& stop,
    std::uint32_t timeout_ms = limits::kubernetes_plugin_ms);

// Reads an ExecCredential; the detail of an error completes "the plug-in ...".
[[nodiscard]] Result<PluginAnswer> parse_exec_credential(std::string_view text,
                                                         const std::string& api_version);

// What a plug-in is told in KUBERNETES_EXEC_INFO.
[[nodiscard]] std::string exec_info(const Access& access);

}  // namespace mcpgw::kubernetes
