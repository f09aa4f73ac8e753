// The sentences.
#include "dataplane/auth/token_fault.h"

#include <array>
#include <utility>

namespace mcpgw::auth {
namespace {

using Sentence = std::pair<TokenFault, std::string_view>;

constexpr std::array kSentences = {
    Sentence{TokenFault::none, ""},
    Sentence{TokenFault::foreign_characters, "The token has a character that none can have"},
    Sentence{TokenFault::too_long, "The token is longer than 16384 bytes"},
    Sentence{TokenFault::malformed, "The token is no JSON Web Token"},
    Sentence{TokenFault::encrypted, "The token is encrypted; a signed one is needed"},
    Sentence{TokenFault::repeated_member, "The token has a member twice"},
    Sentence{TokenFault::wrong_type, "The typ of the token is not that of an access token"},
    Sentence{TokenFault::critical_extension,
             "The token has an extension that must be understood and is not"},
    Sentence{TokenFault::unsupported_algorithm, "The algorithm of the token is not accepted"},
    Sentence{TokenFault::no_issuer, "The token has no issuer"},
    Sentence{TokenFault::unknown_issuer, "The issuer of the token is not accepted"},
    Sentence{TokenFault::issuer_differs_by_slash,
             "The issuer of the token differs from the accepted one by a slash at the end"},
    Sentence{TokenFault::unknown_key, "The issuer has no such key"},
    Sentence{TokenFault::no_keys, "The keys of the issuer are not known yet"},
    Sentence{TokenFault::unfit_key, "The algorithm of the token is not that of its key"},
    Sentence{TokenFault::weak_key, "The key of the token is too short"},
    Sentence{TokenFault::bad_signature, "The signature of the token is wrong"},
    Sentence{TokenFault::no_expiry, "The token has no expiry time"},
    Sentence{TokenFault::bad_date, "A time in the token is no number"},
    Sentence{TokenFault::expired, "The token has expired"},
    Sentence{TokenFault::not_yet_valid, "The token is not valid yet"},
    Sentence{TokenFault::no_audience, "The token has no audience"},
    Sentence{TokenFault::wrong_audience, "The token is meant for another audience"},
    Sentence{TokenFault::no_subject, "The token has no subject"},
    Sentence{TokenFault::no_user, "The token has no claim that names the user"},
    Sentence{TokenFault::unusable_user, "The name of the user in the token cannot be used"},
    Sentence{TokenFault::ambiguous_user,
             "The name of the user in the token could be that of another issuer"},
    Sentence{TokenFault::unusable_tenant, "The tenant in the token cannot be used"},
    Sentence{TokenFault::unusable_roles, "The roles in the token are no text"},
    Sentence{TokenFault::unusable_scopes, "The scopes in the token are no text"},
    Sentence{
        TokenFault::too_many_roles,
        "The token has more roles than can be used; the gateway can be told which claim to read"},
    Sentence{TokenFault::unknown_api_token, "The API token is not known, or has been revoked"},
    Sentence{TokenFault::expired_api_token, "The API token has expired"}};

constexpr bool is_in_order() {
    for (std::size_t i = 0; i < kSentences.size(); ++i)
        if (kSentences[i].first != static_cast<TokenFault>(i)) return false;
    return kSentences.back().first == TokenFault::expired_api_token;
}
static_assert(is_in_order(), "found by the number of the fault");

}  // namespace

std::string_view description_of(TokenFault fault) {
    return kSentences[static_cast<std::size_t>(fault)].second;
}

TokenFault fault_of(jwt::ParseFault fault) {
    switch (fault) {
        case jwt::ParseFault::none:
            return TokenFault::none;
        case jwt::ParseFault::too_long:
            return TokenFault::too_long;
        case jwt::ParseFault::encrypted:
            return TokenFault::encrypted;
        case jwt::ParseFault::repeated_member:
            return TokenFault::repeated_member;
        case jwt::ParseFault::not_three_parts:
        case jwt::ParseFault::not_base64url:
        case jwt::ParseFault::not_json:
        case jwt::ParseFault::bad_header:
            break;
    }
    return TokenFault::malformed;
}

}  // namespace mcpgw::auth
