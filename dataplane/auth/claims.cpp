// Each text is appended to the verdict in the order of Verdict::Text.
#include "dataplane/auth/claims.h"

#include <algorithm>

#include "common/bytes.h"
#include "common/protocol/http1_head.h"

namespace mcpgw::auth {
namespace {

using Kind = jwt::Token::Kind;

bool is_printable(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
}

void close_text(Verdict& out, Verdict::Text which) {
    std::size_t before = 0;
    for (const std::uint16_t size : out.sizes)
        before += size;
    out.sizes[which] = static_cast<std::uint16_t>(out.text.size() - before);
}

// A list in a text. False if there is no room for another item.
class Joined {
  public:
    Joined(std::string& text, char separator, std::size_t bytes_max)
        : text_(text), start_(text.size()), separator_(separator), bytes_max_(bytes_max) {}

    bool add(std::string_view item) {
        const bool is_first = text_.size() == start_;
        if (text_.size() - start_ + item.size() + (is_first ? 0 : 1) > bytes_max_) return false;
        if (!is_first) text_ += separator_;
        text_ += item;
        return true;
    }
    [[nodiscard]] bool has(std::string_view item) const {
        std::string_view rest = std::string_view(text_).substr(start_);
        while (!rest.empty()) {
            const std::size_t end = std::min(rest.find(separator_), rest.size());
            if (rest.substr(0, end) == item) return true;
            rest.remove_prefix(std::min(end + 1, rest.size()));
        }
        return false;
    }

  private:
    std::string& text_;
    std::size_t start_;
    char separator_;
    std::size_t bytes_max_;
};

// The first of the claims that is there.
std::string_view first_of(const jwt::Token& token, const std::vector<std::string>& paths,
                          Kind& kind) {
    for (const std::string& path : paths) {
        kind = token.kind_of(path);
        if (kind != Kind::absent) return token.text(path);
    }
    kind = Kind::absent;
    return {};
}

TokenFault read_user(const jwt::Token& token, const contract::Access& access, std::size_t issuer,
                     Verdict& out) {
    Kind kind = Kind::absent;
    if (token.kind_of("sub") != Kind::text || token.text("sub").empty())
        return TokenFault::no_subject;
    const std::string_view user = first_of(token, access.claims.user, kind);
    if (kind == Kind::absent) return TokenFault::no_user;
    if (kind != Kind::text || !http::is_visible_ascii(user)) return TokenFault::unusable_user;
    if (issuer > 0) {
        out.text += access.issuers[issuer].issuer;
        out.text += '#';
    } else {
        for (const contract::Issuer& other : std::span(access.issuers).subspan(1))
            if (user.starts_with(other.issuer) && user.substr(other.issuer.size()).starts_with('#'))
                return TokenFault::ambiguous_user;
    }
    out.text += user;
    if (out.text.size() > limits::principal_bytes_max || !http::is_visible_ascii(out.text))
        return TokenFault::unusable_user;
    close_text(out, Verdict::user);
    return TokenFault::none;
}

TokenFault read_roles(const jwt::Token& token, const contract::Access& access, Verdict& out) {
    Joined joined(out.text, ',', limits::roles_bytes_max);
    bool fits = true;
    for (const std::string& path : access.claims.roles) {
        const bool is_text = token.each_text(path, [&](std::string_view claim) {
            const std::string_view role = without_blanks(claim);
            const bool is_role = !role.empty() && is_printable(role) &&
                                 role.find(',') == std::string_view::npos && !joined.has(role);
            if (is_role && fits) fits = joined.add(role);
        });
        if (!is_text) return TokenFault::unusable_roles;
        if (!fits) return TokenFault::too_many_roles;
    }
    close_text(out, Verdict::roles);
    return TokenFault::none;
}

void read_name(const jwt::Token& token, const contract::Access& access, Verdict& out) {
    constexpr std::string_view hex = "0123456789ABCDEF";
    std::size_t room = limits::user_name_bytes_max;
    std::size_t whole = out.text.size();  // to where it may be cut: before a character
    Kind kind = Kind::absent;
    for (const char c : without_blanks(first_of(token, access.claims.name, kind))) {
        const bool is_plain = c >= ' ' && c <= '~' && c != '%';
        const bool continues = (static_cast<unsigned char>(c) & 0xC0U) == 0x80U;
        if (!continues) whole = out.text.size();
        if (room < (is_plain ? 1U : 3U)) {
            out.text.resize(whole);
            break;
        }
        room -= is_plain ? 1 : 3;
        if (is_plain) {
            out.text += c;
            continue;
        }
        const auto octet = static_cast<unsigned char>(c);
        out.text += {'%', hex[octet >> 4], hex[octet & 15]};
    }
    close_text(out, Verdict::name);
}

TokenFault read_tenant(const jwt::Token& token, const contract::Access& access, Verdict& out) {
    Kind kind = Kind::absent;
    const std::string_view tenant = first_of(token, access.claims.tenant, kind);
    if (kind == Kind::absent) return TokenFault::none;
    if (kind != Kind::text || tenant.size() > limits::tenant_bytes_max ||
        !http::is_visible_ascii(tenant))
        return TokenFault::unusable_tenant;
    out.text += tenant;
    close_text(out, Verdict::tenant);
    return TokenFault::none;
}

TokenFault read_scopes(const jwt::Token& token, const contract::Access& access, Verdict& out) {
    Joined joined(out.text, ' ', limits::scopes_bytes_max);
    auto add_all = [&joined](std::string_view list) {
        while (!list.empty()) {
            const std::size_t end = std::min(list.find(' '), list.size());
            const std::string_view scope = list.substr(0, end);
            if (http::is_visible_ascii(scope) && !joined.has(scope)) joined.add(scope);
            list.remove_prefix(std::min(end + 1, list.size()));
        }
    };
    for (const std::string& path : access.claims.scopes)
        if (!token.each_text(path, add_all)) return TokenFault::unusable_scopes;
    close_text(out, Verdict::scopes);
    return TokenFault::none;
}

TokenFault read_audience(const jwt::Token& token, const contract::Access& access, Verdict& out) {
    if (token.kind_of("aud") == Kind::absent) return TokenFault::no_audience;
    Joined joined(out.text, '\n', limits::scopes_bytes_max);
    bool has_any = false;
    const bool is_text = token.each_text("aud", [&](std::string_view audience) {
        has_any = true;
        const bool is_known =
            std::ranges::find(access.audiences, audience) != access.audiences.end();
        if (is_known || (!audience.empty() && audience == access.resource)) out.is_for_all = true;
        const bool is_url = audience.starts_with("https://") || audience.starts_with("http://");
        if (is_url && http::is_visible_ascii(audience)) joined.add(audience);
    });
    if (!is_text || !has_any) return TokenFault::no_audience;
    close_text(out, Verdict::resources);
    const bool is_for_nothing = !out.is_for_all && out.view(Verdict::resources).empty();
    return is_for_nothing ? TokenFault::wrong_audience : TokenFault::none;
}

}  // namespace

TokenFault read_claims(const jwt::Token& token, const contract::Access& access, std::size_t issuer,
                       Verdict& out) {
    TokenFault fault = read_user(token, access, issuer, out);
    if (fault == TokenFault::none) fault = read_roles(token, access, out);
    if (fault != TokenFault::none) return fault;
    read_name(token, access, out);
    fault = read_tenant(token, access, out);
    if (fault == TokenFault::none) fault = read_scopes(token, access, out);
    if (fault == TokenFault::none) fault = read_audience(token, access, out);
    return fault;
}

}  // namespace mcpgw::auth
