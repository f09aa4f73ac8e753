// Reads messages with simdjson's tree, which checks all of the grammar; the elements of a batch are
// cut out of the text with its on-demand parser, so that they are passed on as they were written.
#include "tools/server/message.h"

#include <cmath>
#include <utility>

#include <simdjson.h>

#include "common/json_writer.h"
#include "common/limits.h"

namespace mcpgw::server {
namespace {

namespace dom = simdjson::dom;

// A number or string as a key; empty for everything that MCP does not allow as an id.
std::string key_of(const dom::element& value) {
    if (std::string_view text; value.get(text) == simdjson::SUCCESS) {
        if (text.size() > limits::jsonrpc_id_bytes_max) return {};
        return "s" + std::string(text);
    }
    if (std::int64_t number = 0; value.get(number) == simdjson::SUCCESS)
        return "n" + std::to_string(number);
    if (std::uint64_t number = 0; value.get(number) == simdjson::SUCCESS)
        return "n" + std::to_string(number);
    if (double number = 0; value.get(number) == simdjson::SUCCESS) {
        constexpr double exact_max = 9007199254740992.0;  // 2^53: beyond, doubles skip integers
        if (std::trunc(number) == number && std::fabs(number) <= exact_max)
            return "n" + std::to_string(static_cast<std::int64_t>(number));
    }
    return {};
}

// Of repeated members the last counts, as with JSON.parse.
bool last_member(const dom::object& object, std::string_view name, dom::element& out) {
    bool found = false;
    for (const auto& field : object) {
        if (field.key != name) continue;
        out = field.value;
        found = true;
    }
    return found;
}

// The key of the value at params.<name>, or params._meta.<name>.
std::string param_key(const dom::object& message, std::string_view name, bool in_meta) {
    dom::element value;
    dom::object object;
    if (!last_member(message, "params", value) || value.get(object) != simdjson::SUCCESS) return {};
    if (in_meta) {
        if (!last_member(object, "_meta", value) || value.get(object) != simdjson::SUCCESS)
            return {};
    }
    return last_member(object, name, value) ? key_of(value) : std::string();
}

Result<> read_id(const dom::object& object, Message& message) {
    dom::element id;
    if (!last_member(object, "id", id)) return {};
    message.id_key = key_of(id);
    if (!message.id_key.empty()) {
        message.id_json = simdjson::minify(id);
        return {};
    }
    if (id.is_null() && message.kind == MessageKind::response) return {};
    return failure(Code::protocol, "an id must be a string or an integer", Side::client);
}

Result<Message> read_message(const dom::element& element) {
    const auto broken = [](const char* why) { return failure(Code::protocol, why, Side::client); };
    dom::object object;
    if (element.get(object) != simdjson::SUCCESS) return broken("a message must be an object");
    dom::element value;
    std::string_view text;
    if (!last_member(object, "jsonrpc", value) || value.get(text) != simdjson::SUCCESS ||
        text != "2.0")
        return broken("\"jsonrpc\" must be \"2.0\"");

    Message message;
    const bool has_method = last_member(object, "method", value);
    if (has_method) {
        if (value.get(text) != simdjson::SUCCESS) return broken("\"method\" must be a string");
        message.method = text;
    } else {
        if (!last_member(object, "result", value) && !last_member(object, "error", value))
            return broken("neither \"method\" nor \"result\" nor \"error\"");
        message.kind = MessageKind::response;
    }
    if (auto read = read_id(object, message); !read) return std::unexpected(read.error());
    if (!has_method) return message;
    if (!message.id_key.empty()) {
        message.kind = MessageKind::request;
        message.progress_token = param_key(object, "progressToken", true);
    } else if (message.method == "notifications/progress") {
        message.progress_token = param_key(object, "progressToken", false);
    } else if (message.method == "notifications/cancelled") {
        message.cancelled_id = param_key(object, "requestId", false);
    }
    return message;
}

// Gives each message of a batch its own piece of the text.
Result<> cut_batch(const simdjson::padded_string& padded, std::vector<Message>& list) {
    const auto broken = [] {
        return failure(Code::invalid_argument, "broken batch", Side::client);
    };
    simdjson::ondemand::parser parser;
    simdjson::ondemand::document document;
    simdjson::ondemand::array array;
    if (parser.iterate(padded).get(document) != simdjson::SUCCESS ||
        document.get_array().get(array) != simdjson::SUCCESS)
        return broken();
    std::size_t index = 0;
    for (auto element : array) {
        simdjson::ondemand::object object;
        std::string_view raw;
        if (index == list.size() || element.get_object().get(object) != simdjson::SUCCESS ||
            object.raw_json().get(raw) != simdjson::SUCCESS)
            return broken();
        list[index++].text = on_one_line(raw);
    }
    return index == list.size() ? Result<>() : broken();
}

}  // namespace

Result<Messages> parse_messages(std::string_view text, std::size_t batch_max) {
    dom::parser parser;
    const simdjson::padded_string padded(text);
    dom::element root;
    if (parser.parse(padded).get(root) != simdjson::SUCCESS)
        return failure(Code::invalid_argument, "not JSON", Side::client);

    Messages messages;
    dom::array array;
    if (root.get(array) != simdjson::SUCCESS) {
        auto message = read_message(root);
        if (!message) return std::unexpected(std::move(message.error()));
        message->text = on_one_line(text);
        messages.list.push_back(std::move(*message));
        return messages;
    }
    messages.batch = true;
    for (const dom::element element : array) {
        if (messages.list.size() == batch_max)
            return failure(Code::limit_exceeded, "too many messages in a batch", Side::client);
        auto message = read_message(element);
        if (!message) return std::unexpected(std::move(message.error()));
        messages.list.push_back(std::move(*message));
    }
    if (messages.list.empty()) return failure(Code::protocol, "an empty batch", Side::client);
    if (auto cut = cut_batch(padded, messages.list); !cut)
        return std::unexpected(std::move(cut.error()));
    return messages;
}

std::string on_one_line(std::string_view json) {
    std::string line(json);
    for (char& c : line)
        if (c == '\n' || c == '\r') c = ' ';
    return line;
}

std::string error_text(std::string_view id_json, int code, std::string_view message) {
    JsonWriter w;
    w.object().key("jsonrpc").string("2.0");
    w.key("id").raw(id_json.empty() ? "null" : id_json);
    w.key("error").object().key("code").number(code).key("message").string(message).end();
    w.end();
    return w.take();
}

std::string result_text(std::string_view id_json, std::string_view result_json) {
    JsonWriter w;
    w.object().key("jsonrpc").string("2.0").key("id").raw(id_json);
    w.key("result").raw(result_json).end();
    return w.take();
}

}  // namespace mcpgw::server
