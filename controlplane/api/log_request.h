// The query of GET /adapters/{name}/logs (CONTRACT section 4).
//
//   instance  0, 1, ...                 tail    lines, 0 to limits::log_lines_max
//   follow    true | false              since   RFC 3339 time, or how long ago: 90, 90s, 15m, 2h,
//   1d previous  true | false
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "controlplane/api/answer.h"
#include "controlplane/deploy/deployer.h"
#include "controlplane/model/field_reader.h"

namespace mcpgw::api {

// Complaints go to `errors`, keyed by parameter.
[[nodiscard]] deploy::LogQuery read_log_query(const Call& call, std::uint64_t now_unix_ms,
                                              model::FieldErrors& errors);

}  // namespace mcpgw::api
