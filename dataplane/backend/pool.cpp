// Leasing, keeping and burying backend connections.
#include "dataplane/backend/pool.h"

#include <algorithm>

namespace mcpgw::backend {

Pool::Pool(transport::Context& context)
    : context_(context),
      table_(limits::connections_per_worker_max),
      destinations_(limits::connections_per_worker_max),
      awaited_heads_(limits::connections_per_worker_max) {}

Pool::~Pool() {
    check(table_.used() == 0, "a pool dies after its connections");
}

Pool::Place& Pool::place_of(const Http1Backend& backend) {
    const auto found = places_.find(backend.key());
    check(found != places_.end(), "a place stays while it has connections");
    return found->second;
}

Http1Backend* Pool::take_idle(std::uint64_t key) {
    const auto found = places_.find(key);
    if (found == places_.end()) return nullptr;
    Place& place = found->second;
    while (!place.idle.empty()) {
        Http1Backend* backend = place.idle.back();
        place.idle.pop_back();
        if (backend->usable()) return backend;
        backend->end();
    }
    return nullptr;
}

Result<flow::BackendEnd*> Pool::lease(const Destination& destination, flow::BackendEvents& events) {
    Http1Backend* backend = take_idle(destination.key);
    if (backend == nullptr) {
        auto fresh = connect(destination);
        if (!fresh) return std::unexpected(fresh.error());
        backend = *fresh;
    }
    backend->lease(events);
    return backend;
}

Result<Http1Backend*> Pool::connect_again(std::uint64_t key) {
    const auto found = places_.find(key);
    if (found == places_.end()) return failure(Code::not_found, "no connection of that key");
    return connect(found->second.destination);
}

Result<Http1Backend*> Pool::connect(const Destination& destination) {
    auto socket = context_.ring.open_socket(reinterpret_cast<const sockaddr&>(destination.address));
    if (!socket) return std::unexpected(socket.error());
    Http1Backend* backend = table_.acquire(context_, *this, destination.key);
    if (backend == nullptr) {
        context_.metrics.exhausted[Resource::backend_connections].add();
        context_.ring.close(*socket);
        return failure(Code::limit_exceeded, "no backend connection is left");
    }
    // The kernel reads the address later, when the place may already have another one.
    Destination* own = destinations_.acquire(destination);
    check(own != nullptr, "there are as many destinations as connections");
    backend->connect(*socket, *own);
    Place& place = places_[destination.key];
    ++place.connections;
    place.destination = *own;
    return backend;
}

void Pool::put_idle(Http1Backend& backend) {
    Place& place = place_of(backend);
    if (draining_ || place.idle.size() >= limits::idle_backend_connections_max)
        return backend.end();
    place.idle.push_back(&backend);
}

void Pool::bury_later(Http1Backend& backend) {
    // The oldest ones, which end first, are in front.
    std::vector<Http1Backend*>& idle = place_of(backend).idle;
    const auto found = std::find(idle.begin(), idle.end(), &backend);
    if (found != idle.end()) idle.erase(found);
    static_cast<ListNode<transport::DirtyTag>&>(backend).unlink();
    closed_.push_back(backend);
}

void Pool::bury() {
    while (Http1Backend* backend = closed_.pop_front()) {
        --place_of(*backend).connections;
        table_.release(backend);
    }
    // Instances come and go under new keys; their places go now and then.
    if (places_.size() > limits::idle_destinations_max)
        std::erase_if(places_, [](const auto& item) { return item.second.connections == 0; });
}

void Pool::end_idle() {
    for (auto& [key, place] : places_) {
        for (Http1Backend* backend : place.idle)
            backend->end();
        place.idle.clear();
    }
}

}  // namespace mcpgw::backend
