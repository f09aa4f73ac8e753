// One value, one rule.
#include "controlplane/model/rules.h"

#include <algorithm>
#include <array>

#include "common/bytes.h"
#include "common/limits.h"
#include "controlplane/model/url.h"

namespace mcpgw::model {
namespace {

constexpr std::array<std::string_view, 3> kReservedNames = {"mcp", "toolgateway", "gateway"};

// Headers that belong to the connection, to the message, or to the gateway (CONTRACT section 5).
constexpr std::array<std::string_view, 22> kHeadersOfTheGateway = {"host",
                                                                   "connection",
                                                                   "keep-alive",
                                                                   "proxy-connection",
                                                                   "te",
                                                                   "trailer",
                                                                   "transfer-encoding",
                                                                   "upgrade",
                                                                   "content-length",
                                                                   "content-type",
                                                                   "content-encoding",
                                                                   "accept",
                                                                   "accept-encoding",
                                                                   "expect",
                                                                   "origin",
                                                                   "forwarded",
                                                                   "via",
                                                                   "traceparent",
                                                                   "tracestate",
                                                                   "last-event-id",
                                                                   "proxy-authorization",
                                                                   "proxy-authenticate"};
constexpr std::array<std::string_view, 3> kHeaderPrefixesOfTheGateway = {"mcp-", "x-mcp-",
                                                                         "x-forwarded-"};

bool is_lower(char c) {
    return c >= 'a' && c <= 'z';
}
bool is_alnum(char c) {
    return is_digit(c) || is_lower(to_lower(c));
}
bool is_one_of(char c, std::string_view set) {
    return set.find(c) != std::string_view::npos;
}
template <class Predicate>
bool all(std::string_view text, Predicate predicate) {
    return std::all_of(text.begin(), text.end(), predicate);
}

bool has_control(std::string_view text, std::string_view allowed = "") {
    return !all(text, [allowed](char c) {
        return (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f) || is_one_of(c, allowed);
    });
}

// Lower-case letters, digits, and hyphens between them.
bool is_dns_label(std::string_view text) {
    return !text.empty() && text.front() != '-' && text.back() != '-' &&
           all(text, [](char c) { return is_digit(c) || is_lower(c) || c == '-'; });
}

// Digits, perhaps with a fraction, then one of the suffixes.
template <std::size_t N>
bool is_quantity(std::string_view text, const std::array<std::string_view, N>& suffixes) {
    std::size_t at = 0;
    while (at < text.size() && is_digit(text[at]))
        ++at;
    if (at == 0 || at > 15) return false;
    if (at < text.size() && text[at] == '.') {
        const std::size_t fraction = ++at;
        while (at < text.size() && is_digit(text[at]))
            ++at;
        if (at == fraction || at - fraction > 9) return false;
    }
    const std::string_view suffix = text.substr(at);
    return std::find(suffixes.begin(), suffixes.end(), suffix) != suffixes.end();
}

template <class Texts>
std::size_t bytes_of(const Texts& texts) {
    std::size_t total = 0;
    for (const auto& text : texts)
        total += text.size() + 1;
    return total;
}

}  // namespace

Complaint name_complaint(std::string_view name) {
    if (name.empty()) return "must not be empty";
    if (name.size() > limits::name_bytes_max) return "must have at most 50 characters";
    if (!all(name, [](char c) { return is_lower(c) || is_digit(c) || c == '-'; }))
        return "must consist of lower-case letters, digits and '-'";
    if (name.front() == '-' || name.back() == '-')
        return "must start and end with a letter or digit";
    if (std::find(kReservedNames.begin(), kReservedNames.end(), name) != kReservedNames.end())
        return "is reserved (mcp, toolgateway and gateway are)";
    return nullptr;
}

// ^[a-z0-9]+([._/-][a-z0-9]+)*$
Complaint image_name_complaint(std::string_view name) {
    if (name.size() > limits::path_bytes_max) return "must have at most 1024 characters";
    bool after_separator = true;
    for (const char c : name) {
        const bool separator = is_one_of(c, "._/-");
        if ((!separator && !is_lower(c) && !is_digit(c)) || (separator && after_separator))
            return "must be lower-case words joined by single '.', '_', '/' or '-', without a "
                   "registry host";
        after_separator = separator;
    }
    return after_separator ? "must start and end with a lower-case letter or digit" : nullptr;
}

// ^[a-zA-Z0-9][a-zA-Z0-9._-]{0,127}$
Complaint image_version_complaint(std::string_view version) {
    const bool good = !version.empty() && version.size() <= 128 && is_alnum(version.front()) &&
                      all(version, [](char c) { return is_alnum(c) || is_one_of(c, "._-"); });
    return good ? nullptr
                : "must be a tag: 1 to 128 letters, digits, '.', '_' and '-', starting with a "
                  "letter or digit";
}

Complaint description_complaint(std::string_view text) {
    if (text.size() > limits::description_bytes_max) return "must have at most 4096 bytes";
    return has_control(text, "\t\r\n") ? "must not contain control characters" : nullptr;
}

Complaint role_complaint(std::string_view role) {
    if (role.empty()) return "must not be empty";
    if (role.size() > limits::principal_bytes_max) return "must have at most 256 characters";
    if (role.front() == ' ' || role.back() == ' ') return "must not start or end with a space";
    const bool good = all(role, [](char c) { return (is_visible(c) || c == ' ') && c != ','; });
    return good ? nullptr : "must consist of visible ASCII characters and spaces, without commas";
}

Complaint tenant_complaint(std::string_view tenant) {
    const bool good = !tenant.empty() && tenant.size() <= limits::principal_bytes_max &&
                      all(tenant, is_visible) && !is_one_of(',', tenant);
    return good ? nullptr : "must be 1 to 256 visible ASCII characters without commas";
}

Complaint path_complaint(std::string_view path) {
    return is_path(path) ? nullptr
                         : "must be an absolute URL path of at most 1024 characters, without "
                           "query, fragment, spaces or '..'";
}

Complaint tool_path_complaint(std::string_view path) {
    const bool is_plain = all(path, [](char c) { return is_alnum(c) || is_one_of(c, "/_.-"); });
    return is_plain && is_path(path)
               ? nullptr
               : "must begin with '/' and have at most 1024 letters, digits, '/', '_', '.' and "
                 "'-', without '..'";
}

// What Kubernetes takes, too.
Complaint environment_name_complaint(std::string_view name) {
    const bool good = !name.empty() && !is_digit(name.front()) &&
                      all(name, [](char c) { return is_alnum(c) || is_one_of(c, "_.-"); });
    return good ? nullptr
                : "must have a name of letters, digits, '_', '.' and '-' that does not start with "
                  "a digit";
}

Complaint header_name_complaint(std::string_view name) {
    // RFC 9110 section 5.6.2: token.
    const auto is_token = [](char c) { return is_alnum(c) || is_one_of(c, "!#$%&'*+-.^_`|~"); };
    if (name.empty() || !all(name, is_token)) return "is not a header name";
    for (const std::string_view own : kHeadersOfTheGateway)
        if (equals_ignoring_case(own, name)) return "is set by the gateway itself";
    for (const std::string_view prefix : kHeaderPrefixesOfTheGateway)
        if (starts_with_ignoring_case(name, prefix)) return "is set by the gateway itself";
    return nullptr;
}

Complaint header_value_complaint(std::string_view value) {
    const auto is_inside = [](char c) { return is_visible(c) || c == ' '; };
    if (!all(value, is_inside)) return "must consist of visible ASCII characters and spaces";
    if (!value.empty() && (!is_visible(value.front()) || !is_visible(value.back())))
        return "must not start or end with a space";
    return nullptr;
}

Complaint secret_name_complaint(std::string_view name) {
    const bool good = !name.empty() && name.size() <= limits::secret_name_bytes_max &&
                      (is_alnum(name.front()) || name.front() == '_') &&
                      all(name, [](char c) { return is_alnum(c) || is_one_of(c, "_.-"); });
    return good ? nullptr
                : "must be 1 to 63 letters, digits, '_', '.' and '-', starting with a letter, "
                  "digit or '_'";
}

Complaint secret_value_complaint(std::string_view value) {
    if (value.empty()) return "must not be empty";
    if (value.size() > limits::secret_bytes_max) return "must have at most 7168 bytes";
    return header_value_complaint(value);
}

Complaint cpu_complaint(std::string_view quantity) {
    static constexpr std::array<std::string_view, 2> kSuffixes = {"", "m"};
    return is_quantity(quantity, kSuffixes) ? nullptr : "must be a quantity such as 0.5 or 500m";
}

Complaint memory_complaint(std::string_view quantity) {
    static constexpr std::array<std::string_view, 13> kSuffixes = {
        "", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"};
    return is_quantity(quantity, kSuffixes) ? nullptr : "must be a quantity such as 256Mi or 1G";
}

Complaint namespace_complaint(std::string_view name) {
    if (name.size() > limits::kubernetes_label_bytes_max || !is_dns_label(name))
        return "must have 1 to 63 lower-case letters, digits and inner hyphens";
    return nullptr;
}

Complaint object_name_complaint(std::string_view name) {
    constexpr Complaint kComplaint =
        "must have 1 to 253 lower-case letters, digits and inner hyphens, in parts with dots";
    if (name.size() > limits::host_bytes_max) return kComplaint;
    for (std::size_t from = 0; from <= name.size();) {
        const std::size_t dot = std::min(name.find('.', from), name.size());
        if (!is_dns_label(name.substr(from, dot - from))) return kComplaint;
        from = dot + 1;
    }
    return nullptr;
}

Complaint secret_key_complaint(std::string_view key) {
    const bool is_good = !key.empty() && key.size() <= limits::host_bytes_max && key != "." &&
                         !key.starts_with("..") &&
                         all(key, [](char c) { return is_alnum(c) || is_one_of(c, "-_."); });
    return is_good ? nullptr
                   : "must be 1 to 253 letters, digits, '-', '_' and '.', not starting with '..'";
}

Complaint registry_complaint(std::string_view registry) {
    constexpr Complaint kComplaint =
        "must be HOST[:PORT][/PREFIX], such as registry.example:5000/mcp, without http://";
    const bool is_good =
        all(registry, [](char c) { return is_digit(c) || is_lower(c) || is_one_of(c, ".-_:/"); });
    if (registry.empty() || registry.size() > limits::host_bytes_max || !is_good ||
        registry.find("//") != std::string_view::npos || is_one_of(registry.front(), ".-_:/") ||
        is_one_of(registry.back(), ".-_:/"))
        return kComplaint;
    return nullptr;
}

Complaint roles_complaint(const std::vector<std::string>& roles) {
    return bytes_of(roles) > limits::roles_bytes_max ? "must have at most 2048 bytes in all"
                                                     : nullptr;
}

Complaint command_complaint(const std::vector<std::string>& command) {
    if (command.empty() || command.front().empty()) return "must name a program";
    if (command.size() > limits::command_arguments_max) return "must have at most 256 arguments";
    if (bytes_of(command) > limits::command_bytes_max) return "must have at most 64 KiB in all";
    for (const std::string& argument : command)
        if (is_one_of('\0', argument)) return "must not contain NUL characters";
    return nullptr;
}

Complaint environment_complaint(const Adapter& adapter) {
    const auto& variables = adapter.environment_variables;
    if (variables.size() + adapter.secret_variables.size() > limits::environment_variables_max)
        return "must have at most 256 variables";
    std::size_t total = 0;
    for (const auto& [name, value] : variables)
        total += name.size() + value.size() + 2;
    for (const auto& [name, place] : adapter.secret_variables)
        total += name.size() + place.secret.size() + place.key.size() + 2;
    return total > limits::environment_bytes_max ? "must have at most 128 KiB in all" : nullptr;
}

Complaint headers_complaint(const std::map<std::string, HeaderValue>& headers) {
    if (headers.size() > limits::request_headers_max) return "must have at most 32 headers";
    std::size_t total = 0;
    for (auto header = headers.begin(); header != headers.end(); ++header) {
        total += header->first.size() + header->second.text.size() + 4;
        for (auto other = headers.begin(); other != header; ++other)
            if (equals_ignoring_case(other->first, header->first))
                return "must not name a header twice (letter case does not count)";
    }
    return total > limits::request_headers_bytes_max ? "must have at most 8 KiB in all" : nullptr;
}

}  // namespace mcpgw::model
