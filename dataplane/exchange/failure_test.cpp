// The table of refusals against CONTRACT section 5.
#include "dataplane/exchange/failure.h"

#include <array>
#include <string>

#include <gtest/gtest.h>

namespace mcpgw::exchange {
namespace {

std::string jsonrpc(Refusal refusal, std::string_view id) {
    std::array<char, 1024> body;
    return {body.data(), write_jsonrpc_refusal(body, refusal, id)};
}

TEST(Failure, statuses_and_codes_are_those_of_the_contract) {
    struct Row {
        Refusal refusal;
        int status;
        int code;
    };
    for (const Row& row :
         {Row{Refusal::session_not_found, 404, -32001},
          Row{Refusal::session_of_gone_instance, 404, -32001},
          Row{Refusal::unknown_adapter, 404, -32000}, Row{Refusal::host_not_allowed, 403, -32000},
          Row{Refusal::origin_not_allowed, 403, -32000}, Row{Refusal::no_credentials, 401, -32000},
          Row{Refusal::bad_credentials, 401, -32000}, Row{Refusal::bad_authorization, 400, -32000},
          Row{Refusal::insufficient_scope, 403, -32000}, Row{Refusal::beyond_token, 403, -32000},
          Row{Refusal::no_keys, 503, -32603}, Row{Refusal::no_ready_instance, 503, -32603},
          Row{Refusal::cannot_connect, 502, -32603}, Row{Refusal::connect_timed_out, 502, -32603},
          Row{Refusal::reset_before_answer, 502, -32603},
          Row{Refusal::first_byte_late, 504, -32603}, Row{Refusal::body_too_large, 413, -32600},
          Row{Refusal::head_too_large_with_ours, 431, -32600}}) {
        EXPECT_EQ(facts_of(row.refusal).status, row.status) << static_cast<int>(row.refusal);
        EXPECT_EQ(facts_of(row.refusal).code, row.code) << static_cast<int>(row.refusal);
    }
}

TEST(Failure, backend_failures_keep_apart_what_the_contract_keeps_apart) {
    EXPECT_EQ(refusal_of(Code::unavailable), Refusal::cannot_connect);
    EXPECT_EQ(refusal_of(Code::timed_out), Refusal::connect_timed_out);
    EXPECT_EQ(refusal_of(Code::reset), Refusal::reset_before_answer);
    EXPECT_EQ(refusal_of(Code::protocol), Refusal::bad_answer);
}

TEST(Failure, bodies_echo_the_id_or_say_null) {
    EXPECT_EQ(
        jsonrpc(Refusal::session_not_found, "\"a\""),
        R"({"jsonrpc":"2.0","id":"a","error":{"code":-32001,"message":"Session not found"}})");
    EXPECT_EQ(jsonrpc(Refusal::unknown_adapter, ""),
              R"({"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"No such adapter"}})");
    std::array<char, 1024> body;
    const std::string problem(body.data(), write_problem(body, Refusal::unknown_path));
    EXPECT_EQ(problem,
              R"({"type":"about:blank","title":"Not Found","status":404,"detail":"No such path"})");
    std::array<char, 8> tiny;
    EXPECT_EQ(write_problem(tiny, Refusal::unknown_path), 0U);
}

}  // namespace
}  // namespace mcpgw::exchange
