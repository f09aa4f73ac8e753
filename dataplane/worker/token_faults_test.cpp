// Each thing that can be wrong with a bearer token: over HTTP it is always 401, with a challenge
// that says what it is.
#include "dataplane/worker/login_for_test.h"

namespace mcpgw::worker {
namespace {

struct FaultRow {
    const char* what;
    std::string token;
    const char* description;
};

constexpr const char* kMalformed = "The token is no JSON Web Token";
constexpr const char* kTwice = "The token has a member twice";
constexpr const char* kAlgorithm = "The algorithm of the token is not accepted";
constexpr const char* kUnfit = "The algorithm of the token is not that of its key";
constexpr const char* kSignature = "The signature of the token is wrong";
constexpr const char* kType = "The typ of the token is not that of an access token";
constexpr const char* kAudience = "The token is meant for another audience";
constexpr const char* kNoAudience = "The token has no audience";
constexpr const char* kSubject = "The token has no subject";
constexpr const char* kDate = "A time in the token is no number";
constexpr const char* kExpired = "The token has expired";
constexpr const char* kUser = "The name of the user in the token cannot be used";

// What is wrong with the shape and the header.
std::vector<FaultRow> rows_of_shape() {
    const std::string header = header_of("ES256", "p256");
    const std::string claims = claims_with({});
    const std::string good = good_token();
    const std::string text = auth::base64url(header) + "." + auth::base64url(claims);
    const auto with_header = [&](const std::string& other) {
        return auth::token_of(other, claims, "p256", "ES256");
    };
    return {
        {"opaque", "abcdef", kMalformed},
        {"two parts", text, kMalformed},
        {"four parts", good + ".x", kMalformed},
        {"encrypted", "a.b.c.d.e", "The token is encrypted; a signed one is needed"},
        {"no header", "." + good.substr(good.find('.') + 1), kMalformed},
        {"no claims", auth::base64url(header) + ".." + "AAAA", kMalformed},
        {"foreign characters", good + "/", kMalformed},
        {"padded", good + "=", kMalformed},
        {"too long", std::string(limits::token_bytes_max + 1, 'a'),
         "The token is longer than 16384 bytes"},
        {"header is a list", with_header("[]"), kMalformed},
        {"header is text", with_header("x"), kMalformed},
        {"header is not UTF-8", with_header("{\"alg\":\"ES256\",\"x\":\"\xff\"}"), kMalformed},
        {"no algorithm", with_header(R"({"kid":"p256"})"), kMalformed},
        {"algorithm is a number", with_header(R"({"alg":256})"), kMalformed},
        {"key id is a number", with_header(R"({"alg":"ES256","kid":1})"), kMalformed},
        {"algorithm twice", with_header(R"({"alg":"ES256","alg":"ES256"})"), kTwice},
        {"none", auth::base64url(R"({"alg":"none"})") + "." + auth::base64url(claims) + ".",
         kAlgorithm},
        {"none with a key", with_header(header_of("none", "p256")), kAlgorithm},
        {"None", with_header(header_of("None", "p256")), kAlgorithm},
        {"lower case", with_header(header_of("es256", "p256")), kAlgorithm},
        {"HS256", with_header(header_of("HS256", "p256")), kAlgorithm},
        {"HS512", with_header(header_of("HS512", "rsa")), kAlgorithm},
        {"PS512", with_header(header_of("PS512", "rsa")), kAlgorithm},
        {"ES512", auth::token_of(header_of("ES512", "p521"), claims, "p521", "ES512"), kAlgorithm},
        {"RSA1_5", with_header(header_of("RSA1_5", "rsa")), kAlgorithm},
        {"critical extension",
         with_header(header_of("ES256", "p256", R"(,"crit":["b64"],"b64":false)")),
         "The token has an extension that must be understood and is not"},
        {"empty critical", with_header(header_of("ES256", "p256", R"(,"crit":[])")),
         "The token has an extension that must be understood and is not"},
        {"ID token", with_header(header_of("ES256", "p256", R"(,"typ":"id+jwt")")), kType},
        {"logout token", with_header(header_of("ES256", "p256", R"(,"typ":"logout+jwt")")), kType},
        {"empty type", with_header(header_of("ES256", "p256", R"(,"typ":"")")), kType},
    };
}

// What is wrong with the key and the signature.
std::vector<FaultRow> rows_of_signature() {
    const std::string header = header_of("ES256", "p256");
    const std::string claims = claims_with({});
    const std::string good = good_token();
    const std::string text = auth::base64url(header) + "." + auth::base64url(claims);
    const auto with_header = [&](const std::string& other) {
        return auth::token_of(other, claims, "p256", "ES256");
    };
    const auto with_signature = [&](std::string_view signature) {
        return text + "." + auth::base64url(signature);
    };
    std::string flipped = auth::TestKey::of("p256").sign_as("ES256", text);
    flipped[10] = static_cast<char>(flipped[10] ^ 1);
    return {
        {"key of another kind", with_header(header_of("ES256", "rsa")), kUnfit},
        {"key of another curve", with_header(header_of("ES256", "p384")), kUnfit},
        {"RS256 with a curve", with_header(header_of("RS256", "p256")), kUnfit},
        {"Ed448 as EdDSA", auth::token_of(header_of("EdDSA", "ed448"), claims, "ed448", "EdDSA"),
         kUnfit},
        {"not the algorithm of the key",
         auth::token_of(header_of("RS256", "rs512-only"), claims, "rsa", "RS256"), kUnfit},
        {"a key that is none", with_header(header_of("ES256", "junk")), kUnfit},
        {"short key", auth::token_of(header_of("RS256", "rsa-short"), claims, "rsa-short", "RS256"),
         "The key of the token is too short"},
        {"another key", auth::token_of(header, claims, "p256-other", "ES256"), kSignature},
        {"no signature", text + ".", kSignature},
        {"flipped bit", with_signature(flipped), kSignature},
        {"DER", with_signature(auth::TestKey::of("p256").sign(text, EVP_sha256())), kSignature},
        {"zeroes", with_signature(std::string(64, '\0')), kSignature},
        {"cut", with_signature(flipped.substr(0, 60)), kSignature},
        {"other claims",
         auth::base64url(header) + "." + auth::base64url(claims_with({{"sub", R"("root")"}})) +
             good.substr(good.rfind('.')),
         kSignature},
        {"other header",
         auth::base64url(header_of("ES256", "p256", R"(,"x":1)")) + good.substr(good.find('.')),
         kSignature},
        {"another hash", auth::token_of(header_of("RS256", "rsa"), claims, "rsa", "RS512"),
         kSignature},
        {"PKCS #1 as PSS", auth::token_of(header_of("PS256", "rsa"), claims, "rsa", "RS256"),
         kSignature},
    };
}

// What is wrong with the claims of a token that is well signed.
std::vector<FaultRow> rows_of_claims() {
    const std::string long_name = "\"" + std::string(limits::principal_bytes_max + 1, 'u') + "\"";
    std::string roles = "[";
    for (int i = 0; i < 300; ++i)
        roles += (i > 0 ? ",\"role-" : "\"role-") + std::to_string(1000 + i) + "\"";
    roles += "]";
    const auto with = [](const Changes& changes) { return good_token(changes); };
    const auto at = [](std::int64_t seconds) {
        return std::to_string(static_cast<std::int64_t>(now()) + seconds);
    };
    return {
        {"claims are a list", auth::token_of(header_of("ES256", "p256"), "[]", "p256", "ES256"),
         kMalformed},
        {"subject twice",
         auth::token_of(header_of("ES256", "p256"), R"({"sub":"a","sub":"b"})", "p256", "ES256"),
         kTwice},
        {"no issuer", with({{"iss", ""}}), "The token has no issuer"},
        {"issuer is a list", with({{"iss", R"(["https://idp.example/t1"])"}}),
         "The token has no issuer"},
        {"unknown issuer", with({{"iss", R"("https://evil.example")"}}),
         "The issuer of the token is not accepted"},
        {"issuer of another tenant", with({{"iss", R"("https://idp.example/t2")"}}),
         "The issuer of the token is not accepted"},
        {"issuer in upper case", with({{"iss", R"("https://IDP.example/t1")"}}),
         "The issuer of the token is not accepted"},
        {"issuer with a slash", with({{"iss", R"("https://idp.example/t1/")"}}),
         "The issuer of the token differs from the accepted one by a slash at the end"},
        {"no expiry", with({{"exp", ""}}), "The token has no expiry time"},
        {"expiry is text", with({{"exp", R"("2099-01-01")"}}), kDate},
        {"expiry is a list", with({{"exp", "[9999999999]"}}), kDate},
        {"expired", with({{"exp", at(-61)}}), kExpired},
        {"expired long ago", with({{"exp", "1"}}), kExpired},
        {"negative expiry", with({{"exp", "-1e300"}}), kExpired},
        {"begins later", with({{"nbf", at(120)}}), "The token is not valid yet"},
        {"begins never", with({{"nbf", "1e300"}}), "The token is not valid yet"},
        {"begin is text", with({{"nbf", R"("now")"}}), kDate},
        {"issued is text", with({{"iat", R"("now")"}}), kDate},
        {"no audience", with({{"aud", ""}}), kNoAudience},
        {"empty audience", with({{"aud", "[]"}}), kNoAudience},
        {"audience is a number", with({{"aud", "1"}}), kNoAudience},
        {"audience holds a number", with({{"aud", R"(["gateway",1])"}}), kNoAudience},
        {"another audience", with({{"aud", R"("other")"}}), kAudience},
        {"a part of the audience", with({{"aud", R"(["gate","gateways","Gateway"])"}}), kAudience},
        {"another adapter", with({{"aud", R"("https://gw.example/adapters/b/mcp")"}}), kAudience},
        {"another gateway", with({{"aud", R"("https://other.example/adapters/a/mcp")"}}),
         kAudience},
        {"no subject", with({{"sub", ""}}), kSubject},
        {"empty subject", with({{"sub", R"("")"}}), kSubject},
        {"subject is a number", with({{"sub", "7"}}), kSubject},
        {"subject is null", with({{"sub", "null"}}), kSubject},
        {"subject with a space", with({{"sub", R"("a b")"}}), kUser},
        {"subject with a line break", with({{"sub", R"("a\r\nX-Mcp-Roles: mcp.admin")"}}), kUser},
        {"subject beyond ASCII", with({{"sub", R"("\u00e4nn")"}}), kUser},
        {"long subject", with({{"sub", long_name}}), kUser},
        {"subject of another issuer", with({{"sub", R"("https://second.example#ann")"}}),
         "The name of the user in the token could be that of another issuer"},
        {"tenant is a number", with({{"tid", "1"}}), "The tenant in the token cannot be used"},
        {"tenant with a space", with({{"tid", R"("a b")"}}),
         "The tenant in the token cannot be used"},
        {"roles are an object", with({{"roles", R"({"a":1})"}}),
         "The roles in the token are no text"},
        {"too many roles", with({{"roles", roles}}),
         "The token has more roles than can be used; the gateway can be told which claim to read"},
        {"scopes are a number", with({{"scope", "1"}}), "The scopes in the token are no text"},
        {"API token", "mcpgw_" + auth::base64url(std::string(32, 'x')),
         "The API token is not known, or has been revoked"},
    };
}

TEST(Login, every_fault_of_a_token_is_401_with_a_challenge_that_names_it) {
    Echo echo;
    Harness gateway({echo.server.port()}, with_tokens());
    ASSERT_EQ(call(gateway, bearer(good_token())).status(), "200");
    std::vector<FaultRow> rows = rows_of_shape();
    for (const auto& more : {rows_of_signature(), rows_of_claims()})
        rows.insert(rows.end(), more.begin(), more.end());
    EXPECT_GE(rows.size(), 60U);
    for (const FaultRow& row : rows) {
        const Answer answer = call(gateway, bearer(row.token));
        EXPECT_EQ(answer.status(), "401") << row.what << "\n" << answer.head;
        EXPECT_EQ(answer.field("WWW-Authenticate"),
                  "Bearer error=\"invalid_token\", error_description=\"" +
                      std::string(row.description) + "\", " + std::string(kMetadata) +
                      "/adapters/a/mcp\", scope=\"mcp\"")
            << row.what;
        EXPECT_TRUE(answer.body.contains(R"("id":7,"error":{"code":-32000)")) << row.what;
    }
    EXPECT_EQ(gateway.metrics.rejected[RejectReason::unauthenticated].value(), rows.size());
}

}  // namespace
}  // namespace mcpgw::worker
