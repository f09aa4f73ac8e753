// Peek against simdjson's tree of the same bytes, and against itself on pieces.
//
// Where the tree exists, Peek must be complete and have found the same; where simdjson refuses the
// structure, Peek must not be complete. They may differ only where Peek says so: UTF-8 and half
// surrogates are not its business, numbers have no range for it, its nesting limit is lower, and a
// message is an object or array.
#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>

#include <simdjson.h>

#include "common/check.h"
#include "common/protocol/jsonrpc_peek.h"

namespace {

using mcpgw::check;
using mcpgw::jsonrpc::Kind;
using mcpgw::jsonrpc::Peek;
namespace dom = simdjson::dom;

// The last member of that name, as JSON.parse has it.
std::optional<dom::element> member(std::optional<dom::element> parent, std::string_view name) {
    dom::object object;
    if (!parent || parent->get(object) != simdjson::SUCCESS) return std::nullopt;
    std::optional<dom::element> found;
    for (const dom::key_value_pair field : object)
        if (field.key == name) found = field.value;
    return found;
}

std::string text_of(std::optional<dom::element> element, std::size_t bytes_max) {
    std::string_view text;
    if (!element || element->get(text) != simdjson::SUCCESS || text.size() > bytes_max) return {};
    return std::string(text);
}

bool is_text(std::optional<dom::element> element) {
    return element && element->is_string();
}

std::size_t depth_of(dom::element element) {
    std::size_t deepest = 0;
    dom::array array;
    dom::object object;
    if (element.get(array) == simdjson::SUCCESS) {
        for (const dom::element child : array)
            deepest = std::max(deepest, depth_of(child));
        return deepest + 1;
    }
    if (element.get(object) == simdjson::SUCCESS) {
        for (const dom::key_value_pair field : object)
            deepest = std::max(deepest, depth_of(field.value));
        return deepest + 1;
    }
    return 0;
}

// The id is raw text: parsed on its own it must give the same value.
void check_id(const Peek& peek, std::optional<dom::element> id, std::string_view input) {
    const bool legal = id && (id->is_string() || id->is_number());
    check(legal || !peek.has_id(), "only numbers and strings are ids");
    if (!legal) return;
    if (input.size() <= mcpgw::limits::jsonrpc_id_bytes_max)
        check(peek.has_id(), "a short id is there");
    if (!peek.has_id()) return;
    check(input.find(peek.id()) != std::string_view::npos, "the id is raw text");
    dom::parser parser;
    dom::element again;
    const simdjson::padded_string raw(peek.id());
    check(parser.parse(raw).get(again) == simdjson::SUCCESS, "the raw id is JSON");
    check(simdjson::minify(again) == simdjson::minify(*id), "the raw id has the id's value");
}

std::string expected_name(const std::string& method, std::optional<dom::element> params) {
    const std::size_t bytes_max = mcpgw::limits::mcp_name_bytes_max;
    const std::string name = text_of(member(params, "name"), bytes_max);
    const std::string uri = text_of(member(params, "uri"), bytes_max);
    const std::string task = text_of(member(params, "taskId"), bytes_max);
    if (method == "tools/call" || method == "prompts/get") return name;
    if (method == "resources/read") return uri;
    if (method.starts_with("tasks/")) return task;
    const auto present = [&](std::string_view key) {
        const auto element = member(params, key);
        std::string_view text;
        return element && element->get(text) == simdjson::SUCCESS && text.size() <= bytes_max;
    };
    if (present("name")) return name;
    return present("uri") ? uri : task;
}

void check_message(const Peek& peek, dom::element message, std::string_view input) {
    if (message.is_array()) {
        check(peek.kind() == Kind::batch && !peek.has_id() && !peek.has_method(), "a batch");
        return;
    }
    const auto id = member(message, "id");
    const auto method = member(message, "method");
    const auto params = member(message, "params");
    const auto meta = member(params, "_meta");
    check_id(peek, id, input);
    const std::string method_text = text_of(method, mcpgw::limits::mcp_name_bytes_max);
    check(peek.method() == method_text, "method");
    check(peek.name() == expected_name(method_text, params), "name");
    check(peek.initialize_version() == text_of(member(params, "protocolVersion"), 32),
          "initialize_version");
    check(
        peek.meta_version() == text_of(member(meta, "io.modelcontextprotocol/protocolVersion"), 32),
        "meta_version");

    check(peek.result_task_id() == text_of(member(member(message, "result"), "taskId"),
                                           mcpgw::limits::mcp_name_bytes_max),
          "result_task_id");

    const bool has_id = id && (id->is_string() || id->is_number());
    const bool answered = member(message, "result") || member(message, "error");
    const Kind kind = is_text(method)      ? (has_id ? Kind::request : Kind::notification)
                      : has_id && answered ? Kind::response
                                           : Kind::unknown;
    check(peek.kind() == kind, "kind");
}

bool same(const Peek& a, const Peek& b) {
    return a.state() == b.state() && a.kind() == b.kind() && a.has_id() == b.has_id() &&
           a.id() == b.id() && a.has_method() == b.has_method() && a.method() == b.method() &&
           a.name() == b.name() && a.initialize_version() == b.initialize_version() &&
           a.meta_version() == b.meta_version() && a.result_task_id() == b.result_task_id();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    Peek whole;
    whole.feed(mcpgw::as_bytes(input));

    Peek bytewise;
    for (std::size_t i = 0; i < size; ++i)
        bytewise.feed(mcpgw::as_bytes(input.substr(i, 1)));
    check(same(whole, bytewise), "byte by byte gives the same");
    Peek parts;
    const std::size_t cut = size == 0 ? 0 : data[size / 2] * size / 256;
    parts.feed(mcpgw::as_bytes(input.substr(0, cut)));
    parts.feed(mcpgw::as_bytes(input.substr(cut)));
    check(same(whole, parts), "two pieces give the same");
    parts.reset();
    parts.feed(mcpgw::as_bytes(input));
    check(same(whole, parts), "a reset object is like a new one");

    static dom::parser parser;
    dom::element message;
    const simdjson::padded_string padded(input);
    const simdjson::error_code error = parser.parse(padded).get(message);
    if (error == simdjson::SUCCESS) {
        const std::size_t depth = depth_of(message);
        const bool legal = depth > 0 && depth <= Peek::depth_max;
        check((whole.state() == Peek::State::complete) == legal, "complete if and only if legal");
        if (legal) check_message(whole, message, input);
    } else if (error != simdjson::UTF8_ERROR && error != simdjson::NUMBER_ERROR &&
               error != simdjson::STRING_ERROR) {
        check(whole.state() != Peek::State::complete, "broken structure is never complete");
    }
    return 0;
}
