// The management API of sessions: GET /sessions and DELETE /sessions/{id} (CONTRACT sections 3, 7).
//
// Sessions live in data planes, which are asked one after the other, in the order of their names.
// An id is PROCESS-ID: the data plane, and the session in it. A data plane that does not answer is
// left out of a list, and a list that takes too long ends early, with a link to the rest.
// Administrators see and end all sessions, everybody else their own: who asks is a part of the
// question, so a session of others is as unknown as one that does not exist.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/contract/sessions.h"
#include "common/result.h"
#include "common/time.h"
#include "controlplane/api/answer.h"
#include "controlplane/identity/principal.h"
#include "controlplane/store/store.h"

namespace mcpgw::api {

// How data planes are asked; each function may be called by any thread, and may take a while.
struct SessionServices {
    std::function<std::vector<std::string>()> processes;  // in order
    std::function<Result<contract::SessionsPage>(const std::string& process,
                                                 contract::SessionsQuery query, Nanos until)>
        page;
    std::function<Result<contract::SessionEnded>(const std::string& process,
                                                 contract::SessionEnd wish)>
        end;
    std::function<Nanos()> now = monotonic_now;
};

[[nodiscard]] bool is_sessions_path(std::string_view path);

class SessionRoutes {
  public:
    // `store` keeps the audit log and outlives the routes.
    SessionRoutes(SessionServices services, identity::AccessRules access, store::Store* store)
        : services_(std::move(services)), access_(std::move(access)), store_(store) {}

    // Any thread; for paths of is_sessions_path.
    [[nodiscard]] Answer answer(const Call& call);

  private:
    // Where a page starts, or the next one does.
    struct Place {
        std::string process;
        std::uint64_t after = 0;
    };

    // What a call collects from one data plane after the other.
    struct List;

    [[nodiscard]] Answer ask(const Call& call, std::string_view path);
    [[nodiscard]] Answer list(const Call& call);
    // Where the list goes on, if it does not end with this data plane.
    [[nodiscard]] std::optional<Place> collect(const std::string& process, List& list);
    [[nodiscard]] Answer end(const Call& call, std::string_view public_id);
    [[nodiscard]] static Result<Place> place_of(const std::string& cursor);
    void note_end(const Call& call, std::string_view public_id,
                  const contract::SessionEnded& ended);

    const SessionServices services_;
    const identity::AccessRules access_;
    store::Store* const store_;
    std::atomic<std::size_t> calls_ = 0;  // that ask data planes at the moment
};

}  // namespace mcpgw::api
