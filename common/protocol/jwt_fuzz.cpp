// A token of any bytes is parsed or refused, and one that is parsed is what it says: its parts
// encode to the same text again, and no question about a claim depends on the one before.
#include <cstdint>
#include <string>

#include "common/check.h"
#include "common/protocol/jwt.h"

namespace {

using mcpgw::check;
using mcpgw::jwt::ParseFault;
using mcpgw::jwt::Token;

std::string encoded(mcpgw::Bytes bytes) {
    std::string text(mcpgw::base64url_size(bytes.size()), '\0');
    text.resize(mcpgw::base64url_encode(bytes, text.data()));
    return text;
}

// Most inputs would not be base64url: the same bytes as header and claims get further.
void check_as_claims(Token& token, std::string_view input) {
    const std::string text = encoded(mcpgw::as_bytes(R"({"alg":"RS256"})")) + "." +
                             encoded(mcpgw::as_bytes(input)) + ".";
    if (token.parse(text) != ParseFault::none) return;
    check(token.header().algorithm == "RS256" && token.signature().empty(), "as it was made");
    for (const char* path : {"sub", "aud", "exp", "realm_access.roles", "a.b.c", "", "."}) {
        std::size_t texts = 0;
        const bool all = token.each_text(path, [&texts](std::string_view) { ++texts; });
        switch (token.kind_of(path)) {
            case Token::Kind::absent:
                check(all && texts == 0 && token.text(path).empty() && !token.date(path), "absent");
                break;
            case Token::Kind::text:
                check(all && texts == 1 && !token.date(path), "one text");
                break;
            case Token::Kind::number:
                check(!all && token.date(path).has_value() && token.text(path).empty(), "number");
                break;
            case Token::Kind::list:
                check(token.text(path).empty() && !token.date(path), "list");
                break;
            case Token::Kind::other:
                check(!all && texts == 0 && token.text(path).empty() && !token.date(path), "other");
                break;
        }
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    static Token token;
    if (token.parse(input) == ParseFault::none) {
        check(input.size() <= mcpgw::limits::token_bytes_max, "no longer than may be");
        check(!token.header().algorithm.empty(), "there is an algorithm");
        const std::string again =
            std::string(token.signed_part()) + "." + encoded(token.signature());
        check(again == input, "the parts are the token");
    }
    check_as_claims(token, input);
    return 0;
}
