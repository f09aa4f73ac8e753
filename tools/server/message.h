// What a server side has to know of a JSON-RPC message in order to route it.
//
// The text itself is passed on as it came, except that line breaks between tokens become spaces, so
// that it fits on one line of a stdio server and into one `data:` line of an event stream. (Inside
// JSON strings a raw line break is illegal, so nothing else is touched.) Ids and progress tokens
// are compared as keys, in which 1, 1.0 and 1e0 are the same number, as for JSON.parse. Unlike
// common/protocol/jsonrpc_peek this reads whole messages, knows batches and progress tokens, and
// checks the grammar of everything.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"

namespace mcpgw::server {

enum class MessageKind : std::uint8_t { request, notification, response };

struct Message {
    MessageKind kind = MessageKind::notification;
    std::string text;     // one line of JSON
    std::string id_key;   // empty: no id (a notification, or an error about nothing)
    std::string id_json;  // the id as JSON
    std::string method;   // empty for responses
    std::string
        progress_token;        // key: _meta.progressToken of a request, or what a progress reports
    std::string cancelled_id;  // key: params.requestId of notifications/cancelled
};

struct Messages {
    std::vector<Message> list;
    bool batch = false;
};

// One message, or a batch of 1…batch_max. Error invalid_argument: not JSON; protocol: JSON, but not
// JSON-RPC 2.0 as MCP wants it (ids are strings or integers); limit_exceeded: a longer batch.
[[nodiscard]] Result<Messages> parse_messages(std::string_view text, std::size_t batch_max);

// Replaces CR and LF by spaces.
[[nodiscard]] std::string on_one_line(std::string_view json);

// {"jsonrpc":"2.0","id":…,"error":{"code":…,"message":…}}; `id_json` empty: null.
[[nodiscard]] std::string error_text(std::string_view id_json, int code, std::string_view message);

// {"jsonrpc":"2.0","id":…,"result":…}; both are JSON.
[[nodiscard]] std::string result_text(std::string_view id_json, std::string_view result_json);

}  // namespace mcpgw::server
