// yaml-cpp reads, and what it throws is caught at the door of parse_kubeconfig.
#include "controlplane/kubernetes/kubeconfig.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <unistd.h>
#include <yaml-cpp/yaml.h>

#include "common/bytes.h"
#include "common/limits.h"
#include "controlplane/kubernetes/base64.h"

namespace mcpgw::kubernetes {
namespace {

std::unexpected<Error> bad(std::string detail) {
    return failure(Code::invalid_argument, std::move(detail));
}

bool has_control_character(std::string_view text) {
    return std::ranges::any_of(
        text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

std::string directory_of(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    return slash == std::string::npos ? "" : path.substr(0, slash + 1);
}

// One mapping of the file; remembers the first thing that is wrong with it.
class Entry {
  public:
    Entry(YAML::Node node, std::string place, std::string directory)
        : node_(std::move(node)), place_(std::move(place)), directory_(std::move(directory)) {
        if (!node_.IsNull() && !node_.IsMap()) complain("is not a mapping of keys to values");
    }

    [[nodiscard]] const std::string& place() const { return place_; }
    [[nodiscard]] const std::string& problem() const { return problem_; }
    void complain(const std::string& what) {
        if (problem_.empty()) problem_ = place_ + ": " + what;
    }
    // The null node if there is none.
    [[nodiscard]] YAML::Node child(const std::string& key) const {
        if (!node_.IsMap()) return {};
        const YAML::Node found = node_[key];
        return found.IsDefined() ? found : YAML::Node();
    }
    [[nodiscard]] bool has(const std::string& key) const { return !child(key).IsNull(); }
    std::string text(const std::string& key) {
        if (!has(key)) return "";
        const YAML::Node found = child(key);
        if (!found.IsScalar()) {
            complain(key + " is not a text");
            return "";
        }
        if (has_control_character(found.Scalar()) && !key.ends_with("-data") &&
            key != "installHint")
            complain(key + " has control characters");
        return found.Scalar();
    }
    bool boolean(const std::string& key) {
        const std::string value = text(key);
        if (value != "" && value != "true" && value != "false")
            complain(key + " is neither true nor false");
        return value == "true";
    }
    std::string file(const std::string& key) {
        std::string path = text(key);
        return path.empty() || path.starts_with('/') ? path : directory_ + path;
    }
    // KEY-data goes before KEY, as in kubectl.
    Pem pem(const std::string& key) {
        Pem pem;
        const std::string data = text(key + "-data");
        if (data.empty()) {
            pem.file = file(key);
            return pem;
        }
        if (auto bytes = decode_base64(data); !bytes)
            complain(key + "-data is not base64");
        else if (bytes->find("-----BEGIN ") == std::string::npos)
            complain(key + "-data is not PEM");
        else
            pem.text = std::move(*bytes);
        return pem;
    }
    // The items of a list; each is to be a mapping.
    std::vector<YAML::Node> items(const std::string& key) {
        std::vector<YAML::Node> result;
        if (!has(key)) return result;
        const YAML::Node list = child(key);
        if (!list.IsSequence()) {
            complain(key + " is not a list");
            return result;
        }
        for (const YAML::Node& item : list)
            result.push_back(item);
        return result;
    }

  private:
    YAML::Node node_;
    std::string place_;
    std::string directory_;
    std::string problem_;
};

Kubeconfig::Cluster read_cluster(Entry in) {
    Kubeconfig::Cluster out;
    out.server = in.text("server");
    while (out.server.ends_with('/'))
        out.server.pop_back();
    if (const std::string problem = problem_of_server(out.server); !problem.empty())
        in.complain("server " + problem);
    out.tls_server_name = in.text("tls-server-name");
    out.proxy_url = in.text("proxy-url");
    out.ca = in.pem("certificate-authority");
    out.insecure_skip_tls_verify = in.boolean("insecure-skip-tls-verify");
    if (out.insecure_skip_tls_verify && !out.ca.empty())
        in.complain("insecure-skip-tls-verify contradicts certificate-authority; keep one of them");
    out.place = in.place();
    out.problem = in.problem();
    return out;
}

ExecPlugin read_exec(Entry& in, const YAML::Node& node, const std::string& directory) {
    Entry exec(node, in.place() + ": exec", directory);
    ExecPlugin out;
    out.api_version = exec.text("apiVersion");
    if (out.api_version != "client.authentication.k8s.io/v1" &&
        out.api_version != "client.authentication.k8s.io/v1beta1")
        exec.complain("apiVersion must be client.authentication.k8s.io/v1 or v1beta1");
    out.command = exec.text("command");
    if (out.command.empty()) exec.complain("command is missing");
    if (out.command.find('/') != std::string::npos) out.command = exec.file("command");
    for (const YAML::Node& item : exec.items("args")) {
        if (!item.IsScalar())
            exec.complain("args has an item that is not a text");
        else
            out.arguments.push_back(item.Scalar());
    }
    for (const YAML::Node& item : exec.items("env")) {
        Entry variable(item, exec.place() + ": env", directory);
        std::string name = variable.text("name");
        if (name.empty() || name.find('=') != std::string::npos)
            exec.complain("env has an item without a usable name");
        out.environment.emplace_back(std::move(name), variable.text("value"));
        if (!variable.problem().empty())
            exec.complain("env has an item that is not name and value");
    }
    out.install_hint = exec.text("installHint");
    out.provide_cluster_info = exec.boolean("provideClusterInfo");
    if (exec.text("interactiveMode") == "Always")
        exec.complain("interactiveMode is Always, but nobody sits at this program's keyboard");
    if (!exec.problem().empty()) in.complain(exec.problem().substr(in.place().size() + 2));
    return out;
}

Kubeconfig::User read_user(Entry in, const std::string& directory) {
    Kubeconfig::User out;
    out.client_certificate = in.pem("client-certificate");
    out.client_key = in.pem("client-key");
    out.token = in.text("token");
    out.token_file = in.file("tokenFile");
    if (const std::string problem = problem_of_token(out.token); !problem.empty())
        in.complain("token " + problem);
    if (in.has("exec")) out.exec = read_exec(in, in.child("exec"), directory);
    if (in.has("username") || in.has("password"))
        in.complain(
            "username and password are not accepted by API servers any more; use a token, a "
            "client certificate or an exec plug-in");
    if (in.has("auth-provider"))
        in.complain("auth-provider was removed from Kubernetes; use the exec plug-in of the cloud");
    for (const char* key : {"as", "as-uid", "as-groups", "as-user-extra"})
        if (in.has(key))
            in.complain(std::string(key) + ": acting as another user is not supported");
    if (out.client_certificate.empty() != out.client_key.empty())
        in.complain("client-certificate and client-key need each other");
    out.place = in.place();
    out.problem = in.problem();
    return out;
}

Kubeconfig::Context read_context(Entry in) {
    Kubeconfig::Context out;
    out.cluster = in.text("cluster");
    out.user = in.text("user");
    out.name_space = in.text("namespace");
    if (out.cluster.empty()) in.complain("cluster is missing");
    out.place = in.place();
    out.problem = in.problem();
    return out;
}

// Lists of {name, KIND: {...}}.
template <class Read, class Map>
void read_named(Entry& document, const std::string& kind, const Read& read, Map& out) {
    for (const YAML::Node& item : document.items(kind + "s")) {
        Entry named(item, document.place() + ": " + kind + "s", "");
        const std::string name = named.text("name");
        if (name.empty()) {
            document.complain(kind + "s has an item without name");
            continue;
        }
        const std::string place = document.place() + ": " + kind + " \"" + name + "\"";
        const auto [entry, is_new] = out.try_emplace(name, read(named.child(kind), place));
        if (!is_new) document.complain(kind + "s has \"" + name + "\" twice");
    }
}

Result<Kubeconfig> read(std::string_view text, const std::string& path) {
    const YAML::Node root = YAML::Load(std::string(text));
    const std::string directory = directory_of(path);
    Entry document(root, path, directory);
    if (!root.IsMap()) return bad(path + ": is not a kubeconfig");
    Kubeconfig config;
    config.origin = path;
    config.current_context = document.text("current-context");
    read_named(
        document, "cluster",
        [&](YAML::Node node, const std::string& place) {
            return read_cluster(Entry(std::move(node), place, directory));
        },
        config.clusters);
    read_named(
        document, "user",
        [&](YAML::Node node, const std::string& place) {
            return read_user(Entry(std::move(node), place, directory), directory);
        },
        config.users);
    read_named(
        document, "context",
        [&](YAML::Node node, const std::string& place) {
            return read_context(Entry(std::move(node), place, directory));
        },
        config.contexts);
    if (!document.problem().empty()) return bad(document.problem());
    return config;
}

// Files are read when they are used; that one is missing is better known now.
Result<> look_for_file(const std::string& place, const char* key, const std::string& path) {
    if (path.empty() || ::access(path.c_str(), R_OK) == 0) return {};
    Error error = error_from_errno(errno, place + ": " + key + ": cannot read " + path);
    error.code = Code::invalid_argument;
    return std::unexpected(std::move(error));
}

Result<> look_for_files(const Kubeconfig::Cluster& cluster, const Kubeconfig::User& user) {
    const std::vector<std::pair<const char*, std::string>> files{
        {"client-certificate", user.client_certificate.file},
        {"client-key", user.client_key.file},
        {"tokenFile", user.token_file}};
    if (auto found = look_for_file(cluster.place, "certificate-authority", cluster.ca.file); !found)
        return found;
    for (const auto& [key, path] : files)
        if (auto found = look_for_file(user.place, key, path); !found) return found;
    return {};
}

// Only what a host and a path may have: neither user information nor a query.
bool is_server_text(std::string_view rest) {
    return !rest.empty() && rest.front() != '/' && rest.front() != ':' &&
           std::ranges::all_of(rest, [](char c) {
               return (c >= '0' && c <= '9') || (to_lower(c) >= 'a' && to_lower(c) <= 'z') ||
                      std::string_view("-._~:/[]%").find(c) != std::string_view::npos;
           });
}

}  // namespace

std::string problem_of_server(const std::string& server) {
    if (server.empty()) return "is missing";
    std::string_view rest = server;
    if (rest.starts_with("https://"))
        rest.remove_prefix(8);
    else if (rest.starts_with("http://"))
        rest.remove_prefix(7);
    else
        return "must begin with https:// or http://";
    return is_server_text(rest) ? "" : "is not the address of a server";
}

std::string problem_of_token(std::string_view token) {
    if (token.size() > limits::kubernetes_token_bytes_max) return "is too long";
    const bool is_good = std::ranges::all_of(token, [](char c) { return c > 0x20 && c < 0x7f; });
    return is_good ? "" : "has characters that a token cannot have";
}

Result<Kubeconfig> parse_kubeconfig(std::string_view text, const std::string& path) {
    if (text.size() > limits::kubeconfig_bytes_max) return bad(path + ": is too large");
    try {
        return read(text, path);
    } catch (const YAML::Exception& problem) {
        const std::string place =
            problem.mark.is_null() ? "" : "line " + std::to_string(problem.mark.line + 1) + ": ";
        return bad(path + ": " + place + problem.msg);
    } catch (const std::exception& problem) {
        return bad(path + ": " + problem.what());
    }
}

void merge(Kubeconfig& first, Kubeconfig further) {
    if (first.current_context.empty()) first.current_context = std::move(further.current_context);
    first.origin += (first.origin.empty() ? "" : ":") + further.origin;
    first.clusters.merge(further.clusters);
    first.users.merge(further.users);
    first.contexts.merge(further.contexts);
}

Result<Access> access_of(const Kubeconfig& config, const std::string& context) {
    const std::string& name = context.empty() ? config.current_context : context;
    if (name.empty())
        return bad(config.origin + ": current-context is missing, and no context is named");
    const auto chosen = config.contexts.find(name);
    if (chosen == config.contexts.end())
        return bad(config.origin + ": there is no context \"" + name + "\"");
    const Kubeconfig::Context& wanted = chosen->second;
    if (!wanted.problem.empty()) return bad(wanted.problem);
    const auto cluster = config.clusters.find(wanted.cluster);
    if (cluster == config.clusters.end())
        return bad(wanted.place + ": there is no cluster \"" + wanted.cluster + "\"");
    if (!cluster->second.problem.empty()) return bad(cluster->second.problem);
    Kubeconfig::User user;
    if (!wanted.user.empty()) {
        const auto found = config.users.find(wanted.user);
        if (found == config.users.end())
            return bad(wanted.place + ": there is no user \"" + wanted.user + "\"");
        user = found->second;
    }
    if (!user.problem.empty()) return bad(user.problem);
    if (auto files = look_for_files(cluster->second, user); !files)
        return std::unexpected(files.error());
    const Kubeconfig::Cluster& at = cluster->second;
    return Access{at.server,
                  at.ca,
                  user.client_certificate,
                  user.client_key,
                  user.token,
                  user.token_file,
                  user.exec,
                  at.insecure_skip_tls_verify,
                  at.tls_server_name,
                  at.proxy_url,
                  wanted.name_space,
                  config.origin + ", context " + name};
}

}  // namespace mcpgw::kubernetes
