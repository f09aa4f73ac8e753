// The table of refusals.
#include "dataplane/exchange/failure.h"

#include <cstdio>

#include "common/protocol/http1_writer.h"
#include "common/protocol/mcp.h"

namespace mcpgw::exchange {
namespace {

using mcp::kInternalError;
using mcp::kInvalidRequest;
using mcp::kServerError;
using mcp::kSessionNotFound;

constexpr RefusalFacts kBadIdentity{400, kServerError, RejectReason::unauthenticated, true,
                                    "Bad identity headers"};
// From no_credentials to no_keys, in the order of the enumerators.
constexpr RefusalFacts kCredentials[] = {
    {401, kServerError, RejectReason::unauthenticated, true, "Authentication required"},
    {401, kServerError, RejectReason::unauthenticated, true, "Invalid credentials"},
    {400, kServerError, RejectReason::unauthenticated, true, "Invalid Authorization header"},
    {403, kServerError, RejectReason::forbidden, true,
     "The token has not all scopes that are needed here"},
    {403, kServerError, RejectReason::forbidden, true, "The API token is for other adapters only"},
    {503, kInternalError, RejectReason::unauthenticated, true,
     "Tokens cannot be checked yet: the keys of their issuer are not known. Try again in a moment",
     5},
};
// From host_not_allowed to method_not_allowed.
constexpr RefusalFacts kByHead[] = {
    {403, kServerError, RejectReason::host_not_allowed, true, "Host not allowed"},
    {403, kServerError, RejectReason::origin_not_allowed, true, "Origin not allowed"},
    {404, kServerError, RejectReason::not_found, true, "No such path"},
    {404, kServerError, RejectReason::not_found, true, "No such adapter"},
    {405, kServerError, RejectReason::method_not_allowed, true, "Method not allowed"},
};
constexpr RefusalFacts kSessionUnknown{404, kSessionNotFound, RejectReason::session_not_found, true,
                                       "Session not found"};
constexpr RefusalFacts kSessionGone{404, kSessionNotFound, RejectReason::session_not_found, true,
                                    "Session not found: its server instance is gone"};
constexpr RefusalFacts kNotAllowed{403, kServerError, RejectReason::forbidden, true,
                                   "The access rules of this server do not allow this to you"};
constexpr RefusalFacts kUnclear{400, kInvalidRequest, RejectReason::bad_request, true,
                                "The access rules of this server cannot be held against this "
                                "message: it must be plain JSON in UTF-8 that names its method, "
                                "and the tool it calls, once, exactly, and early"};
constexpr RefusalFacts kUnreadable{502, kInternalError, RejectReason::bad_request, false,
                                   "The server has compressed an answer from which tools may have "
                                   "to be left out, although it was asked not to"};
// From no_ready_instance to first_byte_late.
constexpr RefusalFacts kOfServer[] = {
    {503, kInternalError, RejectReason::no_ready_instance, true, "No server instance is ready"},
    {502, kInternalError, RejectReason::bad_request, false, "Cannot connect to the server"},
    {502, kInternalError, RejectReason::bad_request, false,
     "Connecting to the server took too long"},
    {502, kInternalError, RejectReason::bad_request, false,
     "The server broke the connection before it answered"},
    {502, kInternalError, RejectReason::bad_request, false,
     "The server's answer is not valid HTTP"},
    {502, kInternalError, RejectReason::bad_request, false,
     "The server does not serve server/discover"},
    {504, kInternalError, RejectReason::bad_request, false, "The server did not answer in time"},
};
constexpr RefusalFacts kBodyTooLarge{413, kInvalidRequest, RejectReason::body_too_large, true,
                                     "Request body too large"};
constexpr RefusalFacts kContradiction{400, mcp::kHeaderMismatch, RejectReason::bad_request, true,
                                      "MCP-Protocol-Version, Mcp-Method or Mcp-Name contradicts "
                                      "the body, or is there twice"};
constexpr RefusalFacts kHeadTooLarge{431, kInvalidRequest, RejectReason::head_too_large, true,
                                     "Request header fields too large"};
constexpr RefusalFacts kBrokenBody{400, kInvalidRequest, RejectReason::bad_request, true,
                                   "Invalid request body framing"};
constexpr RefusalFacts kUnusableSession{502, kInternalError, RejectReason::bad_request, false,
                                        "The server issued a session id that is not visible ASCII "
                                        "or longer than 1024 bytes"};
constexpr RefusalFacts kUnusableEndpoint{
    502, kInternalError, RejectReason::bad_request, false,
    "The server's event stream does not begin with an endpoint "
    "event that leads to the server itself"};
constexpr RefusalFacts kNoSseServer{404, kServerError, RejectReason::not_found, true,
                                    "This adapter's server does not speak HTTP+SSE: use its /mcp"};
// From too_many_sessions to too_many_streams.
constexpr RefusalFacts kTooMany[] = {
    {429, kServerError, RejectReason::sessions_full, true,
     "Too many sessions are open: end some, or wait until idle ones expire", 60},
    {429, kServerError, RejectReason::rate_limited, true,
     "Too many requests of this session are under way", 1},
    {429, kServerError, RejectReason::quota_exhausted, true,
     "The quota is used up: Retry-After says when there is more"},
    {429, kServerError, RejectReason::rate_limited, true,
     "Too many requests: Retry-After says when to go on"},
    {429, kServerError, RejectReason::streams_full, true,
     "Too many event streams are open: close some", 10},
};
constexpr RefusalFacts kControlPlaneAway{503, kInternalError, RejectReason::bad_request, false,
                                         "The control plane is not reachable; traffic to servers "
                                         "goes on. Try again in a moment"};
constexpr RefusalFacts kOverloaded{503, kInternalError, RejectReason::exchanges_full, true,
                                   "The gateway is out of resources"};
constexpr RefusalFacts kDraining{503, kInternalError, RejectReason::draining, true,
                                 "The gateway is shutting down"};

}  // namespace

const RefusalFacts& facts_of(Refusal refusal) {
    switch (refusal) {
        case Refusal::bad_identity:
            return kBadIdentity;
        case Refusal::no_credentials:
        case Refusal::bad_credentials:
        case Refusal::bad_authorization:
        case Refusal::insufficient_scope:
        case Refusal::beyond_token:
        case Refusal::no_keys:
            return kCredentials[static_cast<int>(refusal) -
                                static_cast<int>(Refusal::no_credentials)];
        case Refusal::host_not_allowed:
        case Refusal::origin_not_allowed:
        case Refusal::unknown_path:
        case Refusal::unknown_adapter:
        case Refusal::method_not_allowed:
            return kByHead[static_cast<int>(refusal) - static_cast<int>(Refusal::host_not_allowed)];
        case Refusal::session_not_found:
            return kSessionUnknown;
        case Refusal::session_of_gone_instance:
            return kSessionGone;
        case Refusal::not_allowed:
            return kNotAllowed;
        case Refusal::unclear_message:
            return kUnclear;
        case Refusal::unreadable_list:
            return kUnreadable;
        case Refusal::no_ready_instance:
        case Refusal::cannot_connect:
        case Refusal::connect_timed_out:
        case Refusal::reset_before_answer:
        case Refusal::bad_answer:
        case Refusal::no_discovery:
        case Refusal::first_byte_late:
            return kOfServer[static_cast<int>(refusal) -
                             static_cast<int>(Refusal::no_ready_instance)];
        case Refusal::body_too_large:
            return kBodyTooLarge;
        case Refusal::header_contradicts_body:
            return kContradiction;
        case Refusal::head_too_large_with_ours:
            return kHeadTooLarge;
        case Refusal::broken_body_framing:
            return kBrokenBody;
        case Refusal::unusable_server_session:
            return kUnusableSession;
        case Refusal::unusable_endpoint:
            return kUnusableEndpoint;
        case Refusal::no_sse_server:
            return kNoSseServer;
        case Refusal::too_many_sessions:
        case Refusal::too_many_requests_of_session:
        case Refusal::quota_exhausted:
        case Refusal::rate_exceeded:
        case Refusal::too_many_streams:
            return kTooMany[static_cast<int>(refusal) -
                            static_cast<int>(Refusal::too_many_sessions)];
        case Refusal::control_plane_away:
            return kControlPlaneAway;
        case Refusal::overloaded:
            return kOverloaded;
        case Refusal::draining:
            return kDraining;
    }
    return kOverloaded;
}

Refusal refusal_of(Code backend_failure) {
    switch (backend_failure) {
        case Code::timed_out:
            return Refusal::connect_timed_out;
        case Code::reset:
            return Refusal::reset_before_answer;
        case Code::protocol:
            return Refusal::bad_answer;
        case Code::limit_exceeded:
            return Refusal::overloaded;
        case Code::invalid_argument:
        case Code::not_found:
        case Code::conflict:
        case Code::permission_denied:
        case Code::unavailable:
        case Code::cancelled:
        case Code::address_in_use:
        case Code::unsupported:
        case Code::io:
        case Code::no_space:
        case Code::corrupt:
        case Code::internal:
            break;
    }
    return Refusal::cannot_connect;
}

std::size_t write_jsonrpc_refusal(std::span<char> out, Refusal refusal, std::string_view id) {
    const RefusalFacts& facts = facts_of(refusal);
    return mcp::write_error(out, id, facts.code, facts.message);
}

std::size_t write_problem(std::span<char> out, Refusal refusal) {
    const RefusalFacts& facts = facts_of(refusal);
    const std::string_view title = http::reason_phrase(facts.status);
    const int size = std::snprintf(
        out.data(), out.size(),
        R"({"type":"about:blank","title":"%.*s","status":%u,"detail":"%.*s"})",
        static_cast<int>(title.size()), title.data(), static_cast<unsigned>(facts.status),
        static_cast<int>(facts.message.size()), facts.message.data());
    if (size < 0 || static_cast<std::size_t>(size) >= out.size()) return 0;
    return static_cast<std::size_t>(size);
}

}  // namespace mcpgw::exchange
