// Requests of the verbs to a gateway, with the complaint already made when one fails.
//
// What the verbs share beyond one exchange (gateway_client.h): lists of several pages, and output.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "tools/gateway/gateway_client.h"
#include "tools/gateway/json_tree.h"

namespace mcpgw::cli {

// A good answer, or the exit status after the complaint.
[[nodiscard]] std::expected<Response, int> call(GatewayClient& client, const Request& request);
// The same for a GET whose answer is one JSON document.
[[nodiscard]] std::expected<JsonValue, int> get_document(GatewayClient& client,
                                                         const std::string& path);
// The same for all pages of a list (CONTRACT section 7), until there are so many items: one JSON
// array.
[[nodiscard]] std::expected<JsonValue, int> get_list(GatewayClient& client, const std::string& path,
                                                     std::size_t items_max = SIZE_MAX);

// To standard output, at once.
void print(std::string_view text);
void print_json(const JsonValue& value);

}  // namespace mcpgw::cli
