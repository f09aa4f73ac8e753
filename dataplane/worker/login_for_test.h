// What tests of bearer tokens share: a gateway that has issuers, tokens for it, and one request at
// a time with its answer.
#pragma once

#include <ctime>
#include <mutex>

#include "dataplane/auth/tokens_for_test.h"
#include "dataplane/worker/harness_for_test.h"

namespace mcpgw::worker {

inline constexpr std::string_view kListTools = R"({"jsonrpc":"2.0","id":7,"method":"tools/list"})";
inline constexpr std::string_view kMetadata =
    R"(resource_metadata="https://gw.example/.well-known/oauth-protected-resource)";

inline std::uint64_t now() {
    return static_cast<std::uint64_t>(time(nullptr));
}

// Answers every request, and keeps the last one.
class Echo {
  public:
    [[nodiscard]] std::string last() {
        const std::lock_guard lock(mutex_);
        return last_;
    }
    ScriptedServer server{[this](Line& line) {
        for (std::string request = read_request(line); !request.empty();
             request = read_request(line)) {
            const std::lock_guard lock(mutex_);
            last_ = request;
            line.send(answer(R"({"jsonrpc":"2.0","id":7,"result":{}})"));
        }
    }};

  private:
    std::mutex mutex_;
    std::string last_;
};

inline Harness::Special with_tokens() {
    Harness::Special special;
    special.auth = exchange::AuthMode::oidc;
    special.access = auth::access_for_test();
    special.access.scopes = {"mcp"};
    special.required_roles = {"team"};
    special.public_url = "https://gw.example";
    return special;
}

// Claims that are good; a member of `changes` (name, JSON or "" to leave it out) replaces its own.
using Changes = std::vector<std::pair<std::string, std::string>>;
inline std::string claims_with(const Changes& changes) {
    Changes members{{"iss", R"("https://idp.example/t1")"},
                    {"aud", R"("gateway")"},
                    {"sub", R"("ann")"},
                    {"exp", std::to_string(now() + 600)},
                    {"roles", R"(["team"])"}};
    for (const auto& [name, json] : changes) {
        const auto same = [&name](const auto& member) { return member.first == name; };
        std::erase_if(members, same);
        if (!json.empty()) members.emplace_back(name, json);
    }
    std::string text = "{";
    for (const auto& [name, json] : members)
        text += (text.size() > 1 ? "," : "") + ("\"" + name + "\":" + json);
    return text + "}";
}

inline std::string header_of(const std::string& algorithm, const std::string& key,
                             const std::string& more = "") {
    return R"({"alg":")" + algorithm + R"(","kid":")" + key + "\"" + more + "}";
}

inline std::string good_token(const Changes& changes = {}) {
    return auth::token_of(header_of("ES256", "p256"), claims_with(changes), "p256", "ES256");
}

inline std::string bearer(const std::string& token) {
    return "Authorization: Bearer " + token + "\r\n";
}

struct Answer {
    std::string head;
    std::string body;
    [[nodiscard]] std::string status() const { return head.substr(9, 3); }
    [[nodiscard]] std::string field(const std::string& name) const {
        const std::size_t at = head.find("\r\n" + name + ": ");
        if (at == std::string::npos) return {};
        const std::size_t from = at + name.size() + 4;
        return head.substr(from, head.find("\r\n", from) - from);
    }
};

inline Answer ask(Harness& gateway, const std::string& request) {
    Line client = gateway.connect();
    client.send(request);
    Answer out;
    out.head = client.read_until("\r\n\r\n");
    const std::string length = out.field("Content-Length");
    if (!length.empty()) out.body = client.read_bytes(std::stoul(length));
    return out;
}

inline Answer call(Harness& gateway, const std::string& lines) {
    return ask(gateway, Harness::post(kListTools, lines));
}

inline Answer get(Harness& gateway, const std::string& path, const std::string& lines = "",
                  const std::string& host = "localhost") {
    return ask(gateway, "GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\n" + lines + "\r\n");
}

}  // namespace mcpgw::worker
