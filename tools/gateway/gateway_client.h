// HTTP to a running gateway, for the verbs that talk to its management routes (CONTRACT section 7).
//
// One request at a time over libcurl; nothing is redirected and no proxy stands before a loopback
// address. An Error from here means that there was no answer (the sentence says what to do); any
// answer, also 404 and 500, is a Response.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/result.h"
#include "tools/gateway/json_tree.h"

namespace CLI {
class App;
}

namespace mcpgw::cli {

// Where the gateway is and who is asking.
struct GatewayAccess {
    std::string server = "http://127.0.0.1:8000";
    std::string token;
    std::string user;        // development mode: X-Dev-UserId
    std::string roles;       // X-Dev-Roles
    std::string connect_to;  // ADDRESS:PORT to connect to instead of what `server` names
    bool as_json = false;
};

// --server, --token, --as, --roles, --json, with their variables.
void add_access_flags(CLI::App& app, GatewayAccess& access);

struct Request {
    std::string method = "GET";
    std::string path;  // with its query
    std::string body;  // JSON, if not empty
    std::string if_match;
    // Called with the body of a 200 as it arrives, instead of collecting it; without a time limit.
    void (*sink)(std::string_view piece) = nullptr;
};

struct Response {
    long status = 0;
    std::string body;
    std::vector<std::pair<std::string, std::string>> headers;

    [[nodiscard]] std::string_view header(std::string_view name) const;  // "" if absent
    [[nodiscard]] bool is_good() const { return status >= 200 && status < 300; }
};

class GatewayClient {
  public:
    // invalid_argument if the access cannot be meant: no http URL, line breaks in a credential.
    [[nodiscard]] static Result<GatewayClient> open(GatewayAccess access);
    GatewayClient(GatewayClient&&) noexcept;
    GatewayClient& operator=(GatewayClient&&) = delete;
    ~GatewayClient();

    [[nodiscard]] Result<Response> call(const Request& request);

  private:
    struct Connection;
    explicit GatewayClient(std::unique_ptr<Connection> connection);
    std::unique_ptr<Connection> connection_;
};

struct ProblemField {
    std::string field;
    std::string what;
};
// What an answer that is no success says: RFC 9457 problem documents, JSON-RPC errors, else the
// status and the start of the body. The sentence does not have the fields in it.
struct Problem {
    std::string sentence;
    std::vector<ProblemField> fields;
};
[[nodiscard]] Problem problem_of(const Response& response);
// The sentence, then each field on a line of its own.
[[nodiscard]] std::string to_text(const Problem& problem);

}  // namespace mcpgw::cli
