// What all workers of a data plane share about sessions and tasks. Each part is lock-free and of a
// fixed size; none is on disk: after a restart sealed ids say where a session is, and the table
// learns of it with its next request.
#pragma once

#include "dataplane/session/ended_sessions.h"
#include "dataplane/session/farewell_mail.h"
#include "dataplane/session/posted_ids.h"
#include "dataplane/session/session_table.h"
#include "dataplane/session/task_places.h"

namespace mcpgw {

struct SharedSessions {
    explicit SharedSessions(const SessionTable::Options& options) : table(options) {}

    SessionTable table;
    EndedSessions ended;
    PostedIds posted;
    TaskPlaces tasks;
    FarewellMail farewells;
};

}  // namespace mcpgw
