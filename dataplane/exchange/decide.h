// Where a request goes: one function from what is known about it to what happens with it.
//
// Called when the head is complete and the body has been looked at (or enough of it has arrived).
// It asks auth, route and session in this order: Host and Origin, path and method, identity,
// adapter and read access, the adapter's access rules, session or choice of an instance.
#pragma once

#include <optional>
#include <span>

#include "common/protocol/http_message.h"
#include "common/protocol/jsonrpc_peek.h"
#include "common/protocol/mcp.h"
#include "dataplane/auth/identity.h"
#include "dataplane/exchange/failure.h"
#include "dataplane/exchange/services.h"
#include "dataplane/route/target.h"

namespace mcpgw::exchange {

struct Question {
    const http::RequestHead& head;
    const Target& target;
    const jsonrpc::Peek* peek;  // nullptr: there is no body
    bool loopback_listener = false;
    std::uint64_t except = 0;  // an instance that is not chosen: it has just failed. 0: none
    transport::PeerAddress peer = {};
    const transport::Segment* held = nullptr;  // the body, as far as it has come and is held
    bool body_complete = true;
};

struct Decision {
    // hold: the access rules need to see more of the body first.
    enum class Kind : std::uint8_t { refuse, local, forward, hold };
    Kind kind = Kind::refuse;
    Refusal refusal = Refusal::unknown_path;
    mcp::Era era = mcp::Era::legacy;
    auth::Identity identity;
    auth::TokenFault token_fault = auth::TokenFault::none;  // with bad_credentials
    std::uint64_t unknown_keys_issuer = 0;  // who may have the key that nobody knows; 0: nobody
    const Adapter* adapter = nullptr;       // known adapters only
    const Instance* instance = nullptr;     // nullptr with `forward`: to the control plane
    bool session_bound = false;             // the instance was named by a session id
    bool opens_sse = false;                 // it asks for the event stream of an HTTP+SSE server
    EndedSessions::Mark session_mark = 0;
    std::uint64_t session_instance = 0;  // which has issued it
    std::string_view server_session_id;  // what the server knows the session by; may be empty
    // Where on the server the request goes; empty: to the path of the instance.
    std::string_view server_target;
    // By the access rules: what still comes of the body is to say nothing else, and the answer may
    // have a list of tools from which some are left out.
    bool checks_body = false;
    bool filters_tools = false;
    std::uint64_t rules_concerning = 0;
    std::string_view allow;  // with `method_not_allowed`, if not that of the target
    std::optional<SessionRefusal> sessions_full = {};  // with `too_many_sessions`: whose are
};

// What the head alone settles: refusals and local answers are final; `forward` has no instance yet.
[[nodiscard]] Decision decide_by_head(const Question& question, Services& services);

// `scratch` (Sealer::kScratchBytes) keeps the server's session id.
[[nodiscard]] Decision decide(const Question& question, Services& services,
                              std::span<std::byte> scratch);

// Before the sealed value in the query of an HTTP+SSE endpoint (MCP 2024-11-05).
inline constexpr std::string_view kEndpointParameter = "sessionId=";

// Whose limits a request counts against; `adapter` is known, and there is a table.
[[nodiscard]] limit::Subjects subjects_of(const Services& services, const Adapter& adapter,
                                          std::string_view tenant, std::string_view user);

// Why a new session would be refused, as far as is known before its server has opened it.
[[nodiscard]] std::optional<SessionRefusal> why_sessions_are_full(const Services& services,
                                                                  const limit::Subjects& subjects);

// The methods of every page of the admin listener.
inline constexpr std::string_view kAdminAllow = "GET, HEAD, OPTIONS";

}  // namespace mcpgw::exchange
