// The backend connections of one worker: leased ones and idle ones, by instance.
//
// Idle connections are reused last in, first out, so that the rest can time out; at most
// idle_backend_connections_max stay per instance. Where an instance is, is known once for all its
// connections: as of the newest one, for as long as there is any.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

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

    // A new connection to where the newest of the key went; nobody has leased it yet.
    [[nodiscard]] Result<Http1Backend*> connect_again(std::uint64_t key);

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
    // What its connections use for a time.
    [[nodiscard]] SlotTable<Destination>& destinations() { return destinations_; }
    [[nodiscard]] SlotTable<AwaitedHead>& awaited_heads() { return awaited_heads_; }

  private:
    struct Place {
        Destination destination;          // of the newest connection
        std::vector<Http1Backend*> idle;  // the one that was used last is at the end
        std::size_t connections = 0;      // idle and leased ones, until they are buried
    };
    [[nodiscard]] Result<Http1Backend*> connect(const Destination& destination);
    [[nodiscard]] Http1Backend* take_idle(std::uint64_t key);
    [[nodiscard]] Place& place_of(const Http1Backend& backend);

    transport::Context& context_;
    SlotTable<Http1Backend> table_;
    SlotTable<Destination> destinations_;
    SlotTable<AwaitedHead> awaited_heads_;
    std::unordered_map<std::uint64_t, Place> places_;
    List<Http1Backend, transport::DirtyTag> closed_;  // instead of being dirty
    bool draining_ = false;
};

}  // namespace mcpgw::backend
