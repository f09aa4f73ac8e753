// Every way in which the gateway itself answers a request, in one table: HTTP status, JSON-RPC code
// and sentence (CONTRACT sections 4, 5 and 7). The one place where an Error becomes an answer.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "common/result.h"
#include "dataplane/observe/metrics.h"

namespace mcpgw::exchange {

enum class Refusal : std::uint8_t {
    bad_identity,
    no_credentials,
    bad_credentials,
    bad_authorization,  // a request that no client means: it could be read in two ways
    insufficient_scope,
    beyond_token,  // an API token opens other things
    no_keys,       // of an issuer: it has not been reached yet
    host_not_allowed,
    origin_not_allowed,
    unknown_path,
    unknown_adapter,
    method_not_allowed,
    session_not_found,
    session_of_gone_instance,
    not_allowed,      // by the access rules of the adapter
    unclear_message,  // which access rules cannot be held against
    unreadable_list,  // of tools, from which some are to be left out
    no_ready_instance,
    cannot_connect,
    connect_timed_out,
    reset_before_answer,
    bad_answer,
    no_discovery,
    first_byte_late,
    body_too_large,
    header_contradicts_body,
    head_too_large_with_ours,  // the head no longer fits once the gateway's fields are added
    broken_body_framing,
    unusable_server_session,
    unusable_endpoint,
    no_sse_server,
    too_many_sessions,
    too_many_requests_of_session,
    quota_exhausted,
    rate_exceeded,
    too_many_streams,
    control_plane_away,
    overloaded,
    draining,
};

struct RefusalFacts {
    std::uint16_t status;
    int code;             // JSON-RPC
    RejectReason reason;  // label of rejected_total; ignored if !ours
    bool ours;            // refused by a rule of the gateway, not failed by a server
    std::string_view message;
    std::uint32_t retry_after_seconds = 0;  // 0: no Retry-After, unless the decision says one
};
[[nodiscard]] const RefusalFacts& facts_of(Refusal refusal);

// What becomes of a request whose server failed before the answer began.
[[nodiscard]] Refusal refusal_of(Code backend_failure);

// The bodies of refusals: JSON-RPC on MCP paths (`id` is raw JSON, empty for null),
// application/problem+json elsewhere. Return the bytes written, 0 if `out` is too small.
std::size_t write_jsonrpc_refusal(std::span<char> out, Refusal refusal, std::string_view id);
std::size_t write_problem(std::span<char> out, Refusal refusal);

}  // namespace mcpgw::exchange
