// Documents to controlplane/model and complaints back. The only file here that knows picojson.
#include "tools/gateway/resource_check.h"

#include <charconv>
#include <optional>
#include <utility>

#include "controlplane/model/adapter_json.h"
#include "controlplane/model/json.h"

namespace mcpgw::cli {
namespace {

model::AdapterReading read(model::Kind kind, const JsonValue& document) {
    model::AdapterReading reading;
    const std::string text = to_json(document);
    auto tree = model::parse_json(text);
    if (!tree) {
        reading.errors[""].push_back(tree.error().detail);
        return reading;
    }
    return model::read_resource(kind, *tree, text);
}

// "[2]..." at the start of `path`: the index, taken off.
std::optional<std::size_t> take_index(std::string_view& path) {
    if (!path.starts_with('[')) return std::nullopt;
    std::size_t index = 0;
    const char* const end = path.data() + path.size();
    const auto [stopped, error] = std::from_chars(path.data() + 1, end, index);
    if (error != std::errc() || stopped == end || *stopped != ']') return std::nullopt;
    path.remove_prefix(static_cast<std::size_t>(stopped - path.data()) + 1);
    return index;
}

// The member whose key begins `path`, taken off; the longest, because keys may have dots inside.
const JsonMember* take_member(const JsonValue& object, std::string_view& path) {
    if (path.starts_with('.')) path.remove_prefix(1);
    const JsonMember* found = nullptr;
    for (const JsonMember& member : object.members) {
        const std::string_view rest = path.substr(std::min(member.key.size(), path.size()));
        const bool is_whole = rest.empty() || rest.front() == '.' || rest.front() == '[';
        const bool is_longer = found == nullptr || member.key.size() > found->key.size();
        if (path.starts_with(member.key) && is_whole && is_longer) found = &member;
    }
    if (found != nullptr) path.remove_prefix(found->key.size());
    return found;
}

}  // namespace

Position locate(const JsonValue& document, std::string_view field) {
    Position at = document.at;
    const JsonValue* value = &document;
    while (!field.empty()) {
        if (const auto index = take_index(field)) {
            if (*index >= value->items.size()) return at;
            value = &value->items[*index];
            at = value->at;
            continue;
        }
        const JsonMember* member = take_member(*value, field);
        if (member == nullptr) return at;
        value = &member->value;
        at = member->at;
    }
    return at;
}

std::vector<FieldComplaint> check_resource(model::Kind kind, const JsonValue& document) {
    std::vector<FieldComplaint> complaints;
    for (const auto& [field, sentences] : read(kind, document).errors)
        for (const std::string& what : sentences)
            complaints.push_back({field, what, locate(document, field)});
    return complaints;
}

bool describe_the_same(model::Kind kind, const JsonValue& a, const JsonValue& b) {
    const model::AdapterReading first = read(kind, a);
    const model::AdapterReading second = read(kind, b);
    return first.errors.empty() && second.errors.empty() && first.adapter == second.adapter;
}

}  // namespace mcpgw::cli
