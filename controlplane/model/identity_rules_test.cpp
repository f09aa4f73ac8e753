// The rules of identity as tables.
#include "controlplane/model/identity_rules.h"

#include <gtest/gtest.h>

#include "common/limits.h"

namespace mcpgw::model {
namespace {

TEST(IdentityRules, issuers_are_https_or_on_loopback) {
    for (const char* good :
         {"https://idp.example", "https://idp.example/", "https://idp.example:8443/realms/a",
          "https://login.example/0-1/v2.0", "http://localhost", "http://localhost:9000/x",
          "http://127.0.0.1:1", "http://127.8.9.1/", "http://[::1]:80/a", "https://[2001:db8::1]/"})
        EXPECT_EQ(issuer_complaint(good), nullptr) << good;
    for (const char* wrong :
         {"", "idp.example", "http://idp.example", "http://127.0.0.1.example", "http://localhosts",
          "http://[::2]", "ftp://x", "https://", "https:///x", "https://:80", "https://u@h",
          "https://u:p@h/", "https://h/?q", "https://h/#f", "https://h/a b", "https://h\\@x",
          "https://h/\xc3\xa9", "HTTPS://h"})
        EXPECT_NE(issuer_complaint(wrong), nullptr) << wrong;
    EXPECT_NE(issuer_complaint("https://" + std::string(limits::issuer_bytes_max, 'a')), nullptr);
    EXPECT_EQ(provider_url_complaint("https://h/keys?p=b2c"), nullptr);
    EXPECT_NE(provider_url_complaint("https://h/keys#x"), nullptr);
    EXPECT_NE(provider_url_complaint("http://h/keys"), nullptr);
}

TEST(IdentityRules, ids_of_tenants_can_stand_in_a_path) {
    for (const char* good : {"a", "default", "72f988bf-86f1-41af-91ab-2d7cd011db47", "a.b", "a@b:c",
                             "...", "A_~!$&'()*+;="})
        EXPECT_EQ(tenant_id_complaint(good), nullptr) << good;
    for (const char* wrong : {"", ".", "..", "a/b", "a b", "a%41", "a,b", "a?b", "a#b", "\xc3\xa9"})
        EXPECT_NE(tenant_id_complaint(wrong), nullptr) << wrong;
    EXPECT_EQ(tenant_id_complaint(std::string(256, 'a')), nullptr);
    EXPECT_NE(tenant_id_complaint(std::string(257, 'a')), nullptr);
}

TEST(IdentityRules, users_and_scopes_are_visible_ascii) {
    EXPECT_EQ(user_complaint("alice@example.com"), nullptr);
    EXPECT_EQ(user_complaint(std::string(256, 'u')), nullptr);
    for (const std::string& wrong : {std::string(), std::string("a b"), std::string("a\n"),
                                     std::string("\xc3\xa9"), std::string(257, 'u')})
        EXPECT_NE(user_complaint(wrong), nullptr) << wrong;
    EXPECT_EQ(scope_complaint("api://x/.default"), nullptr);
    for (const char* wrong : {"", "a b", "a\"b", "a\\b"})
        EXPECT_NE(scope_complaint(wrong), nullptr) << wrong;
    EXPECT_EQ(claim_complaint("realm_access.roles"), nullptr);
    EXPECT_NE(claim_complaint("a claim"), nullptr);
}

TEST(IdentityRules, lists_have_a_size_in_all) {
    const std::vector<std::string> many(10, std::string(250, 'a'));
    EXPECT_NE(scopes_complaint(many), nullptr);
    EXPECT_NE(claims_complaint(many), nullptr);
    EXPECT_EQ(audiences_complaint(many), nullptr);
    EXPECT_NE(audiences_complaint(std::vector<std::string>(17, std::string(1000, 'a'))), nullptr);
    EXPECT_NE(token_adapters_complaint(std::vector<std::string>(100, std::string(50, 'a'))),
              nullptr);
}

}  // namespace
}  // namespace mcpgw::model
