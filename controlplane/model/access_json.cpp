// Member by member; limits within limits are told apart by their path.
#include "controlplane/model/access_json.h"

#include <array>

#include "common/limits.h"

namespace mcpgw::model {
namespace {

// In the order of the enumerators.
constexpr std::array<std::string_view, 2> kEffects = {"allow", "deny"};

void read_quota(FieldReader& in, contract::Limits& out) {
    const picojson::value* member = in.take("quota");
    if (member == nullptr) return;
    FieldReader fields(*member, in.path_of("quota"), in.errors());
    for (const std::string_view key : {"requests", "perSeconds"})
        if (!fields.has(key)) fields.complain(key, "is required");
    fields.integer("requests", {1, limits::quota_requests_max}, out.quota_requests);
    fields.integer("perSeconds", {1, limits::quota_seconds_max}, out.quota_seconds);
    fields.refuse_unknown();
}

void read_rate(FieldReader& in, contract::Limits& out) {
    const picojson::value* member = in.take("rateLimit");
    if (member == nullptr) return;
    FieldReader fields(*member, in.path_of("rateLimit"), in.errors());
    if (!fields.has("requestsPerSecond")) fields.complain("requestsPerSecond", "is required");
    fields.integer("requestsPerSecond", {1, limits::rate_per_second_max}, out.requests_per_second);
    out.burst = out.requests_per_second;
    fields.integer("burst", {1, limits::rate_burst_max}, out.burst);
    fields.refuse_unknown();
}

void read_limits(FieldReader& in, contract::Limits& out) {
    read_quota(in, out);
    read_rate(in, out);
    in.integer("maxSessions", {0, UINT32_MAX}, out.sessions_max);
    in.integer("maxStreams", {0, UINT32_MAX}, out.streams_max);
}

void write_limits(JsonWriter& out, const contract::Limits& limits) {
    if (limits.quota_requests > 0) {
        out.key("quota").object().key("requests").number(limits.quota_requests);
        out.key("perSeconds").number(std::uint64_t{limits.quota_seconds}).end();
    }
    if (limits.requests_per_second > 0) {
        out.key("rateLimit").object();
        out.key("requestsPerSecond").number(std::uint64_t{limits.requests_per_second});
        out.key("burst").number(std::uint64_t{limits.burst}).end();
    }
    if (limits.sessions_max > 0) out.key("maxSessions").number(std::uint64_t{limits.sessions_max});
    if (limits.streams_max > 0) out.key("maxStreams").number(std::uint64_t{limits.streams_max});
}

Complaint pattern_complaint(std::string_view pattern) {
    for (const char c : pattern)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
            return "must not contain control characters";
    return pattern.empty() || pattern.size() > limits::mcp_name_bytes_max
               ? "must have 1 to 256 bytes"
               : nullptr;
}

Complaint patterns_complaint(const std::vector<std::string>& patterns) {
    std::size_t total = 0;
    for (const std::string& pattern : patterns)
        total += pattern.size() + 1;
    if (patterns.empty()) return "must not be empty";
    return total > limits::access_patterns_bytes_max ? "must have at most 4 KiB in all" : nullptr;
}

void read_rule(FieldReader in, contract::AccessRule& out) {
    std::size_t effect = 0;
    if (!in.has("effect"))
        in.complain("effect", "is required");
    else if (in.word("effect", {kEffects.begin(), kEffects.end()}, effect))
        out.effect = static_cast<contract::AccessRule::Effect>(effect);
    read_texts(in, "roles", {role_complaint, roles_complaint}, out.roles);
    read_texts(in, "methods", {pattern_complaint, patterns_complaint}, out.methods);
    read_texts(in, "tools", {pattern_complaint, patterns_complaint}, out.tools);
    if (in.has("methods") == in.has("tools"))
        in.complain("methods", "exactly one of methods and tools is required");
    in.refuse_unknown();
}

}  // namespace

void read_limit_members(FieldReader& in, contract::LimitPair& out) {
    read_limits(in, out.all);
    const picojson::value* member = in.take("perUser");
    if (member == nullptr) return;
    FieldReader fields(*member, in.path_of("perUser"), in.errors());
    read_limits(fields, out.per_user);
    fields.refuse_unknown();
}

void write_limit_members(JsonWriter& out, const contract::LimitPair& limits) {
    write_limits(out, limits.all);
    if (limits.per_user.none()) return;
    out.key("perUser").object();
    write_limits(out, limits.per_user);
    out.end();
}

void read_access_rules(FieldReader& in, std::string_view key,
                       std::vector<contract::AccessRule>& out) {
    const picojson::value* member = in.take(key);
    if (member == nullptr) return;
    if (!member->is<picojson::array>()) return in.complain(key, "must be an array of rules");
    const auto& items = member->get<picojson::array>();
    if (items.size() > limits::access_rules_max)
        return in.complain(key, "must have at most 64 rules");
    for (std::size_t i = 0; i < items.size(); ++i) {
        const std::string path = in.path_of(key) + "[" + std::to_string(i) + "]";
        read_rule({items[i], path, in.errors()}, out.emplace_back());
    }
}

void write_access_rules(JsonWriter& out, const std::vector<contract::AccessRule>& rules) {
    out.array();
    for (const contract::AccessRule& rule : rules) {
        out.object();
        out.key("effect").string(kEffects[static_cast<std::size_t>(rule.effect)]);
        if (!rule.roles.empty()) write_texts(out, "roles", rule.roles);
        if (!rule.methods.empty()) write_texts(out, "methods", rule.methods);
        if (!rule.tools.empty()) write_texts(out, "tools", rule.tools);
        out.end();
    }
    out.end();
}

void read_texts(FieldReader& in, std::string_view key, TextRules rules,
                std::vector<std::string>& out) {
    if (!in.strings(key, out)) return;
    for (std::size_t i = 0; i < out.size(); ++i)
        in.judge(std::string(key) + "[" + std::to_string(i) + "]", rules.each(out[i]));
    in.judge(key, rules.all(out));
}

void write_texts(JsonWriter& out, std::string_view key, const std::vector<std::string>& texts) {
    out.key(key).array();
    for (const std::string& text : texts)
        out.string(text);
    out.end();
}

}  // namespace mcpgw::model
