// {"type": ..., "object": ...} -> WatchEvent.
#include "controlplane/kubernetes/watch_event.h"

#include <array>
#include <utility>

#include "controlplane/kubernetes/tree.h"
#include "controlplane/model/json.h"

namespace mcpgw::kubernetes {
namespace {

using Kind = WatchEvent::Kind;

constexpr std::array<std::pair<std::string_view, Kind>, 5> kKinds{{
    {"ADDED", Kind::added},
    {"MODIFIED", Kind::modified},
    {"DELETED", Kind::deleted},
    {"BOOKMARK", Kind::bookmark},
    {"ERROR", Kind::error},
}};

Kind kind_of(std::string_view type) {
    for (const auto& [name, kind] : kKinds)
        if (name == type) return kind;
    return Kind::other;
}

std::unexpected<Error> bad(std::string what) {
    return failure(Code::protocol, "a line of the watch " + std::move(what), Side::backend);
}

// The object of an ERROR event is the Status that would have been the body of an answer.
Failure failure_of_status(const picojson::value& status) {
    Answer answer;
    const std::int64_t code = number_at(status, {"code"}, 500);
    answer.status = code >= 300 && code <= 599 ? static_cast<int>(code) : 500;
    answer.body = status.serialize();
    return failure_of(answer);
}

}  // namespace

Result<WatchEvent> parse_watch_line(std::string_view line) {
    auto tree = model::parse_json(line);
    if (!tree) return bad("is not JSON: " + tree.error().detail);
    const std::string& type = text_at(*tree, {"type"});
    if (type.empty()) return bad("has no type");
    WatchEvent event;
    event.kind = kind_of(type);
    if (event.kind == Kind::other) return event;
    auto& members = tree->get<picojson::object>();
    event.object = std::move(members["object"]);
    if (!event.object.is<picojson::object>()) return bad("has no object");
    if (event.kind == Kind::error) {
        event.failure = failure_of_status(event.object);
        return event;
    }
    event.resource_version = text_at(event.object, {"metadata", "resourceVersion"});
    if (event.resource_version.empty()) return bad("has an object without resourceVersion");
    if (event.kind == Kind::bookmark) return event;
    event.name = text_at(event.object, {"metadata", "name"});
    event.uid = text_at(event.object, {"metadata", "uid"});
    if (event.name.empty() || event.uid.empty()) return bad("has an object without name or uid");
    return event;
}

}  // namespace mcpgw::kubernetes
