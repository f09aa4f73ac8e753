// The verb `mcp-gateway audit`.
#include "tools/gateway/audit.h"

#include <algorithm>
#include <cstdint>

#include <CLI/CLI.hpp>

#include "common/bytes.h"
#include "common/limits.h"
#include "tools/gateway/calls.h"
#include "tools/gateway/outcome.h"
#include "tools/gateway/table.h"

namespace mcpgw::cli {
namespace {

// A value longer than this is told by the name of its field alone.
constexpr std::size_t kShownBytesMax = 24;

struct AuditWishes {
    GatewayAccess access;
    std::uint32_t limit = 50;
    std::string resource;
    std::string actor;
};

std::string shown(const JsonValue* value) {
    if (value == nullptr) return "nothing";
    return value->is(JsonValue::Kind::string) ? value->text : to_json(*value);
}

bool is_short(const JsonValue* value) {
    if (value == nullptr) return true;
    const bool is_plain = !value->is(JsonValue::Kind::array) && !value->is(JsonValue::Kind::object);
    return is_plain && shown(value).size() <= kShownBytesMax;
}

std::string difference(const std::string& key, const JsonValue* before, const JsonValue* after) {
    if (!is_short(before) || !is_short(after)) return key;
    return key + " " + shown(before) + " -> " + shown(after);
}

// Fields that every change changes are no news.
bool is_news(std::string_view key) {
    return key != "version" && key != "lastUpdatedAt";
}

std::string differences(const JsonValue& before, const JsonValue& after) {
    std::string text;
    const auto add = [&text](const std::string& one) { text += (text.empty() ? "" : ", ") + one; };
    for (const JsonMember& member : after.members) {
        const JsonValue* old = before.find(member.key);
        if (!is_news(member.key) || (old != nullptr && to_json(*old) == to_json(member.value)))
            continue;
        add(difference(member.key, old, &member.value));
    }
    for (const JsonMember& member : before.members)
        if (after.find(member.key) == nullptr) add(difference(member.key, &member.value, nullptr));
    return text;
}

std::string what_happened(const JsonValue& record) {
    const JsonValue* before = record.find("before");
    const JsonValue* after = record.find("after");
    const bool is_change = before != nullptr && after != nullptr &&
                           before->is(JsonValue::Kind::object) &&
                           after->is(JsonValue::Kind::object);
    if (!is_change) return std::string(record.string_or("detail", ""));
    const std::string text = differences(*before, *after);
    return text.empty() ? "nothing new" : text;
}

int list(GatewayClient& client, const AuditWishes& wishes) {
    const std::size_t page = std::min<std::size_t>(wishes.limit, limits::list_items_max);
    std::string path = "/audit?limit=" + std::to_string(page);
    if (!wishes.resource.empty()) path += "&resource=" + percent_encoded(wishes.resource);
    if (!wishes.actor.empty()) path += "&actor=" + percent_encoded(wishes.actor);
    const auto records = get_list(client, path, wishes.limit);
    if (!records) return records.error();
    if (wishes.access.as_json)
        print_json(*records);
    else
        print(audit_table(*records));
    return kSuccess;
}

}  // namespace

std::string audit_table(const JsonValue& records) {
    Table table({"WHEN", "WHO", "ACTION", "RESOURCE", "WHAT"});
    for (const JsonValue& record : records.items)
        table.add({std::string(record.string_or("at", "")),
                   std::string(record.string_or("actor", "")),
                   std::string(record.string_or("action", "")),
                   std::string(record.string_or("resource", "")), what_happened(record)});
    return table.empty() ? "no records\n" : table.text();
}

int run_audit(int argc, char** argv) {
    AuditWishes wishes;
    CLI::App app(
        "The audit log: who changed what, newest first. For administrators. --json has the whole\n"
        "of what was before and after.",
        "mcp-gateway audit");
    add_access_flags(app, wishes.access);
    app.add_option("--limit", wishes.limit, "records at most (default 50)")
        ->check(
            CLI::Range(std::uint32_t{1}, static_cast<std::uint32_t>(limits::audit_records_max)));
    app.add_option("--resource", wishes.resource, "of this adapter, tool, session or key only");
    app.add_option("--actor", wishes.actor, "of this user only");
    try {
        app.parse(argc, argv);
    } catch (const CLI::Success& wish) {
        return app.exit(wish);
    } catch (const CLI::ParseError& mistake) {
        complain(std::string("audit: ") + mistake.what() + " (see mcp-gateway audit --help)");
        return kUsage;
    }
    auto client = GatewayClient::open(wishes.access);
    if (!client) return complain(client.error());
    return list(*client, wishes);
}

}  // namespace mcpgw::cli
