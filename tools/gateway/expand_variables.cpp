// Filling in variables.
#include "tools/gateway/expand_variables.h"

#include <algorithm>

#include <unistd.h>

namespace mcpgw::cli {
namespace {

constexpr int kDepthMax = 8;  // defaults inside defaults

using Expanded = std::expected<std::string, std::string>;

bool is_variable_name(std::string_view name) {
    const auto is_letter = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    };
    const auto is_inner = [&](char c) { return is_letter(c) || (c >= '0' && c <= '9'); };
    return !name.empty() && is_letter(name.front()) && std::ranges::all_of(name, is_inner);
}

// The index of the brace that closes what was opened just before `from`.
std::size_t closing_brace(std::string_view text, std::size_t from) {
    int depth = 1;
    for (std::size_t i = from; i < text.size(); ++i) {
        if (text[i] == '{' && text[i - 1] == '$') ++depth;
        if (text[i] == '}' && --depth == 0) return i;
    }
    return std::string_view::npos;
}

Expanded expand(std::string_view text, const Variables& variables, int depth);

// `inside` is what stands between the braces.
Expanded value_of(std::string_view inside, const Variables& variables, int depth) {
    const std::string whole = "${" + std::string(inside) + "}";
    if (inside == "/" || inside == "pathSeparator") return "/";
    if (inside.starts_with("input:"))
        return std::unexpected(whole +
                               " is asked for by an editor, which the gateway cannot do: "
                               "put the value into a variable and write ${env:NAME}");
    if (inside.starts_with("workspaceFolder"))
        return std::unexpected(whole + " is known to an editor only: write the path itself");
    if (inside == "userHome") inside = "HOME";
    if (inside.starts_with("env:")) inside.remove_prefix(4);
    const std::size_t dash = inside.find(":-");
    const std::string_view name = inside.substr(0, dash);
    if (!is_variable_name(name)) return std::unexpected(whole + " names no variable");
    const auto found = variables.find(name);
    const bool has_default = dash != std::string_view::npos;
    if (found != variables.end() && (!has_default || !found->second.empty())) return found->second;
    if (has_default) return expand(inside.substr(dash + 2), variables, depth + 1);
    return std::unexpected("the environment variable " + std::string(name) + " is not set");
}

Expanded expand(std::string_view text, const Variables& variables, int depth) {
    if (depth > kDepthMax) return std::unexpected("defaults are nested too deeply");
    std::string out;
    while (!text.empty()) {
        const std::size_t start = std::min(text.find("${"), text.size());
        out += text.substr(0, start);
        text.remove_prefix(start);
        if (text.empty()) break;
        const std::size_t end = closing_brace(text, 2);
        if (end == std::string_view::npos) return std::unexpected("a '${' without its '}'");
        auto value = value_of(text.substr(2, end - 2), variables, depth);
        if (!value) return value;
        out += *value;
        text.remove_prefix(end + 1);
    }
    return out;
}

}  // namespace

Variables process_variables() {
    Variables variables;
    for (char** entry = environ; *entry != nullptr; ++entry) {
        const std::string_view text = *entry;
        const std::size_t equals = text.find('=');
        if (equals != std::string_view::npos)
            variables.emplace(text.substr(0, equals), text.substr(equals + 1));
    }
    return variables;
}

std::expected<std::string, std::string> expand_variables(std::string_view text,
                                                         const Variables& variables) {
    return expand(text, variables, 0);
}

}  // namespace mcpgw::cli
