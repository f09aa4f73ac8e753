// Lists from the right.
#include "dataplane/auth/proxy_words.h"

#include <algorithm>

#include "common/bytes.h"

namespace mcpgw::auth {
namespace {

using transport::Network;
using transport::PeerAddress;

// Takes the last item of a comma-separated list away.
std::string_view pop_last(std::string_view& list) {
    const std::size_t comma = list.rfind(',');
    const bool is_last = comma == std::string_view::npos;
    const std::string_view item = without_blanks(is_last ? list : list.substr(comma + 1));
    list = is_last ? std::string_view() : list.substr(0, comma);
    return item;
}

std::string_view unquoted(std::string_view text) {
    const bool is_quoted = text.size() >= 2 && text.starts_with('"') && text.ends_with('"');
    return is_quoted ? text.substr(1, text.size() - 2) : text;
}

// A parameter of an element of Forwarded.
std::string_view parameter(std::string_view element, std::string_view name) {
    while (!element.empty()) {
        const std::size_t end = std::min(element.find(';'), element.size());
        const std::string_view pair = without_blanks(element.substr(0, end));
        const std::size_t equals = pair.find('=');
        if (equals != std::string_view::npos && equals_ignoring_case(pair.substr(0, equals), name))
            return unquoted(pair.substr(equals + 1));
        element.remove_prefix(std::min(end + 1, element.size()));
    }
    return {};
}

// a.b.c.d, a.b.c.d:port, [v6], [v6]:port or v6.
PeerAddress address_of(std::string_view node) {
    if (node.starts_with('['))
        return PeerAddress(node.substr(1, std::min(node.find(']'), node.size()) - 1));
    const std::size_t colon = node.find(':');
    const bool has_port = colon != std::string_view::npos && node.find(':', colon + 1) == node.npos;
    return PeerAddress(has_port ? node.substr(0, colon) : node);
}

std::string_view scheme_of(std::string_view text) {
    if (equals_ignoring_case(text, "https")) return "https";
    return equals_ignoring_case(text, "http") ? "http" : "";
}

bool is_trusted(const PeerAddress& address, std::span<const Network> trusted) {
    return std::ranges::any_of(trusted,
                               [&](const Network& network) { return network.contains(address); });
}

// The last address in the list that is no trusted proxy; what is no address ends the search.
template <class NodeOf>
PeerAddress client_of(std::string_view list, PeerAddress nearest, std::span<const Network> trusted,
                      NodeOf node_of) {
    while (!list.empty() && is_trusted(nearest, trusted)) {
        const PeerAddress next = address_of(node_of(pop_last(list)));
        if (next.is_none()) break;
        nearest = next;
    }
    return nearest;
}

// Two lines of one name would be one list (RFC 9110 section 5.3); nobody sends that who is to be
// understood, and which of them a proxy has added to is not known.
std::string_view only_value(const http::Fields& fields, std::string_view name) {
    return fields.count_of(name) == 1 ? fields.value_or_empty(name) : std::string_view();
}

}  // namespace

bool is_authority(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) {
        return (to_lower(c) >= 'a' && to_lower(c) <= 'z') || (c >= '0' && c <= '9') || c == '.' ||
               c == '-' || c == ':' || c == '[' || c == ']' || c == '_';
    });
}

bool is_path_prefix(std::string_view text) {
    if (text.empty()) return true;
    if (!text.starts_with('/') || text.ends_with('/')) return false;
    if (text.find("//") != text.npos || (text.find("/.") != text.npos)) return false;
    return std::ranges::all_of(text, [](char c) {
        return (to_lower(c) >= 'a' && to_lower(c) <= 'z') || (c >= '0' && c <= '9') || c == '.' ||
               c == '-' || c == '_' || c == '~' || c == '/';
    });
}

ProxyWords proxy_words(const http::Fields& fields, const PeerAddress& peer,
                       std::span<const Network> trusted) {
    ProxyWords words;
    words.client = peer;
    if (!is_trusted(peer, trusted)) return words;
    const auto itself = [](std::string_view node) { return node; };
    const auto for_of = [](std::string_view element) { return parameter(element, "for"); };
    std::string_view forwarded = only_value(fields, "Forwarded");
    if (!forwarded.empty()) {
        words.client = client_of(forwarded, peer, trusted, for_of);
        const std::string_view last = pop_last(forwarded);
        words.scheme = scheme_of(parameter(last, "proto"));
        words.host = parameter(last, "host");
    } else {
        words.client = client_of(only_value(fields, "X-Forwarded-For"), peer, trusted, itself);
        std::string_view schemes = only_value(fields, "X-Forwarded-Proto");
        std::string_view hosts = only_value(fields, "X-Forwarded-Host");
        words.scheme = scheme_of(pop_last(schemes));
        words.host = pop_last(hosts);
    }
    std::string_view prefixes = only_value(fields, "X-Forwarded-Prefix");
    words.prefix = pop_last(prefixes);
    while (words.prefix.ends_with('/'))
        words.prefix.remove_suffix(1);
    if (!is_authority(words.host)) words.host = {};
    if (!is_path_prefix(words.prefix)) words.prefix = {};
    return words;
}

}  // namespace mcpgw::auth
