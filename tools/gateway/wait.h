// `--wait`: looks at a status again and again until the deployment is as it was described.
//
// Ready means that the gateway has looked at the newest definition, that as many instances as are
// wanted run it and are ready, and that no other is left. Progress goes to standard error: one line
// that is written over on a terminal, else a line for each change. A gateway that does not answer
// for a moment (it may be restarted) is waited for, too.
#pragma once

#include <string>
#include <string_view>

#include "common/limits.h"
#include "common/time.h"
#include "controlplane/model/kind.h"
#include "tools/gateway/gateway_client.h"
#include "tools/gateway/json_tree.h"

namespace mcpgw::cli {

// What one look says.
struct Progress {
    bool is_ready = false;
    std::string line;  // "x: 1/3 ready, x-2: pulling the image", without control characters
};
[[nodiscard]] Progress progress_of(std::string_view name, const JsonValue& status);

struct Wait {
    model::Kind kind = model::Kind::adapter;
    std::string name;
    Nanos until = 0;                                       // monotonic; one look is always taken
    std::uint32_t timeout_seconds = limits::wait_seconds;  // what led to `until`, for people
};
struct Waited {
    int exit_status = 0;  // of the verb; any complaint is made
    JsonValue status;     // the last that was seen; null if none was
};
[[nodiscard]] Waited wait_until_ready(GatewayClient& client, const Wait& wait);

}  // namespace mcpgw::cli
