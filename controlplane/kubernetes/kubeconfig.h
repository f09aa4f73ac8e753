// The files in which kubectl keeps clusters, users and contexts (YAML or JSON).
//
// What is wrong with an entry counts only when it is the one that is wanted, so each entry keeps
// its first problem. Relative paths are relative to the file that says them. Pure, except that
// access_of looks whether the files exist that an entry names; fuzzed.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "common/result.h"
#include "controlplane/kubernetes/access.h"

namespace mcpgw::kubernetes {

struct Kubeconfig {
    struct Cluster {
        std::string place;    // "FILE: cluster \"x\"", for messages
        std::string problem;  // empty: none
        std::string server;
        std::string tls_server_name;
        std::string proxy_url;
        Pem ca;
        bool insecure_skip_tls_verify = false;
    };
    struct User {
        std::string place;
        std::string problem;
        Pem client_certificate;
        Pem client_key;
        std::string token;
        std::string token_file;
        std::optional<ExecPlugin> exec;
    };
    struct Context {
        std::string place;
        std::string problem;
        std::string cluster;
        std::string user;
        std::string name_space;
    };

    std::string origin;  // the files
    std::string current_context;
    std::map<std::string, Cluster, std::less<>> clusters;
    std::map<std::string, User, std::less<>> users;
    std::map<std::string, Context, std::less<>> contexts;
};

// `path` is named in messages, and its folder is where relative paths begin.
[[nodiscard]] Result<Kubeconfig> parse_kubeconfig(std::string_view text, const std::string& path);
// What `first` does not say yet comes from `further`.
void merge(Kubeconfig& first, Kubeconfig further);
// `context` empty: the current one.
[[nodiscard]] Result<Access> access_of(const Kubeconfig& config, const std::string& context);

// What makes an access unusable, as a sentence without its subject; empty: nothing.
[[nodiscard]] std::string problem_of_server(const std::string& server);
[[nodiscard]] std::string problem_of_token(std::string_view token);

}  // namespace mcpgw::kubernetes
