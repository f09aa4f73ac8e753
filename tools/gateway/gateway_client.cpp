// libcurl behind the door of gateway_client.h.
#include "tools/gateway/gateway_client.h"

#include <algorithm>
#include <array>

#include <CLI/CLI.hpp>
#include <curl/curl.h>

#include "common/bytes.h"
#include "common/check.h"
#include "common/protocol/authority.h"

namespace mcpgw::cli {
namespace {

constexpr long kConnectTimeoutMs = 5'000;
constexpr long kAnswerTimeoutMs = 60'000;
constexpr std::size_t kAnswerBytesMax = 64 * 1024 * 1024;
constexpr std::size_t kShownBodyBytesMax = 500;

bool is_field_value(std::string_view text) {
    return std::ranges::none_of(text, [](char c) {
        return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
    });
}

struct CurlList {
    curl_slist* head = nullptr;
    CurlList() = default;
    CurlList(const CurlList&) = delete;
    CurlList& operator=(const CurlList&) = delete;
    ~CurlList() { curl_slist_free_all(head); }
    void add(const std::string& line) { head = curl_slist_append(head, line.c_str()); }
};

// What the callbacks of one transfer share.
struct Transfer {
    CURL* curl = nullptr;
    const Request* request = nullptr;
    Response response;
};

std::size_t on_body(char* data, std::size_t, std::size_t size, void* context) {
    auto& transfer = *static_cast<Transfer*>(context);
    const std::string_view piece(data, size);
    long status = 0;
    curl_easy_getinfo(transfer.curl, CURLINFO_RESPONSE_CODE, &status);
    if (transfer.request->sink != nullptr && status == 200) {
        transfer.request->sink(piece);
        return size;
    }
    if (transfer.response.body.size() + size > kAnswerBytesMax) return 0;
    transfer.response.body += piece;
    return size;
}

std::size_t on_header(char* data, std::size_t, std::size_t size, void* context) {
    auto& transfer = *static_cast<Transfer*>(context);
    std::string_view line(data, size);
    if (line.starts_with("HTTP/")) transfer.response.headers.clear();  // after a 100 Continue
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return size;
    std::string_view value = line.substr(colon + 1);
    while (!value.empty() && (value.front() == ' ' || value.front() == '\t'))
        value.remove_prefix(1);
    while (!value.empty() && static_cast<unsigned char>(value.back()) <= ' ')
        value.remove_suffix(1);
    transfer.response.headers.emplace_back(line.substr(0, colon), value);
    return size;
}

std::string_view authority_of(std::string_view server) {
    const std::string_view rest = server.substr(server.find("://") + 3);
    return rest.substr(0, rest.find('/'));
}

std::string why_no_answer(CURLcode code, const GatewayAccess& access, const char* detail) {
    const std::string why = detail[0] != '\0' ? detail : curl_easy_strerror(code);
    if (code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST)
        return "cannot reach a gateway at " + access.server + " (" + why +
               "); start one with `mcp-gateway up`, or say where it is with --server URL or "
               "MCP_GATEWAY_SERVER";
    return "no answer from " + access.server + ": " + why;
}

}  // namespace

struct GatewayClient::Connection {
    GatewayAccess access;
    CURL* curl = nullptr;

    Connection() = default;
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;
    ~Connection() { curl_easy_cleanup(curl); }
};

GatewayClient::GatewayClient(std::unique_ptr<Connection> connection)
    : connection_(std::move(connection)) {}
GatewayClient::GatewayClient(GatewayClient&&) noexcept = default;
GatewayClient::~GatewayClient() = default;

void add_access_flags(CLI::App& app, GatewayAccess& access) {
    app.add_option("--server", access.server, "where the gateway is")
        ->envname("MCP_GATEWAY_SERVER")
        ->type_name("URL")
        ->capture_default_str();
    app.add_option("--token", access.token, "bearer token")->envname("MCP_GATEWAY_TOKEN");
    app.add_option("--as", access.user, "who is asking, in development mode")
        ->envname("MCP_GATEWAY_AS")
        ->type_name("USER");
    app.add_option("--roles", access.roles, "roles of that user, with commas between")
        ->envname("MCP_GATEWAY_ROLES")
        ->type_name("R1,R2");
    // For `up --import`, which knows the address better than the name.
    app.add_option("--connect-to", access.connect_to, "")->group("");
    app.add_flag("--json", access.as_json, "machine-readable output");
}

Result<GatewayClient> GatewayClient::open(GatewayAccess access) {
    if (!access.server.starts_with("http://") && !access.server.starts_with("https://"))
        return failure(Code::invalid_argument,
                       "--server must be an http:// or https:// URL, not '" + access.server + "'");
    while (access.server.ends_with('/'))
        access.server.pop_back();
    for (const std::string* text : {&access.server, &access.token, &access.user, &access.roles})
        if (!is_field_value(*text))
            return failure(Code::invalid_argument,
                           "--server, --token, --as and --roles cannot have line breaks or other "
                           "control characters");
    static const CURLcode started = curl_global_init(CURL_GLOBAL_DEFAULT);
    auto connection = std::make_unique<Connection>();
    connection->access = std::move(access);
    connection->curl = started == CURLE_OK ? curl_easy_init() : nullptr;
    if (connection->curl == nullptr) return failure(Code::internal, "libcurl does not start");
    return GatewayClient(std::move(connection));
}

Result<Response> GatewayClient::call(const Request& request) {
    check(request.path.starts_with('/'), "a path is absolute");
    const GatewayAccess& access = connection_->access;
    CURL* const curl = connection_->curl;
    curl_easy_reset(curl);
    CurlList headers;
    headers.add("Accept: application/json, application/problem+json, text/plain");
    headers.add("Expect:");
    if (!request.body.empty()) headers.add("Content-Type: application/json");
    if (!request.if_match.empty()) headers.add("If-Match: " + request.if_match);
    if (!access.token.empty()) headers.add("Authorization: Bearer " + access.token);
    if (!access.user.empty()) headers.add("X-Dev-UserId: " + access.user);
    if (!access.roles.empty()) headers.add("X-Dev-Roles: " + access.roles);
    CurlList connect_to;
    if (!access.connect_to.empty()) connect_to.add("::" + access.connect_to);

    Transfer transfer{curl, &request, {}};
    std::array<char, CURL_ERROR_SIZE> detail{};
    const std::string url = access.server + request.path;
    curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
    if (http::names_loopback(authority_of(access.server)))
        curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request.method.c_str());
    if (!request.body.empty()) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE,
                         static_cast<curl_off_t>(request.body.size()));
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request.body.c_str());
    }
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.head);
    if (connect_to.head != nullptr) curl_easy_setopt(curl, CURLOPT_CONNECT_TO, connect_to.head);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, kConnectTimeoutMs);
    if (request.sink == nullptr) curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, kAnswerTimeoutMs);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, detail.data());
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &transfer);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, &transfer);

    const CURLcode code = curl_easy_perform(curl);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, nullptr);
    if (code != CURLE_OK)
        return failure(Code::unavailable, why_no_answer(code, access, detail.data()));
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &transfer.response.status);
    return std::move(transfer.response);
}

std::string_view Response::header(std::string_view name) const {
    for (const auto& [key, value] : headers)
        if (equals_ignoring_case(key, name)) return value;
    return {};
}

namespace {

// Bodies come from elsewhere and go to a terminal.
std::string shown(std::string_view text) {
    std::string out(text.substr(0, kShownBodyBytesMax));
    for (char& c : out)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
    while (out.ends_with(' '))
        out.pop_back();
    return out;
}

void read_fields(const JsonValue& errors, std::vector<ProblemField>& out) {
    for (const JsonMember& member : errors.members) {
        if (member.value.is(JsonValue::Kind::string))
            out.push_back({shown(member.key), shown(member.value.text)});
        for (const JsonValue& what : member.value.items)
            out.push_back({shown(member.key), shown(what.text)});
    }
}

}  // namespace

Problem problem_of(const Response& response) {
    Problem problem;
    problem.sentence = "the gateway answers " + std::to_string(response.status);
    const auto document = parse_json_tree(response.body);
    if (!document || !document->is(JsonValue::Kind::object)) {
        const std::string body = shown(response.body);
        if (!body.empty()) problem.sentence += ": " + body;
        return problem;
    }
    const std::string title = shown(document->string_or("title", ""));
    std::string detail = shown(document->string_or("detail", ""));
    if (const JsonValue* error = document->find("error"); error != nullptr && detail.empty())
        detail = shown(error->string_or("message", ""));
    if (!title.empty()) problem.sentence += " " + title;
    if (!detail.empty()) problem.sentence += ": " + detail;
    if (const JsonValue* errors = document->find("errors")) read_fields(*errors, problem.fields);
    return problem;
}

std::string to_text(const Problem& problem) {
    std::string text = problem.sentence;
    for (const ProblemField& field : problem.fields)
        text += "\n  " + (field.field.empty() ? "" : field.field + ": ") + field.what;
    return text;
}

}  // namespace mcpgw::cli
