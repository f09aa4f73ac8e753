// What the link asks the owner of the sessions, for the control plane.
//
// Called on the link thread, which does nothing else meanwhile: each call looks at a bounded number
// of sessions and waits for nothing. Ids are those of contract/sessions.h: letters and digits that
// stand for one session in this process, and for no other one later.
#pragma once

#include "common/contract/sessions.h"

namespace mcpgw {

class SessionDirectory {
  public:
    SessionDirectory() = default;
    SessionDirectory(const SessionDirectory&) = delete;
    SessionDirectory& operator=(const SessionDirectory&) = delete;

    // Up to `query.limit` sessions that match, in an order that stays, from where `query.after`
    // says. Fewer with `next` set: there may be more, ask again. Sets `items` and `next` alone.
    virtual void list(const contract::SessionsQuery& query, contract::SessionsPage& page) = 0;
    // Ends the session as if its client had sent DELETE. False: there is none with this id that
    // belongs to `wish.user` (empty: to whomever). Sets what `ended` says of the session.
    [[nodiscard]] virtual bool end(const contract::SessionEnd& wish,
                                   contract::SessionEnded& ended) = 0;

  protected:
    ~SessionDirectory() = default;
};

}  // namespace mcpgw
