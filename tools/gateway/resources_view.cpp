// Adapters, tools and their status as text for people. Unknown and missing members do no harm:
// another version of the gateway may have sent them.
#include <string>
#include <utility>

#include "tools/gateway/resources.h"
#include "tools/gateway/table.h"

namespace mcpgw::cli {
namespace {

using Kind = JsonValue::Kind;

// Texts as they are, everything else as JSON.
std::string cell(const JsonValue* value) {
    if (value == nullptr || value->is(Kind::null)) return "";
    if (value->is(Kind::string)) return value->text;
    return to_json(*value);
}

std::string cell(const JsonValue& object, std::string_view key) {
    return cell(object.find(key));
}

std::string words(const JsonValue& array) {
    std::string text;
    for (const JsonValue& item : array.items)
        text += (text.empty() ? "" : " ") + cell(&item);
    return text;
}

std::string source_of(const JsonValue& adapter) {
    constexpr std::size_t kShownMax = 60;
    std::string text = cell(adapter, "url");
    const JsonValue* command = adapter.find("command");
    if (text.empty() && command != nullptr) text = words(*command);
    if (text.empty()) {
        text = cell(adapter, "imageName");
        const std::string version = cell(adapter, "imageVersion");
        if (!version.empty()) text += ":" + version;
    }
    if (text.size() > kShownMax) {
        std::size_t end = kShownMax - 3;
        while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U)
            --end;
        text = text.substr(0, end) + "...";
    }
    return text;
}

// ":8000/score"
std::string call_of(const JsonValue& tool) {
    const JsonValue* definition = tool.find("toolDefinition");
    if (definition == nullptr) return "";
    return ":" + cell(*definition, "port") + cell(*definition, "path");
}

// Empty objects, arrays and texts say nothing that the reader wants to see.
bool is_bare(const JsonValue& value) {
    if (value.is(Kind::null)) return true;
    if (value.is(Kind::object)) return value.members.empty();
    if (value.is(Kind::array)) return value.items.empty();
    return value.is(Kind::string) && value.text.empty();
}

// What is wrong although enough is ready, or with the whole; nothing if replicaStatus says it.
std::string trouble_line(const JsonValue& status) {
    const JsonValue* conditions = status.find("conditions");
    if (conditions == nullptr) return {};
    const std::string_view told = status.string_or("replicaStatus", "");
    for (const JsonValue& one : conditions->items) {
        if (one.string_or("type", "") != "Degraded" || one.string_or("status", "") != "True")
            continue;
        if (told.contains(one.string_or("message", ""))) return {};
        return "degraded since " + for_terminal(cell(one, "lastTransitionTime")) + ": " +
               for_terminal(cell(one, "message")) + " (" + for_terminal(cell(one, "reason")) +
               ")\n";
    }
    return {};
}

}  // namespace

std::string resources_table(model::Kind kind, const JsonValue& resources) {
    const bool is_tool = kind == model::Kind::tool;
    Table table({"NAME", "SOURCE", is_tool ? "CALLED AT" : "TRANSPORT", "REPLICAS", "CREATED BY",
                 "UPDATED"});
    for (const JsonValue& one : resources.items)
        table.add({cell(one, "name"), source_of(one),
                   is_tool ? call_of(one) : cell(one, "transport"), cell(one, "replicaCount"),
                   cell(one, "createdBy"), cell(one, "lastUpdatedAt")});
    if (!table.empty()) return table.text();
    return "no " + std::string(words_of(kind).plural) + "\n";
}

std::string resource_text(const JsonValue& resource) {
    Table table({"FIELD", "VALUE"});
    for (const JsonMember& member : resource.members) {
        if (is_bare(member.value)) continue;
        table.add({member.key, member.value.is(Kind::array) && member.key == "command"
                                   ? words(member.value)
                                   : cell(&member.value)});
    }
    return table.text();
}

std::string status_text(const JsonValue& status) {
    std::string text = for_terminal(cell(status, "replicaStatus")) + "\n";
    text += "ready " + for_terminal(cell(status, "readyReplicas")) + ", updated " +
            for_terminal(cell(status, "updatedReplicas")) + ", available " +
            for_terminal(cell(status, "availableReplicas")) + "\n";
    text += trouble_line(status);
    const JsonValue* instances = status.find("instances");
    if (instances == nullptr || instances->items.empty()) return text;
    Table table({"INSTANCE", "READY", "ADDRESS", "RESTARTS", "SINCE", "REASON"});
    for (const JsonValue& instance : instances->items)
        table.add({cell(instance, "name"), cell(instance, "ready"), cell(instance, "address"),
                   cell(instance, "restarts"), cell(instance, "since"), cell(instance, "reason")});
    return text + "\n" + table.text();
}

}  // namespace mcpgw::cli
