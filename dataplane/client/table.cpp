// Slots for client connections and their exchanges.
#include "dataplane/client/table.h"

namespace mcpgw::client {

Table::Table(exchange::Services& services, std::size_t connections_max, AddressCounts* addresses)
    : services_(services),
      addresses_(addresses),
      date_(services.context.wall_clock),
      clients_(connections_max),
      exchanges_(connections_max),
      incoming_(connections_max) {}

Table::~Table() {
    check(clients_.used() == 0, "the table dies after its connections");
}

Table::Adoption Table::adopt(int socket, std::string_view peer_address, bool loopback_listener) {
    if (clients_.full()) return Adoption::full;
    if (addresses_ != nullptr && !addresses_->enter(peer_address))
        return Adoption::too_many_of_address;
    Http1Client* client = clients_.acquire(services_, *this, loopback_listener);
    check(client != nullptr, "a table that is not full has a slot");
    alive_.push_back(*client);
    client->adopt(socket, peer_address);
    return Adoption::adopted;
}

exchange::Exchange* Table::open_exchange(flow::ClientEnd& client, exchange::PendingHead& head,
                                         const exchange::ClientFacts& facts) {
    return exchanges_.acquire(services_, client, head, facts);
}

void Table::bury_later(Http1Client& client) {
    static_cast<ListNode<ClientTag>&>(client).unlink();
    closed_.push_back(client);
}

void Table::bury() {
    while (Http1Client* client = closed_.pop_front()) {
        static_cast<ListNode<transport::DirtyTag>&>(*client).unlink();
        if (addresses_ != nullptr) addresses_->leave(client->address().text().view());
        clients_.release(client);
    }
}

void Table::drain() {
    alive_.for_each([](Http1Client& client) { client.drain(); });
}

void Table::wind_up() {
    alive_.for_each([](Http1Client& client) { client.wind_up(); });
}

void Table::relieve() {
    alive_.for_each([](Http1Client& client) { client.relieve(); });
}

void Table::lose_all() {
    alive_.for_each([](Http1Client& client) { client.lose(); });
}

}  // namespace mcpgw::client
