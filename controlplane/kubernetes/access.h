// Where an API server is and what proves to it who we are.
//
// Found in this order: the kubeconfig named by a flag, the service account of the pod that we run
// in, the files of KUBECONFIG, ~/.kube/config. Nothing here connects anywhere. What rotates (token
// files, certificates in files, plug-ins) is named here and read when it is used (credentials.h,
// api_client.h). Errors are invalid_argument or not_found and name file and key, never a secret.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/result.h"

namespace mcpgw::kubernetes {

// PEM text, or the file that holds it, which is read again for every connection; both empty: none.
struct Pem {
    std::string text{};
    std::string file{};

    [[nodiscard]] bool empty() const { return text.empty() && file.empty(); }
    bool operator==(const Pem&) const = default;
};

// A program that prints credentials (kubeconfig `exec`, client.authentication.k8s.io).
struct ExecPlugin {
    std::string api_version{};  // of client.authentication.k8s.io, e.g. ".../v1"
    std::string command{};      // a path, or a name that is looked for in PATH
    std::vector<std::string> arguments{};
    std::vector<std::pair<std::string, std::string>> environment{};  // added to ours
    std::string install_hint{};  // shown if it cannot be started
    bool provide_cluster_info = false;

    bool operator==(const ExecPlugin&) const = default;
};

struct Access {
    std::string server{};  // "https://10.0.0.1:6443", perhaps with a path; no slash at its end
    Pem ca{};              // empty: the certificates that the system trusts
    Pem client_certificate{};
    Pem client_key{};
    std::string token{};       // bearer token; `token_file` goes before it
    std::string token_file{};  // read for every call, so that rotation is never missed
    std::optional<ExecPlugin> exec{};
    bool insecure_skip_tls_verify = false;
    std::string tls_server_name{};    // the name in its certificate, if not the host of `server`
    std::string proxy_url{};          // empty: the proxy variables of the environment decide
    std::string default_namespace{};  // of the pod or of the context; may be empty
    std::string origin{};             // for people: "the pod's service account", "FILE, context X"

    bool operator==(const Access&) const = default;
};

// What of this process's surroundings decides; tests make their own.
struct Surroundings {
    std::string kubeconfig_flag{};      // --kubeconfig; empty: not given
    std::string context{};              // empty: the current context of the file
    std::string service_host{};         // KUBERNETES_SERVICE_HOST
    std::string service_port{};         // KUBERNETES_SERVICE_PORT
    std::string kubeconfig_variable{};  // KUBECONFIG, several files with ':' between
    std::string home{};                 // HOME
    std::string service_account_directory = "/var/run/secrets/kubernetes.io/serviceaccount";
};
[[nodiscard]] Surroundings surroundings_of_process();

// The order of the file head. not_found says every place that was looked at.
[[nodiscard]] Result<Access> find_access(const Surroundings& surroundings);

// not_found: not in a pod, or a pod whose service account token is not mounted.
[[nodiscard]] Result<Access> in_cluster(const Surroundings& surroundings);

// `paths` are merged as kubectl does it: of each entry the first file's counts, files that do not
// exist are passed over unless none does. `context` empty: current-context.
[[nodiscard]] Result<Access> from_kubeconfig(const std::vector<std::string>& paths,
                                             const std::string& context);

}  // namespace mcpgw::kubernetes
