// The rules of an election by a Lease, without clock, thread or socket.
//
// A candidate asks for the lease, and when it is free or its holder has not renewed it for the
// holder's own leaseDurationSeconds, writes itself into it with the resourceVersion that it has
// read. Times in the lease are for people: how old a foreign renewal is counts from when it was
// first seen here, so clocks may differ as they like. A leader counts its time from before it asked
// for a renewal, and only for `renew_ms`, so it has stopped before anybody else may begin.
// Owner: Leader (lease.h). Not thread-safe.
#pragma once

#include <cstdint>
#include <string>

#include <picojson.h>

#include "common/limits.h"
#include "common/time.h"
#include "controlplane/kubernetes/api_client.h"

namespace mcpgw::kubernetes {

struct LeaseTimes {
    std::uint32_t duration_ms = limits::kubernetes_lease_ms;     // in whole seconds
    std::uint32_t renew_ms = limits::kubernetes_lease_renew_ms;  // leader without renewal this long
    std::uint32_t retry_ms = limits::kubernetes_lease_retry_ms;  // between two attempts
    std::uint32_t call_ms = limits::kubernetes_lease_call_ms;    // for one answer
};

struct LeaseName {
    std::string name_space;
    std::string name;
};

class Election {
  public:
    // `identity` is unique among the candidates, and new for every start of a process.
    Election(LeaseName lease, std::string identity, LeaseTimes times);

    // The next call of the present attempt. `unix_ms` is only written into the lease.
    [[nodiscard]] Call next_call(Nanos now, std::uint64_t unix_ms);
    // What came of it. True: the attempt goes on with another next_call at once. False: it is
    // over, wait for pause().
    [[nodiscard]] bool on_outcome(const Outcome& outcome, Nanos now);
    // Until the next attempt; `random` scatters it.
    [[nodiscard]] Nanos pause(std::uint64_t random) const;

    [[nodiscard]] bool is_leader(Nanos now) const { return now < leader_until_; }
    // 0: never was, or has given it back.
    [[nodiscard]] Nanos leader_until() const { return leader_until_; }
    // Who holds the lease as far as is known; empty: nobody.
    [[nodiscard]] const std::string& holder() const { return record_.holder; }

    // Ends leadership here and gives the call that says so to the others.
    [[nodiscard]] Call release_call(std::uint64_t unix_ms);

  private:
    //  reading -> creating | taking | renewing -> reading ...
    enum class State : std::uint8_t { reading, creating, taking, renewing };

    // The lease as it was last read or written; what others keep in it is kept.
    struct Record {
        picojson::value object;
        std::string resource_version;  // empty: there is no lease
        std::string holder;
        std::int64_t duration_ms = 0;
        std::int64_t transitions = 0;
    };

    void take_record(const std::string& body, Nanos now);
    [[nodiscard]] bool decide(Nanos now);
    [[nodiscard]] Call write_call(std::uint64_t unix_ms);
    [[nodiscard]] Call call_of(const char* method, std::string body) const;

    const LeaseName lease_;
    const std::string identity_;
    const LeaseTimes times_;
    State state_ = State::reading;
    Record record_;
    Nanos observed_at_ = 0;  // when record_ was first seen
    Nanos asked_at_ = 0;     // when the call that is under way was made
    Nanos leader_until_ = 0;
};

}  // namespace mcpgw::kubernetes
