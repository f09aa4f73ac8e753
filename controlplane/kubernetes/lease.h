// Which of several gateways may write: the leader, elected by a coordination.k8s.io Lease.
//
// is_leader() looks at the clock itself, so a process that was stopped or is stuck is no leader any
// more when it goes on, even before its thread has noticed. Leadership ends limits::
// kubernetes_lease_renew_ms after the last renewal was begun; others wait for kubernetes_lease_ms.
// A call that was begun as leader may still arrive later than that: bound its timeout by the
// difference, or give it a precondition. The rules are in election.h.
// Owner: the deployer. One thread; the destructor gives the lease back.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "common/time.h"
#include "controlplane/kubernetes/api_client.h"
#include "controlplane/kubernetes/election.h"

namespace mcpgw::kubernetes {

struct LeaderOptions {
    LeaseName lease{};       // e.g. {"adapter", "mcp-gateway"}
    std::string identity{};  // empty: host name and a random number
    LeaseTimes times{};
    // On the leader's thread, whenever is_leader() has changed; must not throw or block for long.
    std::function<void(bool is_leader)> on_change{};
    // On the leader's thread: the election cannot be held (forbidden, no contact, ...); once per
    // reason. Empty text: it can again.
    std::function<void(const std::string& why)> on_trouble{};
    // CLOCK_BOOTTIME if empty: unlike the monotonic clock it goes on while the machine sleeps.
    std::function<Nanos()> clock{};
};

class Leader {
  public:
    // `client` must outlive this. Destroy it before ApiClient::cancel_all, or the others wait for
    // the lease to run out.
    Leader(ApiClient& client, LeaderOptions options);
    Leader(const Leader&) = delete;
    Leader& operator=(const Leader&) = delete;
    ~Leader();

    // Any thread.
    [[nodiscard]] bool is_leader() const;
    // Any thread: who leads as far as is known, for people; empty: nobody.
    [[nodiscard]] std::string holder() const;
    [[nodiscard]] const std::string& identity() const;

  private:
    struct Body;
    std::unique_ptr<Body> body_;
};

}  // namespace mcpgw::kubernetes
