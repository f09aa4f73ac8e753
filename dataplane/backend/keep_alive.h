// How long a server lets an idle connection live, as it says in the field Keep-Alive: timeout=N.
//
// The field stands in RFC 2068 section 19.7.1.1 and is sent by Node and others. The gateway lets go
// before the server does, so that no request is written into a connection that is being closed.
#pragma once

#include <cstdint>
#include <string_view>

namespace mcpgw::backend {

// For how long a connection may wait for its next request, given the value of the field (empty when
// it is absent): at most limits::backend_idle_timeout_ms, and below what the server grants. 0: not
// at all.
[[nodiscard]] std::uint32_t idle_time_ms(std::string_view keep_alive);

}  // namespace mcpgw::backend
