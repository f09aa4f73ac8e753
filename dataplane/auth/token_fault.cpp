// The sentences.
#include "dataplane/auth/token_fault.h"

namespace mcpgw::auth {

std::string_view description_of(TokenFault fault) {
    switch (fault) {
        case TokenFault::none:
            return "";
        case TokenFault::too_long:
            return "The token is longer than 16384 bytes";
        case TokenFault::malformed:
            return "The token is no JSON Web Token";
        case TokenFault::encrypted:
            return "The token is encrypted; a signed one is needed";
        case TokenFault::repeated_member:
            return "The token has a member twice";
        case TokenFault::wrong_type:
            return "The typ of the token is not that of an access token";
        case TokenFault::critical_extension:
            return "The token has an extension that must be understood and is not";
        case TokenFault::unsupported_algorithm:
            return "The algorithm of the token is not accepted";
        case TokenFault::no_issuer:
            return "The token has no issuer";
        case TokenFault::unknown_issuer:
            return "The issuer of the token is not accepted";
        case TokenFault::issuer_differs_by_slash:
            return "The issuer of the token differs from the accepted one by a slash at the end";
        case TokenFault::unknown_key:
            return "The issuer has no such key";
        case TokenFault::no_keys:
            return "The keys of the issuer are not known yet";
        case TokenFault::unfit_key:
            return "The algorithm of the token is not that of its key";
        case TokenFault::weak_key:
            return "The key of the token is too short";
        case TokenFault::bad_signature:
            return "The signature of the token is wrong";
        case TokenFault::no_expiry:
            return "The token has no expiry time";
        case TokenFault::bad_date:
            return "A time in the token is no number";
        case TokenFault::expired:
            return "The token has expired";
        case TokenFault::not_yet_valid:
            return "The token is not valid yet";
        case TokenFault::no_audience:
            return "The token has no audience";
        case TokenFault::wrong_audience:
            return "The token is meant for another audience";
        case TokenFault::no_subject:
            return "The token has no subject";
        case TokenFault::no_user:
            return "The token has no claim that names the user";
        case TokenFault::unusable_user:
            return "The name of the user in the token cannot be used";
        case TokenFault::ambiguous_user:
            return "The name of the user in the token could be that of another issuer";
        case TokenFault::unusable_tenant:
            return "The tenant in the token cannot be used";
        case TokenFault::unusable_roles:
            return "The roles in the token are no text";
        case TokenFault::unusable_scopes:
            return "The scopes in the token are no text";
        case TokenFault::too_many_roles:
            return "The token has more roles than can be used; the gateway can be told which claim "
                   "to read";
        case TokenFault::unknown_api_token:
            return "The API token is not known, or has been revoked";
        case TokenFault::expired_api_token:
            return "The API token has expired";
    }
    return "";
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
