// Known names are found in any case, their neighbours are not.
#include "common/protocol/field_name.h"

#include <string>

#include <gtest/gtest.h>

namespace mcpgw::http {
namespace {

TEST(FieldName, known_names_are_found_in_any_case) {
    for (const char* text : {"mcp-session-id", "Mcp-Session-Id", "MCP-SESSION-ID"})
        EXPECT_EQ(field_name_of(text), FieldName::mcp_session_id) << text;
    EXPECT_EQ(field_name_of("TE"), FieldName::te);
    EXPECT_EQ(field_name_of("Host"), FieldName::host);
    EXPECT_EQ(field_name_of("Date"), FieldName::date);
    EXPECT_EQ(field_name_of("Transfer-Encoding"), FieldName::transfer_encoding);
    EXPECT_EQ(field_name_of("MCP-Protocol-Version"), FieldName::mcp_protocol_version);
    EXPECT_EQ(field_name_of("Mcp-Method"), FieldName::mcp_method);
    EXPECT_EQ(field_name_of("mcp-name"), FieldName::mcp_name);
    EXPECT_EQ(field_name_of("X-Dev-UserId"), FieldName::x_dev_user_id);
}

TEST(FieldName, names_that_only_resemble_a_known_one_are_other) {
    for (const char* text :
         {"", "t", "tea", "hosts", "hos", "mcp-session-ids", "content-lengt", "transfer-encodings",
          "x", "x-", "x-m", "mcp-protocol-version-of-something-long", "accept"})
        EXPECT_EQ(field_name_of(text), FieldName::other) << text;
}

TEST(FieldName, families_are_told_by_how_they_begin) {
    EXPECT_EQ(field_name_of("X-Mcp-UserId"), FieldName::x_mcp);
    EXPECT_EQ(field_name_of("x-mcp-anything-at-all-however-long-it-may-be"), FieldName::x_mcp);
    EXPECT_EQ(field_name_of("X-Forwarded-For"), FieldName::x_forwarded);
    EXPECT_EQ(field_name_of("X-Dev-Name"), FieldName::x_dev);
    EXPECT_EQ(field_name_of("X-Mcp"), FieldName::other);
    EXPECT_EQ(field_name_of("XX-Mcp-A"), FieldName::other);
}

TEST(FieldName, underscores_for_hyphens_make_a_look_alike) {
    for (const char* text :
         {"mcp_session_id", "MCP_Session-Id", "Content_Length", "transfer_encoding", "X_Mcp_UserId",
          "x-mcp_roles", "X_FORWARDED_FOR", "x_dev_a_name_longer_than_every_known_one"})
        EXPECT_EQ(field_name_of(text), FieldName::look_alike) << text;
    for (const char* text : {"_", "api_key", "mcp_session", "hos_t", "x_mcp",
                             "a_name_longer_than_every_known_one", "mcp_protocol_versions"})
        EXPECT_EQ(field_name_of(text), FieldName::other) << text;
    EXPECT_EQ(field_name_of("X-Mcp-User_Id"), FieldName::x_mcp);
}

TEST(FieldSet, holds_what_was_added) {
    constexpr FieldSet set = FieldSet{FieldName::host}.with({FieldName::x_mcp});
    EXPECT_TRUE(set.has(FieldName::host));
    EXPECT_TRUE(set.has(FieldName::x_mcp));
    EXPECT_FALSE(set.has(FieldName::other));
    EXPECT_FALSE(set.has(FieldName::date));
}

}  // namespace
}  // namespace mcpgw::http
