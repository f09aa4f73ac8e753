// Two loops over a few rules, and a matcher that never goes back.
#include "dataplane/auth/access_rules.h"

#include <algorithm>
#include <cstring>

#include "common/bytes.h"
#include "common/limits.h"
#include "dataplane/auth/identity.h"

namespace mcpgw::auth {
namespace {

using contract::AccessRule;
using Patterns = std::vector<std::string>;

static_assert(limits::access_rules_max <= 64, "a caller's rules fit into one word");

constexpr std::string_view kToolsCall = "tools/call";

// memmem takes linear time, which std::string_view::find does not.
std::size_t find(std::string_view text, std::string_view part) {
    const void* found = memmem(text.data(), text.size(), part.data(), part.size());
    if (found == nullptr) return std::string_view::npos;
    return static_cast<std::size_t>(static_cast<const char*>(found) - text.data());
}

bool any_matches(const Patterns& patterns, std::string_view text) {
    return std::ranges::any_of(
        patterns, [text](const std::string& pattern) { return glob_matches(pattern, text); });
}

bool is_always_spoken(std::string_view method) {
    return method == "initialize" || method == "ping" || method == "server/discover" ||
           method.starts_with("notifications/");
}

// One of the two questions; `patterns` says which.
bool is_allowed(Rules rules, std::uint64_t concerning, Patterns AccessRule::* patterns,
                std::string_view text) {
    bool has_allow = false;
    bool allowed = false;
    for (std::size_t i = 0; i < rules.size(); ++i) {
        const AccessRule& rule = rules[i];
        const bool allows = rule.effect == AccessRule::Effect::allow;
        has_allow = has_allow || (allows && !(rule.*patterns).empty());
        const bool concerns = (concerning >> i & 1U) != 0;
        if (!concerns || !any_matches(rule.*patterns, text)) continue;
        if (!allows) return false;
        allowed = true;
    }
    return allowed || !has_allow;
}

bool is_denied(Rules rules, std::uint64_t concerning, std::string_view method) {
    for (std::size_t i = 0; i < rules.size(); ++i)
        if (rules[i].effect == AccessRule::Effect::deny && (concerning >> i & 1U) != 0 &&
            any_matches(rules[i].methods, method))
            return true;
    return false;
}

}  // namespace

// Each part between two stars is taken where it first comes: a later place would leave less for
// the parts that follow. Only the last one is bound to the end.
bool glob_matches(std::string_view pattern, std::string_view text) {
    const std::size_t first_star = pattern.find('*');
    if (first_star == std::string_view::npos) return pattern == text;
    if (!text.starts_with(pattern.substr(0, first_star))) return false;
    text.remove_prefix(first_star);
    pattern.remove_prefix(first_star + 1);
    while (true) {
        const std::size_t star = pattern.find('*');
        if (star == std::string_view::npos) return text.ends_with(pattern);
        const std::string_view part = pattern.substr(0, star);
        const std::size_t at = part.empty() ? 0 : find(text, part);
        if (at == std::string_view::npos) return false;
        text.remove_prefix(at + part.size());
        pattern.remove_prefix(star + 1);
    }
}

std::uint64_t rules_concerning(Rules rules, std::string_view roles) {
    std::uint64_t bits = 0;
    for (std::size_t i = 0; i < rules.size(); ++i) {
        const bool concerns = rules[i].roles.empty() ||
                              std::ranges::any_of(rules[i].roles, [roles](const std::string& role) {
                                  return has_role(roles, role);
                              });
        if (concerns) bits |= std::uint64_t{1} << i;
    }
    return bits;
}

bool method_is_allowed(Rules rules, std::uint64_t concerning, std::string_view method) {
    if (is_always_spoken(method)) return !is_denied(rules, concerning, method);
    return is_allowed(rules, concerning, &AccessRule::methods, method);
}

bool tool_is_allowed(Rules rules, std::uint64_t concerning, std::string_view tool) {
    return is_allowed(rules, concerning, &AccessRule::tools, tool);
}

bool tool_is_shown(Rules rules, std::uint64_t concerning, std::string_view tool) {
    return method_is_allowed(rules, concerning, kToolsCall) &&
           tool_is_allowed(rules, concerning, tool);
}

bool has_tool_rules(Rules rules) {
    return std::ranges::any_of(rules, [](const AccessRule& rule) { return !rule.tools.empty(); });
}

// Rules on tools/call count, too: who may not call any tool sees none.
bool lists_depend_on(Rules rules) {
    return std::ranges::any_of(rules, [](const AccessRule& rule) {
        const bool of_calls = rule.effect == AccessRule::Effect::allow && !rule.methods.empty();
        return of_calls || !rule.tools.empty() || any_matches(rule.methods, kToolsCall);
    });
}

}  // namespace mcpgw::auth
