// The sessions of this process for whoever asks through the control plane: listing and ending.
//
// Runs on the link's thread, beside the workers: it reads the session table, which is lock-free,
// and leaves the end of a session to the janitor. One question looks at a bounded number of
// sessions; a page may therefore hold less than was asked for, and still go on.
#pragma once

#include "dataplane/link/session_directory.h"
#include "dataplane/route/instance_index.h"
#include "dataplane/route/publication.h"
#include "dataplane/session/shared_sessions.h"
#include "dataplane/worker/janitor.h"

namespace mcpgw::worker {

class SessionList final : public SessionDirectory {
  public:
    // All outlive the list.
    SessionList(SharedSessions& sessions, Publication& publication, Janitor& janitor)
        : sessions_(sessions), publication_(publication), janitor_(janitor) {}

    void list(const contract::SessionsQuery& query, contract::SessionsPage& page) override;
    [[nodiscard]] bool end(const contract::SessionEnd& wish,
                           contract::SessionEnded& ended) override;

  private:
    void add(const SessionRecord& record, const contract::SessionsQuery& query,
             contract::SessionsPage& page) const;

    SharedSessions& sessions_;
    Publication& publication_;
    Janitor& janitor_;
    InstanceIndex places_;
};

}  // namespace mcpgw::worker
