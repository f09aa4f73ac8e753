// Questions about sessions as JSON.
#include "common/contract/sessions.h"

#include <algorithm>

#include "common/bytes.h"
#include "common/contract/decoding.h"
#include "common/json_writer.h"
#include "common/limits.h"
#include "common/protocol/mcp.h"

namespace mcpgw::contract {
namespace {

std::string read_adapter_name(ObjectReader& in, std::string_view name) {
    if (!name.empty() && !mcp::is_resource_name(name))
        in.refuse("adapter", "is not a resource name");
    return std::string(name);
}

std::string read_session_id(ObjectReader& in) {
    const std::string_view id = in.text("id", limits::session_id_bytes_max);
    if (!is_session_id(id)) in.refuse("id", "is not letters and digits");
    return std::string(id);
}

SessionItem read_item(ObjectReader& in) {
    SessionItem out;
    out.id = read_session_id(in);
    out.adapter = read_adapter_name(in, in.text("adapter", limits::name_bytes_max));
    out.instance = in.text("instance", limits::instance_name_bytes_max);
    out.user = in.optional_text("user", limits::principal_bytes_max);
    out.tenant = in.optional_text("tenant", limits::principal_bytes_max);
    out.created_unix_ms = in.number("created_unix_ms", {});
    out.last_used_unix_ms = in.number("last_used_unix_ms", {});
    out.streams = static_cast<std::uint32_t>(in.number("streams", {0, UINT32_MAX}));
    out.requests = static_cast<std::uint32_t>(in.number("requests", {0, UINT32_MAX}));
    return out;
}

}  // namespace

bool is_session_id(std::string_view id) {
    const auto is_alphanumeric = [](char c) {
        return (c >= '0' && c <= '9') || (to_lower(c) >= 'a' && to_lower(c) <= 'z');
    };
    return !id.empty() && id.size() <= limits::session_id_bytes_max &&
           std::ranges::all_of(id, is_alphanumeric);
}

bool is_plain_text(std::string_view text, std::size_t bytes_max) {
    return text.size() <= bytes_max &&
           std::ranges::none_of(text, [](char c) { return (c >= 0 && c < 0x20) || c == 0x7f; });
}

std::string encode(const SessionsQuery& query) {
    JsonWriter out;
    out.object().key("type").string("sessions_query");
    out.key("request").number(query.request);
    out.key("after").number(query.after);
    out.key("limit").number(std::uint64_t{query.limit});
    out.key("adapter").string(query.adapter);
    out.key("instance").string(query.instance);
    out.key("user").string(query.user);
    out.key("tenant").string(query.tenant).end();
    return out.take();
}

std::string encode(const SessionsPage& page) {
    JsonWriter out;
    out.object().key("type").string("sessions_page");
    out.key("request").number(page.request);
    out.key("items").array();
    for (const SessionItem& item : page.items) {
        out.object().key("id").string(item.id);
        out.key("adapter").string(item.adapter);
        out.key("instance").string(item.instance);
        out.key("user").string(item.user);
        out.key("tenant").string(item.tenant);
        out.key("created_unix_ms").number(item.created_unix_ms);
        out.key("last_used_unix_ms").number(item.last_used_unix_ms);
        out.key("streams").number(std::uint64_t{item.streams});
        out.key("requests").number(std::uint64_t{item.requests}).end();
    }
    out.end();
    out.key("next").number(page.next).end();
    return out.take();
}

std::string encode(const SessionEnd& wish) {
    JsonWriter out;
    out.object().key("type").string("session_end");
    out.key("request").number(wish.request);
    out.key("id").string(wish.id);
    out.key("user").string(wish.user).end();
    return out.take();
}

std::string encode(const SessionEnded& ended) {
    JsonWriter out;
    out.object().key("type").string("session_ended");
    out.key("request").number(ended.request);
    out.key("found").boolean(ended.found);
    out.key("adapter").string(ended.adapter);
    out.key("instance").string(ended.instance);
    out.key("user").string(ended.user).end();
    return out.take();
}

Result<SessionsQuery> decode_sessions_query(std::string_view json) {
    return decode<SessionsQuery>(json, "sessions_query", [](ObjectReader& in) {
        SessionsQuery out;
        out.request = in.number("request", {});
        out.after = in.number("after", {});
        out.limit = static_cast<std::uint32_t>(in.number("limit", {1, limits::list_items_max}));
        out.adapter = read_adapter_name(in, in.optional_text("adapter", limits::name_bytes_max));
        out.instance = in.optional_text("instance", limits::instance_name_bytes_max);
        out.user = in.optional_text("user", limits::principal_bytes_max);
        out.tenant = in.optional_text("tenant", limits::principal_bytes_max);
        return out;
    });
}

Result<SessionsPage> decode_sessions_page(std::string_view json) {
    return decode<SessionsPage>(json, "sessions_page", [](ObjectReader& in) {
        SessionsPage out;
        out.request = in.number("request", {});
        in.each_object("items", limits::list_items_max,
                       [&out](ObjectReader& item) { out.items.push_back(read_item(item)); });
        out.next = in.number("next", {});
        return out;
    });
}

Result<SessionEnd> decode_session_end(std::string_view json) {
    return decode<SessionEnd>(json, "session_end", [](ObjectReader& in) {
        SessionEnd out;
        out.request = in.number("request", {});
        out.id = read_session_id(in);
        out.user = in.optional_text("user", limits::principal_bytes_max);
        return out;
    });
}

Result<SessionEnded> decode_session_ended(std::string_view json) {
    return decode<SessionEnded>(json, "session_ended", [](ObjectReader& in) {
        SessionEnded out;
        out.request = in.number("request", {});
        out.found = in.boolean("found");
        out.adapter = read_adapter_name(in, in.optional_text("adapter", limits::name_bytes_max));
        out.instance = in.optional_text("instance", limits::instance_name_bytes_max);
        out.user = in.optional_text("user", limits::principal_bytes_max);
        return out;
    });
}

}  // namespace mcpgw::contract
