// Down the path, member by member.
#include "controlplane/kubernetes/tree.h"

#include <cmath>

namespace mcpgw::kubernetes {
namespace {

const picojson::value kNull;
const std::string kNoText;
const picojson::array kNoItems;
const picojson::object kNoMembers;

}  // namespace

const picojson::value& node_at(const picojson::value& tree, Path path) {
    const picojson::value* node = &tree;
    for (const std::string_view key : path) {
        if (!node->is<picojson::object>()) return kNull;
        const auto& members = node->get<picojson::object>();
        const auto found = members.find(std::string(key));
        if (found == members.end()) return kNull;
        node = &found->second;
    }
    return *node;
}

const std::string& text_at(const picojson::value& tree, Path path) {
    const picojson::value& node = node_at(tree, path);
    return node.is<std::string>() ? node.get<std::string>() : kNoText;
}

std::int64_t number_at(const picojson::value& tree, Path path, std::int64_t otherwise) {
    const picojson::value& node = node_at(tree, path);
    if (!node.is<double>()) return otherwise;
    const double number = node.get<double>();
    constexpr double top = 9007199254740992.0;  // 2^53: every whole number below is exact
    if (!(std::fabs(number) < top) || number != std::floor(number)) return otherwise;
    return static_cast<std::int64_t>(number);
}

bool boolean_at(const picojson::value& tree, Path path, bool otherwise) {
    const picojson::value& node = node_at(tree, path);
    return node.is<bool>() ? node.get<bool>() : otherwise;
}

const picojson::array& array_at(const picojson::value& tree, Path path) {
    const picojson::value& node = node_at(tree, path);
    return node.is<picojson::array>() ? node.get<picojson::array>() : kNoItems;
}

const picojson::object& object_at(const picojson::value& tree, Path path) {
    const picojson::value& node = node_at(tree, path);
    return node.is<picojson::object>() ? node.get<picojson::object>() : kNoMembers;
}

}  // namespace mcpgw::kubernetes
