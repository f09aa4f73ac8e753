// The client connections and exchanges of one worker: where they live, and where they are buried.
//
// A connection that is closed waits in a list until the tick is over; nothing is freed while owners
// are advanced.
#pragma once

#include "common/slot_table.h"
#include "dataplane/client/address_counts.h"
#include "dataplane/client/date_clock.h"
#include "dataplane/client/http1_client.h"

namespace mcpgw::client {

class Table {
  public:
    enum class Adoption : std::uint8_t { adopted, full, too_many_of_address };

    // `addresses` is shared by all workers; nullptr: no limit per address.
    Table(exchange::Services& services, std::size_t connections_max, AddressCounts* addresses);
    ~Table();

    // Takes an accepted socket, or leaves it to the caller to close.
    [[nodiscard]] Adoption adopt(int socket, std::string_view peer_address, bool loopback_listener);
    [[nodiscard]] bool full() const { return clients_.full(); }
    [[nodiscard]] std::size_t connections() const { return clients_.used(); }
    [[nodiscard]] std::size_t exchanges() const { return exchanges_.used(); }

    // nullptr when no exchange is left.
    [[nodiscard]] exchange::Exchange* open_exchange(flow::ClientEnd& client,
                                                    exchange::PendingHead& head,
                                                    const exchange::ClientFacts& facts);
    void close_exchange(exchange::Exchange& exchange) { exchanges_.release(&exchange); }

    [[nodiscard]] std::string_view date() { return date_.text(services_.context.now); }

    // What its connections use while they read a request.
    [[nodiscard]] SlotTable<IncomingRequest>& incoming() { return incoming_; }

    void bury_later(Http1Client& client);
    void bury();
    void drain();
    // The time to drain is over: everybody gets a last answer.
    void wind_up();
    // Receive buffers are scarce: everybody lets go of what can be let go.
    void relieve();
    void lose_all();

  private:
    exchange::Services& services_;
    AddressCounts* addresses_;
    DateClock date_;
    SlotTable<Http1Client> clients_;
    SlotTable<exchange::Exchange> exchanges_;
    SlotTable<IncomingRequest> incoming_;
    List<Http1Client, ClientTag> alive_;
    List<Http1Client, ClientTag> closed_;
};

}  // namespace mcpgw::client
