// How much tenants have used of this process, for whoever asks through the control plane.
//
// Runs on the link's thread, beside the workers; all that it reads is lock-free.
#pragma once

#include "dataplane/limit/limiter.h"
#include "dataplane/link/usage_directory.h"
#include "dataplane/route/publication.h"
#include "dataplane/session/shared_sessions.h"

namespace mcpgw::worker {

class UsageList final : public UsageDirectory {
  public:
    // All outlive the list.
    UsageList(const SharedSessions& sessions, Publication& publication,
              const limit::Limiter& limiter)
        : sessions_(sessions), publication_(publication), limiter_(limiter) {}

    void list(const contract::UsageQuery& query, contract::UsagePage& page) override;

  private:
    const SharedSessions& sessions_;
    Publication& publication_;
    const limit::Limiter& limiter_;
};

}  // namespace mcpgw::worker
