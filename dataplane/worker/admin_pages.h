// What the admin listener shows: metrics of all workers and the live state.
//
// Used on the admin worker's thread only; it reads counters that other threads write.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "dataplane/exchange/services.h"
#include "dataplane/link/control_link.h"
#include "dataplane/route/publication.h"
#include "dataplane/worker/janitor.h"
#include "dataplane/worker/worker.h"

namespace mcpgw::worker {

class ProcessPages final : public exchange::AdminPages {
  public:
    struct Sources {
        std::vector<const WorkerMetrics*> metrics;
        std::vector<const Mailbox*> mailboxes;  // of the workers, in order
        Publication* publication = nullptr;
        const ControlLink* link = nullptr;
        const SharedSessions* sessions = nullptr;
        const Janitor* janitor = nullptr;
        const limit::Limiter* limiter = nullptr;
        const RequestLog* audit = nullptr;  // nullptr: there is none
        std::string program_version;
    };
    explicit ProcessPages(Sources sources) : sources_(std::move(sources)) {}

    void set_engine(std::string engine) { engine_ = std::move(engine); }
    [[nodiscard]] std::string metrics() override;
    [[nodiscard]] std::string debug_state() override;
    [[nodiscard]] bool draining() const override {
        return !sources_.mailboxes.empty() && sources_.mailboxes.front()->draining();
    }

  private:
    Sources sources_;
    std::string engine_;
};

}  // namespace mcpgw::worker
