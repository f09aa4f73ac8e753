// Where metadata is, and what of it is believed.
#include "controlplane/identity/discovery.h"

#include <gtest/gtest.h>

namespace mcpgw::identity {
namespace {

using Urls = std::vector<std::string>;

TEST(Discovery, openid_appends_and_oauth_inserts) {
    EXPECT_EQ(metadata_urls("https://idp.example"),
              (Urls{"https://idp.example/.well-known/openid-configuration",
                    "https://idp.example/.well-known/oauth-authorization-server"}));
    EXPECT_EQ(metadata_urls("https://idp.example/"), metadata_urls("https://idp.example"));
    EXPECT_EQ(metadata_urls("http://localhost:1/realms/a"),
              (Urls{"http://localhost:1/realms/a/.well-known/openid-configuration",
                    "http://localhost:1/.well-known/oauth-authorization-server/realms/a"}));
}

TEST(Discovery, metadata_is_kept_in_one_line) {
    const auto read = read_metadata(
        "{\"issuer\":\"https://i\",\n \"jwks_uri\":\"https://k/keys\", \"x\":[1,\"\x7f\"]}",
        "https://i");
    ASSERT_TRUE(read) << read.error().detail;
    EXPECT_EQ(read->jwks_uri, "https://k/keys");
    for (const char c : read->text)
        EXPECT_TRUE(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
    EXPECT_NE(read->text.find("\"x\":[1,"), std::string::npos) << read->text;
}

std::string complaint(const std::string& text) {
    const auto read = read_metadata(text, "https://idp.example/a");
    EXPECT_FALSE(read) << text;
    return read ? "" : read.error().detail;
}

TEST(Discovery, another_issuers_metadata_is_refused) {
    const auto with = [](const std::string& issuer) {
        return R"({"jwks_uri":"https://k","issuer":")" + issuer + R"("})";
    };
    EXPECT_NE(complaint(with("https://evil")).find("is that of https://evil"), std::string::npos);
    EXPECT_EQ(complaint(with("https://evil")).find("slash"), std::string::npos);
    EXPECT_NE(complaint(with("https://idp.example/A")), "");
    const std::string slash = complaint(with("https://idp.example/a/"));
    EXPECT_NE(slash.find("a slash at the end counts, so say --oidc-issuer https://idp.example/a/"),
              std::string::npos)
        << slash;
}

TEST(Discovery, broken_metadata_is_told_what_is_wrong_with_it) {
    const std::string name = R"("issuer":"https://idp.example/a")";
    EXPECT_NE(complaint("<html>").find("is not JSON"), std::string::npos);
    EXPECT_NE(complaint("[]").find("is not a JSON object"), std::string::npos);
    EXPECT_NE(complaint("{}").find("has no issuer"), std::string::npos);
    EXPECT_NE(complaint(R"({"issuer":7})").find("has no issuer"), std::string::npos);
    EXPECT_NE(complaint("{" + name + "}").find("has no jwks_uri"), std::string::npos);
    for (const char* url : {"http://idp.example/k", "file:///etc/passwd", "//k", ""})
        EXPECT_NE(complaint("{" + name + R"(,"jwks_uri":")" + url + "\"}").find("jwks_uri that"),
                  std::string::npos)
            << url;
}

}  // namespace
}  // namespace mcpgw::identity
