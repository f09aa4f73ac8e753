// What all workers of a data plane share about sessions and tasks. Each part is lock-free and of a
// fixed size; none is on disk: after a restart sealed ids say where a session is.
#pragma once

#include "dataplane/session/ended_sessions.h"
#include "dataplane/session/task_places.h"

namespace mcpgw {

struct SharedSessions {
    EndedSessions ended;
    TaskPlaces tasks;
};

}  // namespace mcpgw
