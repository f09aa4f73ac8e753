// Requests with two possible readings that are served all the same: what the server sees is the one
// reading that the gateway made, in one spelling. Each vector is sent whole and in pieces; behind
// it comes a last request, so that a border in the wrong place shows.
#include "tests/http1/requests_for_test.h"

namespace mcpgw::http1 {
namespace {

struct Served {
    std::string name;
    std::string bytes;
    std::vector<std::string> bodies;  // of the requests that the server sees
    std::string absent = "x-hidden";  // a field that the server must not see
    std::vector<int> statuses = {200};
};

void PrintTo(const Served& vector, std::ostream* out) {
    *out << vector.name;
}

std::vector<Served> spellings() {
    const std::string end = "Content-Length: 2\r\n\r\n{}";
    const std::string absolute = "POST http://localhost:8000/adapters/a/mcp HTTP/1.1\r\n";
    return {
        {"empty_lines_before", "\r\n\r\n" + post(end), {"{}"}},
        {"blanks_around_values", post("X:   y \t \r\nContent-Length: \t 2 \t\r\n\r\n{}"), {"{}"}},
        {"no_blank_before_value", post("Content-Length:2\r\n\r\n{}"), {"{}"}},
        {"names_in_other_case", post("CONTENT-length: 2\r\n\r\n{}"), {"{}"}},
        {"leading_zeros_in_length", post("Content-Length: 0002\r\n\r\n{}"), {"{}"}},
        {"coding_in_other_case",
         post("transfer-ENCODING: ChUnKeD\r\n\r\n2\r\n{}\r\n0\r\n\r\n"),
         {"{}"}},
        {"coding_with_tabs",
         post("Transfer-Encoding:\tchunked\t\r\n\r\n2\r\n{}\r\n0\r\n\r\n"),
         {"{}"}},
        {"chunk_sizes_with_zeros", chunked("0002\r\n{}\r\n000\r\n\r\n"), {"{}"}},
        {"chunk_sizes_in_both_cases",
         chunked("a\r\n{\"a\": 123}\r\nA\r\n          \r\n0\r\n\r\n"),
         {"{\"a\": 123}          "}},
        {"chunk_extensions", chunked("2;a=b ; c=\"d;\\\"e\"\r\n{}\r\n0;last\r\n\r\n"), {"{}"}},
        {"version_1_2", "POST /adapters/a/mcp HTTP/1.2\r\nHost: localhost\r\n" + end, {"{}"}},
        {"absolute_form", absolute + "Host: localhost\r\n" + end, {"{}"}},
        {"absolute_form_and_other_host", absolute + "Host: evil.test\r\n" + end, {"{}"}},
        {"scheme_in_other_case",
         "POST HTTP://LOCALHOST/adapters/a/mcp HTTP/1.1\r\nHost: localhost\r\n" + end,
         {"{}"}},
        {"query", "POST /adapters/a/mcp?x=1 HTTP/1.1\r\nHost: localhost\r\n" + end, {"{}"}},
        {"host_of_others",
         "POST /adapters/a/mcp HTTP/1.1\r\nHost: evil.test\r\n" + end,
         {},
         "",
         {403}},
        {"host_of_others_in_the_target",
         "POST http://evil.test/adapters/a/mcp HTTP/1.1\r\nHost: localhost\r\n" + end,
         {},
         "",
         {403}},
        {"method_in_other_case",
         "post /adapters/a/mcp HTTP/1.1\r\nHost: localhost\r\n" + end,
         {},
         "",
         {405}},
        {"dot_segments",
         "POST /x/../adapters/a/mcp HTTP/1.1\r\nHost: localhost\r\n" + end,
         {},
         "",
         {404}},
        {"escaped_path",
         "POST /adapters/%61/mcp HTTP/1.1\r\nHost: localhost\r\n" + end,
         {},
         "",
         {404}},
        {"doubled_slash",
         "POST //adapters/a/mcp HTTP/1.1\r\nHost: localhost\r\n" + end,
         {},
         "",
         {404}},
    };
}

std::vector<Served> hidden_requests() {
    const std::string hidden(kHidden);
    const std::string size = std::to_string(hidden.size());
    const std::string frame = "50\r\n" + hidden.substr(0, 0x50) + "\r\n";
    return {
        {"in_a_counted_body", post("Content-Length: " + size + "\r\n\r\n") + hidden, {hidden}},
        {"in_a_chunk", chunked(frame + "0\r\n\r\n"), {hidden.substr(0, 0x50)}},
        {"in_the_body_of_a_get",
         std::string(kGet) + "Content-Length: " + size + "\r\n\r\n" + hidden,
         {hidden}},
        {"in_the_chunks_of_a_get",
         std::string(kGet) + "Transfer-Encoding: chunked\r\n\r\n" + frame + "0\r\n\r\n",
         {hidden.substr(0, 0x50)}},
        {"in_a_body_that_is_refused",
         "POST /nowhere HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + size + "\r\n\r\n" +
             hidden,
         {},
         "x-hidden",
         {404}},
        {"behind_a_body",
         post("Content-Length: 2\r\n\r\n{}") + hidden,
         {"{}", "{}"},
         "",
         {200, 200}},
        {"behind_a_request_without_body", post("\r\n") + hidden, {"", "{}"}, "", {200, 200}},
        {"behind_the_last_chunk",
         chunked("2\r\n{}\r\n0\r\n\r\n") + hidden,
         {"{}", "{}"},
         "",
         {200, 200}},
    };
}

std::vector<Served> fields_that_stop() {
    const std::string end = "Content-Length: 2\r\n\r\n{}";
    const auto named = [&](const std::string& name, const std::string& field) {
        return post("Connection: " + name + "\r\n" + field + end);
    };
    return {
        {"connection_names_content_length", named("Content-Length", ""), {"{}"}},
        {"connection_names_transfer_encoding",
         post("Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n"
              "\r\n"),
         {"{}"}},
        {"connection_names_host", named("Host", ""), {"{}"}},
        {"connection_names_user", named("X-Mcp-UserId", ""), {"{}"}},
        {"connection_names_a_field", named("x-hidden, keep-alive", "X-Hidden: 1\r\n"), {"{}"}},
        {"connection_twice",
         post("Connection: keep-alive\r\nConnection: x-hidden\r\nX-Hidden: 1\r\n" + end),
         {"{}"}},
        {"connection_itself",
         named("keep-alive", "Keep-Alive: timeout=1\r\n"),
         {"{}"},
         "connection"},
        {"keep_alive", named("keep-alive", "Keep-Alive: timeout=1\r\n"), {"{}"}, "keep-alive"},
        {"proxy_connection",
         post("Proxy-Connection: keep-alive\r\n" + end),
         {"{}"},
         "proxy-connection"},
        {"te", post("TE: trailers, deflate;q=0.5\r\n" + end), {"{}"}, "te"},
        {"upgrade",
         named("Upgrade, HTTP2-Settings", "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"),
         {"{}"},
         "upgrade"},
        {"settings_of_the_upgrade",
         named("Upgrade, HTTP2-Settings", "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"),
         {"{}"},
         "http2-settings"},
        {"credentials", post("Authorization: Bearer x\r\n" + end), {"{}"}, "authorization"},
        {"credentials_for_proxies",
         post("Proxy-Authorization: Basic x\r\n" + end),
         {"{}"},
         "proxy-authorization"},
        {"cookies", post("Cookie: a=b\r\n" + end), {"{}"}, "cookie"},
        {"tenant_of_the_client", post("X-Mcp-Tenant: other\r\n" + end), {"{}"}, "x-mcp-tenant"},
        {"tenant_with_underscores", post("X_Mcp_Tenant: other\r\n" + end), {"{}"}, "x_mcp_tenant"},
        {"user_with_underscores", post("X_MCP_USERID: root\r\n" + end), {"{}"}, "x_mcp_userid"},
        {"length_with_underscore", post("Content_Length: 90\r\n" + end), {"{}"}, "content_length"},
        {"coding_with_underscore",
         post("Transfer_Encoding: chunked\r\n" + end),
         {"{}"},
         "transfer_encoding"},
        {"forwarded_host",
         post("X-Forwarded-Host: evil.test\r\n" + end),
         {"{}"},
         "x-forwarded-host"},
        {"trailer_with_length",
         chunked("2\r\n{}\r\n0\r\nContent-Length: 90\r\nX-Hidden: 1\r\n\r\n"),
         {"{}"},
         "content-length"},
        {"trailer_with_coding", chunked("2\r\n{}\r\n0\r\nTransfer-Encoding: gzip\r\n\r\n"), {"{}"}},
        {"trailer_with_credentials",
         chunked("2\r\n{}\r\n0\r\nAuthorization: Bearer x\r\n\r\n"),
         {"{}"},
         "authorization"},
        {"trailer_with_user", chunked("2\r\n{}\r\n0\r\nX-Mcp-UserId: root\r\n\r\n"), {"{}"}},
        {"trailer_with_session",
         chunked("2\r\n{}\r\n0\r\nMcp-Session-Id: s\r\n\r\n"),
         {"{}"},
         "mcp-session-id"},
    };
}

class ServedRequest : public testing::TestWithParam<Served> {
  protected:
    static void SetUpTestSuite() { gateway_ = new Gateway; }
    static void TearDownTestSuite() { delete std::exchange(gateway_, nullptr); }
    static void check_what_the_server_saw(const Served& vector) {
        const std::vector<Message> requests = gateway_->backend.requests();
        ASSERT_EQ(requests.size(), vector.bodies.size() + 1);
        for (std::size_t i = 0; i < vector.bodies.size(); ++i) {
            EXPECT_EQ(requests[i].body, vector.bodies[i]);
            EXPECT_EQ(requests[i].field("host"),
                      "127.0.0.1:" + std::to_string(gateway_->backend.port()));
            EXPECT_EQ(requests[i].field("x-mcp-userid"), "dev");
            EXPECT_EQ(requests[i].count("x-mcp-userid"), 1U);
            EXPECT_EQ(vector.absent.empty() ? 0U : requests[i].count(vector.absent), 0U);
            for (const auto& [name, value] : requests[i].trailers)
                EXPECT_TRUE(name.starts_with("x-") && !name.starts_with("x-mcp")) << name;
        }
        EXPECT_EQ(requests.back().field("x-last"), "1");
        for (const RecordingBackend::Connection& seen : gateway_->backend.record()) {
            EXPECT_EQ(seen.wrong, "") << seen.bytes;
            EXPECT_EQ(seen.consumed, seen.bytes.size()) << seen.bytes;
        }
    }
    static Gateway* gateway_;
};
Gateway* ServedRequest::gateway_ = nullptr;

TEST_P(ServedRequest, reaches_the_server_in_one_spelling_and_alone) {
    const Served& vector = GetParam();
    const std::string bytes = vector.bytes + post("X-Last: 1\r\nContent-Length: 2\r\n\r\n{}");
    for (const std::size_t piece : {bytes.size(), std::size_t{7}, std::size_t{1}}) {
        const Heard heard =
            gateway_->exchange(in_pieces(bytes, piece), vector.statuses.size() + 1, {"POST"});
        ASSERT_EQ(heard.answers.size(), vector.statuses.size() + 1) << heard.text();
        for (std::size_t i = 0; i < vector.statuses.size(); ++i)
            EXPECT_EQ(heard.answers[i].status(), vector.statuses[i]) << heard.text();
        EXPECT_EQ(heard.answers.back().status(), 200) << heard.text();
        EXPECT_EQ(heard.rest, "");
        check_what_the_server_saw(vector);
        gateway_->backend.forget();
    }
}

std::string name_of(const testing::TestParamInfo<Served>& info) {
    return info.param.name;
}

INSTANTIATE_TEST_SUITE_P(spelling, ServedRequest, testing::ValuesIn(spellings()), name_of);
INSTANTIATE_TEST_SUITE_P(hidden, ServedRequest, testing::ValuesIn(hidden_requests()), name_of);
INSTANTIATE_TEST_SUITE_P(fields, ServedRequest, testing::ValuesIn(fields_that_stop()), name_of);

}  // namespace
}  // namespace mcpgw::http1
