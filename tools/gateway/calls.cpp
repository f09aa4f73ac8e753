// Requests, pages and output of the verbs.
#include "tools/gateway/calls.h"

#include <cstdio>
#include <utility>

#include "tools/gateway/outcome.h"

namespace mcpgw::cli {
namespace {

constexpr int kPagesMax = 10'000;  // of at most a thousand items each

// The path and query of <...>; rel="next" (RFC 8288), or "".
std::string next_page(const Response& response) {
    const std::string_view link = response.header("Link");
    const std::size_t open = link.find('<');
    const std::size_t close = link.find('>', open);
    if (close == std::string_view::npos || !link.substr(close).contains("rel=\"next\"")) return {};
    std::string target(link.substr(open + 1, close - open - 1));
    if (const std::size_t scheme = target.find("://"); scheme != std::string::npos) {
        const std::size_t slash = target.find('/', scheme + 3);
        target = slash == std::string::npos ? "/" : target.substr(slash);
    }
    return target.starts_with('/') ? target : std::string();
}

}  // namespace

std::expected<Response, int> call(GatewayClient& client, const Request& request) {
    auto response = client.call(request);
    if (!response) return std::unexpected(complain(response.error()));
    if (response->is_good()) return std::move(*response);
    complain(std::string_view(to_text(problem_of(*response))));
    return std::unexpected(kFailed);
}

std::expected<JsonValue, int> get_document(GatewayClient& client, const std::string& path) {
    Request request;
    request.path = path;
    auto response = call(client, request);
    if (!response) return std::unexpected(response.error());
    auto document = parse_json_tree(response->body);
    if (document) return std::move(*document);
    complain("what answers at " + path + " is no gateway: its answer is no JSON");
    return std::unexpected(kFailed);
}

std::expected<JsonValue, int> get_list(GatewayClient& client, const std::string& path,
                                       std::size_t items_max) {
    JsonValue all = json_array();
    Request request;
    request.path = path;
    for (int page = 0; page < kPagesMax && !request.path.empty() && all.items.size() < items_max;
         ++page) {
        auto response = call(client, request);
        if (!response) return std::unexpected(response.error());
        auto document = parse_json_tree(response->body);
        if (!document || !document->is(JsonValue::Kind::array)) {
            complain("what answers at " + path + " is no gateway: no JSON array");
            return std::unexpected(kFailed);
        }
        for (JsonValue& item : document->items)
            all.items.push_back(std::move(item));
        request.path = next_page(*response);
    }
    if (all.items.size() > items_max) all.items.resize(items_max);
    return all;
}

void print(std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
}
void print_json(const JsonValue& value) {
    print(to_pretty_json(value) + "\n");
}

}  // namespace mcpgw::cli
