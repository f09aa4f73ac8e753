// From tokens to identities, and which verdicts are remembered for how long.
#include "dataplane/auth/authenticator.h"

#include "dataplane/auth/tokens_for_test.h"

namespace mcpgw::auth {
namespace {

constexpr std::uint64_t kHour = 3600;
constexpr std::string_view kHeader = R"({"alg":"ES256","kid":"p256","typ":"at+jwt"})";

class AuthenticatorTest : public testing::Test {
  protected:
    void SetUp() override { publish(); }
    void publish() {
        shared = std::make_shared<const contract::Access>(access);
        authenticator.set_access(shared);
    }
    // With claims that are always there; `more` begins with a comma.
    static std::string claims(const std::string& more, const std::string& subject = "ann") {
        return R"({"iss":"https://idp.example/t1","aud":"gateway","exp":)" +
               std::to_string(kTestNow + kHour) + R"(,"sub":")" + subject + "\"" + more + "}";
    }
    static std::string token(const std::string& more = "", const std::string& subject = "ann") {
        return token_of(kHeader, claims(more, subject), "p256", "ES256");
    }
    Identity identity_of(const std::string& text, std::uint64_t now = kTestNow) {
        const Verdict& verdict = authenticator.judge(text, now);
        EXPECT_EQ(verdict.fault, TokenFault::none) << description_of(verdict.fault);
        return verdict.identity();
    }
    TokenFault fault_of(const std::string& text, std::uint64_t now = kTestNow) {
        return authenticator.judge(text, now).fault;
    }
    contract::Access access = access_for_test();
    std::shared_ptr<const contract::Access> shared;
    Authenticator authenticator;
};

TEST_F(AuthenticatorTest, claims_become_an_identity) {
    const Identity identity = identity_of(
        token(R"(,"preferred_username":"ann@x","roles":["a","b"],"realm_access":{"roles":["c"]},)"
              R"("groups":"d","tid":"t-1","scope":"s1 s2","scp":["s3"])"));
    EXPECT_EQ(identity.user, "ann");
    EXPECT_EQ(identity.name, "ann@x");
    EXPECT_EQ(identity.roles, "a,b,c,d");
    EXPECT_EQ(identity.tenant, "t-1");
    EXPECT_EQ(identity.scopes, "s1 s2 s3");
    EXPECT_FALSE(identity.has_every_scope);
    EXPECT_EQ(identity.token_id, "");
}

TEST_F(AuthenticatorTest, what_is_not_there_is_empty) {
    const Identity identity = identity_of(token());
    EXPECT_EQ(identity.name, "");
    EXPECT_EQ(identity.roles, "");
    EXPECT_EQ(identity.tenant, "");
    EXPECT_EQ(identity.scopes, "");
    EXPECT_FALSE(has_scopes(identity, std::vector<std::string>{"x"}));
}

TEST_F(AuthenticatorTest, claims_can_have_other_names) {
    access.claims = {.user = {"oid", "sub"},
                     .name = {"n"},
                     .roles = {"https://app.example/roles", "a.b"},
                     .tenant = {"org.id"},
                     .scopes = {"perm"}};
    publish();
    Identity identity =
        identity_of(token(R"(,"oid":"o-7","n":"N","https://app.example/roles":["r1"],)"
                          R"("a":{"b":["r2","r1"]},"org":{"id":"t9"},"perm":["p q","p"],)"
                          R"("roles":["no"],"scope":"no")"));
    EXPECT_EQ(identity.user, "o-7");
    EXPECT_EQ(identity.name, "N");
    EXPECT_EQ(identity.roles, "r1,r2");
    EXPECT_EQ(identity.tenant, "t9");
    EXPECT_EQ(identity.scopes, "p q");
    EXPECT_EQ(identity_of(token()).user, "ann") << "the second one, where there is no first";
}

TEST_F(AuthenticatorTest, users_of_a_further_issuer_are_told_apart) {
    const std::string text = token_of(R"({"alg":"ES256","kid":"other"})",
                                      R"({"iss":"https://second.example","aud":"gateway","exp":)" +
                                          std::to_string(kTestNow + kHour) + R"(,"sub":"ann"})",
                                      "p256-other", "ES256");
    EXPECT_EQ(identity_of(text).user, "https://second.example#ann");
    EXPECT_EQ(fault_of(token("", "https://second.example#ann")), TokenFault::ambiguous_user);
    EXPECT_EQ(identity_of(token("", "https://elsewhere.example#ann")).user,
              "https://elsewhere.example#ann");
}

TEST_F(AuthenticatorTest, a_role_that_could_be_two_is_left_out) {
    EXPECT_EQ(
        identity_of(token(R"(,"roles":["a,mcp.admin","b"," c ","d\u0007","\u00e4",""])")).roles,
        "b,c");
}

TEST_F(AuthenticatorTest, names_are_encoded_and_cut) {
    EXPECT_EQ(identity_of(token(R"(,"name":" J\u00f6rg 100% ")")).name, "J%C3%B6rg 100%25");
    const Identity longest =
        identity_of(token(",\"name\":\"" + std::string(511, 'n') + "\\u00e4\""));
    EXPECT_EQ(longest.name, std::string(511, 'n')) << "no half of a letter";
    for (std::size_t before = 506; before <= 512; ++before) {
        const std::string name(before, 'n');
        const std::string text = token(",\"name\":\"" + name + "\\u00e4m\"");
        EXPECT_EQ(identity_of(text).name, name + (before == 506 ? "%C3%A4" : "")) << before;
    }
}

TEST_F(AuthenticatorTest, times_have_a_tolerance) {
    const std::string text = token();
    const std::uint64_t ends = kTestNow + kHour + access.clock_skew_seconds;
    EXPECT_EQ(fault_of(text, ends - 1), TokenFault::none);
    EXPECT_EQ(fault_of(text, ends), TokenFault::expired);
    const std::string later = token(",\"nbf\":" + std::to_string(kTestNow + 60));
    EXPECT_EQ(fault_of(later, kTestNow - 1), TokenFault::not_yet_valid);
    EXPECT_EQ(fault_of(later, kTestNow + 4), TokenFault::none);
    EXPECT_EQ(fault_of(token(R"(,"iat":9e15)")), TokenFault::none) << "says nothing of validity";
}

TEST_F(AuthenticatorTest, a_verdict_is_made_once) {
    const std::string text = token();
    for (int i = 0; i < 10; ++i)
        EXPECT_EQ(identity_of(text).user, "ann");
    EXPECT_EQ(authenticator.made(), 1U);
    const std::string forged = token_of(kHeader, claims(""), "p256-other", "ES256");
    EXPECT_EQ(fault_of(forged), TokenFault::bad_signature) << "another token";
    EXPECT_EQ(fault_of(forged), TokenFault::bad_signature);
    EXPECT_EQ(authenticator.made(), 2U);
}

TEST_F(AuthenticatorTest, a_remembered_verdict_ends_with_its_token) {
    const std::string text = token();
    EXPECT_EQ(fault_of(text), TokenFault::none);
    EXPECT_EQ(fault_of(text, kTestNow + kHour + 59), TokenFault::none);
    EXPECT_EQ(authenticator.made(), 1U);
    EXPECT_EQ(fault_of(text, kTestNow + kHour + 60), TokenFault::expired);
}

TEST_F(AuthenticatorTest, another_access_object_voids_all_verdicts) {
    const std::string text = token();
    EXPECT_EQ(fault_of(text), TokenFault::none);
    EXPECT_FALSE(authenticator.set_access(shared)) << "the same one";
    EXPECT_EQ(fault_of(text), TokenFault::none);
    EXPECT_EQ(authenticator.made(), 1U);
    access.issuers[0].keys.clear();
    publish();
    EXPECT_EQ(fault_of(text), TokenFault::no_keys);
    access = access_for_test();
    publish();
    EXPECT_EQ(fault_of(text), TokenFault::none) << "the bad verdict is void as well";
}

TEST_F(AuthenticatorTest, many_bad_tokens_do_not_push_out_a_good_one) {
    const std::string text = token();
    EXPECT_EQ(fault_of(text), TokenFault::none);
    for (std::size_t i = 0; i < 4 * limits::verdicts_max; ++i)
        EXPECT_EQ(fault_of("x" + std::to_string(i)), TokenFault::malformed);
    const std::uint64_t made = authenticator.made();
    EXPECT_EQ(fault_of(text), TokenFault::none);
    EXPECT_EQ(authenticator.made(), made);
}

TEST_F(AuthenticatorTest, a_token_without_a_key_id_is_checked_with_every_key_that_fits) {
    const std::string text = token_of(R"({"alg":"EdDSA"})", claims(""), "ed25519", "EdDSA");
    EXPECT_EQ(fault_of(text), TokenFault::none);
    EXPECT_EQ(fault_of(token_of(R"({"alg":"ES256"})", claims(""), "p256-other", "ES256")),
              TokenFault::unknown_key)
        << "the issuer may have a new one";
}

TEST_F(AuthenticatorTest, whoever_has_the_unknown_key_is_named) {
    const Verdict& verdict = authenticator.judge(
        token_of(R"({"alg":"ES256","kid":"new"})", claims(""), "p256", "ES256"), kTestNow);
    EXPECT_EQ(verdict.fault, TokenFault::unknown_key);
    EXPECT_EQ(verdict.issuer, fnv1a("https://idp.example/t1"));
}

TEST_F(AuthenticatorTest, an_api_token_is_found_by_its_hash) {
    const std::string text = "mcpgw_" + base64url(std::string(32, 'q'));
    access.tokens = {{.hash = sha256(text),
                      .id = "tok-1",
                      .user = "robot",
                      .roles = {"r1", "r2"},
                      .tenant = "t1",
                      .scopes = {"s1", "s2"},
                      .adapters = {"a"},
                      .expires_unix_s = kTestNow + 10}};
    publish();
    const Identity identity = identity_of(text);
    EXPECT_EQ(identity.user, "robot");
    EXPECT_EQ(identity.roles, "r1,r2");
    EXPECT_EQ(identity.tenant, "t1");
    EXPECT_EQ(identity.scopes, "s1 s2");
    EXPECT_EQ(identity.token_id, "tok-1");
    const Verdict& verdict = authenticator.judge(text, kTestNow);
    EXPECT_TRUE(verdict.opens("a"));
    EXPECT_FALSE(verdict.opens("b"));
    EXPECT_FALSE(verdict.opens("")) << "nor the management";
    EXPECT_TRUE(verdict.is_meant_for("", "/adapters/a/mcp"));
    EXPECT_EQ(fault_of(text + "x"), TokenFault::unknown_api_token);
    EXPECT_EQ(fault_of(text, kTestNow + 9), TokenFault::none);
    EXPECT_EQ(fault_of(text, kTestNow + 10), TokenFault::expired_api_token);
    access.tokens.clear();
    publish();
    EXPECT_EQ(fault_of(text), TokenFault::unknown_api_token) << "revoked";
}

TEST_F(AuthenticatorTest, a_resource_opens_itself_and_what_is_below) {
    const auto is_for = [this](const std::string& audience, std::string_view path) {
        const std::string text =
            token_of(kHeader,
                     R"({"iss":"https://idp.example/t1","aud":)" + audience +
                         R"(,"sub":"ann","exp":)" + std::to_string(kTestNow + kHour) + "}",
                     "p256", "ES256");
        return authenticator.judge(text, kTestNow).is_meant_for("https://gw.example/x", path);
    };
    const std::string own = R"("https://gw.example/x/adapters/a/mcp")";
    EXPECT_TRUE(is_for(own, "/adapters/a/mcp"));
    EXPECT_TRUE(is_for(own, "/adapters/a/mcp/"));
    EXPECT_TRUE(is_for(R"("https://gw.example/x/adapters/a/mcp/")", "/adapters/a/mcp"));
    EXPECT_FALSE(is_for(own, "/adapters/b/mcp"));
    EXPECT_FALSE(is_for(own, "/adapters/a"));
    EXPECT_TRUE(is_for(R"("https://gw.example/x")", "/adapters/b/mcp")) << "the whole gateway";
    EXPECT_TRUE(is_for(R"("https://gw.example/x/")", "/adapters"));
    EXPECT_TRUE(is_for(R"(["z","https://gw.example/x/adapters"])", "/adapters/b/mcp"));
    EXPECT_FALSE(is_for(R"("https://gw.example/x/adap")", "/adapters/b/mcp")) << "no whole segment";
    EXPECT_FALSE(is_for(R"("https://gw.example")", "/adapters/b/mcp")) << "another gateway's";
    EXPECT_FALSE(is_for(R"("https://gw.example/xy")", "/adapters/b/mcp"));
    EXPECT_FALSE(is_for(R"("http://gw.example/x")", "/adapters/b/mcp"));
    EXPECT_FALSE(is_for(R"("https://gw.example.evil.example/x")", "/adapters/b/mcp"));
    EXPECT_TRUE(authenticator.judge(token(), kTestNow).is_meant_for("", ""))
        << "an audience of the list is good everywhere";
}

TEST_F(AuthenticatorTest, the_resource_of_the_metadata_is_an_audience) {
    access.audiences.clear();
    access.resource = "api://gateway";
    publish();
    EXPECT_EQ(fault_of(token()), TokenFault::wrong_audience);
    const std::string text =
        token_of(kHeader,
                 R"({"iss":"https://idp.example/t1","aud":"api://gateway","sub":"ann","exp":)" +
                     std::to_string(kTestNow + kHour) + "}",
                 "p256", "ES256");
    EXPECT_EQ(fault_of(text), TokenFault::none);
}

}  // namespace
}  // namespace mcpgw::auth
