// The backend connections of one worker: leased ones and idle ones, by instance.
//
// Idle connections are reused last in, first out, so that the rest can time out; at most
// idle_backend_connections_max stay per instance.
#pragma once

#include <cstdint>
#include <unordered_map>

#include "common/result.h"
#include "common/slot_table.h"
#include "dataplane/backend/http1_backend.h"

namespace mcpgw::backend {

class Pool {
  public:
    explicit Pool(transport::Context& context);
    ~Pool();

    // A connection to the destination for one exchange: an idle one, or a new one that connects
    // while the request is already queued on it. Fails when no connection slot or socket is left.
    [[nodiscard]] Result<flow::BackendEnd*> lease(const Destination& destination,
                                                  flow::BackendEvents& events);

    // A new connection, which connects; nobody has leased it yet.
    [[nodiscard]] Result<Http1Backend*> connect(const Destination& destination);

    // For Http1Backend: an exchange is done with it and it can serve again.
    void put_idle(Http1Backend& backend);
    // For Http1Backend: it is closed; free it when the tick is over.
    void bury_later(Http1Backend& backend);
    void bury();

    // Ends every idle connection.
    void end_idle();
    // From now on no connection idles: each ends with its exchange.
    void drain() {
        draining_ = true;
        end_idle();
    }
    [[nodiscard]] std::size_t connections() const { return table_.used(); }

  private:
    struct IdleList {
        List<Http1Backend, IdleTag> connections;
        std::size_t count = 0;
    };
    Http1Backend* take_idle(std::uint64_t key);

    transport::Context& context_;
    SlotTable<Http1Backend> table_;
    std::unordered_map<std::uint64_t, IdleList> idle_;
    List<Http1Backend, IdleTag> closed_;
    bool draining_ = false;
};

}  // namespace mcpgw::backend
