// Which draining instances nobody uses any more, by what the data planes say.
//
// A data plane speaks for itself only, and only for the snapshot that it has in force: what it says
// counts if that snapshot had the instance draining without interruption until now, and for a few
// seconds (limits::drained_news_ms_max), because a session that another gateway has opened may
// appear at any time. An instance is drained once all connected data planes have said so.
//
// Owned by the publisher's thread.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "common/contract/events.h"
#include "common/contract/snapshot.h"
#include "common/time.h"

namespace mcpgw::publish {

class Drains {
  public:
    // `adapter` is what `version` says of `name`; null: it is gone.
    void note_version(std::uint64_t version, std::string_view name,
                      const contract::Adapter* adapter);
    // A data plane (any number that is its own) says that it has nothing on an instance.
    void note_event(const contract::InstanceDrained& event, std::uint64_t data_plane, Nanos now);
    // Whether each of these data planes, and there is one, has said so lately.
    [[nodiscard]] bool is_drained(std::uint64_t instance,
                                  std::span<const std::uint64_t> data_planes, Nanos now) const;

  private:
    struct Drain {
        std::string adapter;
        std::uint64_t since = 0;                 // the version in which it began
        std::map<std::uint64_t, Nanos> said_at;  // by data plane
    };
    std::map<std::uint64_t, Drain> by_instance_;
};

}  // namespace mcpgw::publish
