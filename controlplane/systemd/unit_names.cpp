// Composing and reading names and marks.
#include "controlplane/systemd/unit_names.h"

#include <array>
#include <charconv>

#include "common/bytes.h"

namespace mcpgw::systemd {
namespace {

constexpr std::string_view kGateway = "MCP_GATEWAY_ID";
constexpr std::string_view kInstance = "MCP_GATEWAY_INSTANCE";
constexpr std::string_view kUid = "MCP_GATEWAY_INSTANCE_UID";
constexpr std::string_view kSpec = "MCP_GATEWAY_DEFINITION";
constexpr std::string_view kPath = "MCP_GATEWAY_PATH";
constexpr std::string_view kRestarts = "MCP_GATEWAY_RESTARTS";
constexpr std::string_view kPort = "PORT";
constexpr std::string_view kGeneration = "MCP_GATEWAY_GENERATION";  // absent: 0

// Enough to tell the starts of one instance apart at a glance; the whole uid is in the marks.
constexpr std::size_t kUidInName = 12;

std::string prefix(std::string_view gateway) {
    return "mcp-gateway-" + std::string(gateway);
}

template <class Integer>
bool read_integer(std::string_view text, Integer& out) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    return !text.empty() && error == std::errc() && end == text.data() + text.size();
}

std::string_view value_of(const std::vector<std::string>& environment, std::string_view name) {
    for (const std::string& entry : environment)
        if (entry.size() > name.size() && entry[name.size()] == '=' && entry.starts_with(name))
            return std::string_view(entry).substr(name.size() + 1);
    return {};
}

std::string assignment(std::string_view name, std::string_view value) {
    return std::string(name).append(1, '=').append(value);
}

}  // namespace

std::string slice_name(std::string_view gateway) {
    return prefix(gateway) + ".slice";
}

std::string instance_label(std::string_view gateway, std::string_view instance) {
    return prefix(gateway).append(1, '-').append(instance);
}

std::string unit_name(std::string_view gateway, const Marks& marks) {
    return instance_label(gateway, marks.adapter) + "-" + std::to_string(marks.ordinal) + "-" +
           marks.uid.substr(0, kUidInName) + ".service";
}

std::string unit_pattern(std::string_view gateway) {
    return prefix(gateway) + "-*.service";
}

std::string lifeline_name(std::string_view gateway, std::uint64_t pipe) {
    // No adapter has a capital letter in its name.
    return prefix(gateway) + "-LIFELINE-" + std::to_string(pipe) + ".service";
}

std::string state_directory_name(std::string_view gateway, std::string_view instance) {
    return instance_label(gateway, instance);
}

std::string user_name(std::string_view gateway, std::string_view instance) {
    return "mcpgw-" + to_hex(fnv1a(instance_label(gateway, instance)));
}

std::vector<std::string> encode(std::string_view gateway, const Marks& marks) {
    std::vector<std::string> all = {
        assignment(kGateway, gateway),
        assignment(kInstance, marks.adapter + "-" + std::to_string(marks.ordinal)),
        assignment(kUid, marks.uid),
        assignment(kSpec, marks.spec_hash),
        assignment(kPath, marks.path),
        assignment(kRestarts, std::to_string(marks.restarts)),
        assignment(kPort, std::to_string(marks.port))};
    if (marks.generation != 0)
        all.push_back(assignment(kGeneration, std::to_string(marks.generation)));
    return all;
}

std::optional<Marks> decode(std::string_view gateway, const std::vector<std::string>& environment) {
    if (gateway.empty() || value_of(environment, kGateway) != gateway) return std::nullopt;
    Marks marks;
    const std::string_view instance = value_of(environment, kInstance);
    const std::size_t dash = instance.rfind('-');
    if (dash == std::string_view::npos || dash == 0) return std::nullopt;
    marks.adapter = instance.substr(0, dash);
    marks.uid = value_of(environment, kUid);
    marks.spec_hash = value_of(environment, kSpec);
    marks.path = value_of(environment, kPath);
    if (!read_integer(instance.substr(dash + 1), marks.ordinal) || marks.uid.empty() ||
        marks.spec_hash.empty() || !marks.path.starts_with('/') ||
        !read_integer(value_of(environment, kRestarts), marks.restarts) ||
        !read_integer(value_of(environment, kPort), marks.port) || marks.port == 0)
        return std::nullopt;
    const std::string_view generation = value_of(environment, kGeneration);
    if (!generation.empty() && !read_integer(generation, marks.generation)) return std::nullopt;
    return marks;
}

bool is_mark(std::string_view variable) {
    static constexpr std::array<std::string_view, 8> kAll = {
        kGateway, kInstance, kUid, kSpec, kPath, kRestarts, kPort, kGeneration};
    for (const std::string_view one : kAll)
        if (one == variable) return true;
    return false;
}

}  // namespace mcpgw::systemd
