// Which header fields go through, in both directions, and which the gateway sets itself.
//
// End-to-end fields pass unless they carry credentials, identity or a claim about the way (RFC 9110
// section 7.6; MCP authorization, token passthrough). Views point into the head that came in.
#pragma once

#include <array>
#include <string_view>

#include "common/protocol/http_message.h"
#include "dataplane/exchange/decide.h"

namespace mcpgw::exchange {

// Composed values live here while the head is written.
struct FieldScratch {
    std::array<char, 512> forwarded;
    std::array<char, 64> traceparent;
};

struct RequestFieldsIn {
    const http::RequestHead& head;
    const Decision& decision;
    std::string_view client_address;  // numeric, without port; empty for Unix sockets
    Random& random;
    std::string_view scheme = "http";  // that the client has used
    std::string_view host = {};        // that it has asked for; empty: as the head has it
    std::string_view assertion = {};   // of the caller's identity; empty: none is wanted
};

// The fields towards a server (or the control plane): end-to-end fields of the client without
// credentials and identity, then the gateway's own. False if there are too many.
[[nodiscard]] bool make_request_fields(const RequestFieldsIn& in, FieldScratch& scratch,
                                       http::Fields& out);

// The fields towards the client. `sealed_session_id` replaces the server's own when not empty.
[[nodiscard]] bool make_response_fields(const http::ResponseHead& head,
                                        std::string_view sealed_session_id, http::Fields& out);

// What the head says of its body: text/event-stream; in a coding other than identity.
[[nodiscard]] bool is_event_stream(const http::ResponseHead& head);
[[nodiscard]] bool is_encoded(const http::ResponseHead& head);

}  // namespace mcpgw::exchange
