// Slots for client connections and their exchanges.
#include "dataplane/client/table.h"

namespace mcpgw::client {

Table::Table(exchange::Services& services, std::size_t connections_max)
    : services_(services),
      date_(services.context.ring),
      clients_(connections_max),
      exchanges_(connections_max) {}

Table::~Table() {
    check(clients_.used() == 0, "the table dies after its connections");
}

bool Table::adopt(int socket, std::string_view peer_address, bool loopback_listener) {
    Http1Client* client = clients_.acquire(services_, *this, loopback_listener);
    if (client == nullptr) return false;
    alive_.push_back(*client);
    client->adopt(socket, peer_address);
    return true;
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
        clients_.release(client);
    }
}

void Table::drain() {
    alive_.for_each([](Http1Client& client) { client.drain(); });
}

void Table::wind_up() {
    alive_.for_each([](Http1Client& client) { client.wind_up(); });
}

void Table::lose_all() {
    alive_.for_each([](Http1Client& client) { client.lose(); });
}

}  // namespace mcpgw::client
