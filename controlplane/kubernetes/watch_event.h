// One line of a watch: what has happened to which object.
//
// Kinds of events that nobody knows yet are `other`, and to be ignored. Pure; fuzzed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <picojson.h>

#include "common/result.h"
#include "controlplane/kubernetes/failure.h"

namespace mcpgw::kubernetes {

struct WatchEvent {
    enum class Kind : std::uint8_t { added, modified, deleted, bookmark, error, other };

    Kind kind = Kind::other;
    picojson::value object;
    std::string resource_version;  // not empty for added, modified, deleted and bookmark
    std::string name;              // not empty for added, modified and deleted
    std::string uid;               // likewise
    Failure failure;               // of `error`
};

// protocol: not an event, or one that lacks what its kind must have.
[[nodiscard]] Result<WatchEvent> parse_watch_line(std::string_view line);

}  // namespace mcpgw::kubernetes
