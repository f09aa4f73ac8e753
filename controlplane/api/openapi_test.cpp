// The page around the document; what the document says is tested against a running gateway.
#include "controlplane/api/openapi.h"

#include <gtest/gtest.h>

#include "controlplane/model/json.h"

namespace mcpgw::api {
namespace {

std::string header_of(const Answer& answer, std::string_view wanted) {
    for (const auto& [name, value] : answer.headers)
        if (name == wanted) return value;
    return "";
}

TEST(Openapi, the_document_is_json_and_has_the_version_of_the_program) {
    const Answer answer = openapi_answer("GET", {});
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.content_type, "application/json");
    const auto document = model::parse_json(answer.body);
    ASSERT_TRUE(document) << document.error().detail;
    EXPECT_EQ(document->get("openapi").get<std::string>(), "3.1.1");
    EXPECT_EQ(document->get("info").get("version").get<std::string>(), MCPGW_VERSION);
}

TEST(Openapi, who_has_it_is_told_so_without_a_body) {
    const std::string tag = header_of(openapi_answer("GET", {}), "ETag");
    ASSERT_EQ(tag.size(), 34U);
    for (const std::string& line : {tag, "W/" + tag, "\"x\", " + tag, std::string("*")}) {
        const Answer answer = openapi_answer("GET", {line});
        EXPECT_EQ(answer.status, 304) << line;
        EXPECT_EQ(answer.body, "") << line;
        EXPECT_EQ(header_of(answer, "ETag"), tag);
        EXPECT_EQ(header_of(answer, "Cache-Control"), "no-cache");
    }
    EXPECT_EQ(openapi_answer("GET", {"\"x\"", tag}).status, 304);
    for (const std::string line : {"\"x\"", "", "nonsense", "\"x"})
        EXPECT_EQ(openapi_answer("GET", {line}).status, 200) << line;
}

TEST(Openapi, it_is_only_read) {
    EXPECT_EQ(openapi_answer("HEAD", {}).status, 200);
    const Answer refused = openapi_answer("PUT", {});
    EXPECT_EQ(refused.status, 405);
    EXPECT_EQ(header_of(refused, "Allow"), "GET, HEAD");
    EXPECT_TRUE(is_openapi_path("/openapi.json"));
    EXPECT_FALSE(is_openapi_path("/openapi.json/"));
}

}  // namespace
}  // namespace mcpgw::api
