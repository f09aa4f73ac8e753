// Leasing, keeping and burying backend connections.
#include "dataplane/backend/pool.h"

namespace mcpgw::backend {

Pool::Pool(transport::Context& context)
    : context_(context), table_(limits::connections_per_worker_max) {}

Pool::~Pool() {
    check(table_.used() == 0, "a pool dies after its connections");
}

Http1Backend* Pool::take_idle(std::uint64_t key) {
    const auto found = idle_.find(key);
    if (found == idle_.end()) return nullptr;
    IdleList& list = found->second;
    while (Http1Backend* backend = list.connections.pop_front()) {
        --list.count;
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

Result<Http1Backend*> Pool::connect(const Destination& destination) {
    auto socket = context_.ring.open_socket(destination.address.ss_family);
    if (!socket) return std::unexpected(socket.error());
    Http1Backend* backend = table_.acquire(context_, *this, destination);
    if (backend == nullptr) {
        context_.metrics.exhausted[Resource::backend_connections].add();
        context_.ring.close(*socket);
        return failure(Code::limit_exceeded, "no backend connection is left");
    }
    backend->connect(*socket);
    return backend;
}

void Pool::put_idle(Http1Backend& backend) {
    IdleList& list = idle_[backend.key()];
    if (draining_ || list.count >= limits::idle_backend_connections_max) return backend.end();
    list.connections.push_front(backend);
    ++list.count;
}

void Pool::bury_later(Http1Backend& backend) {
    auto& node = static_cast<ListNode<IdleTag>&>(backend);
    if (node.is_linked()) {
        node.unlink();
        const auto found = idle_.find(backend.key());
        if (found != idle_.end() && found->second.count > 0) --found->second.count;
    }
    closed_.push_back(backend);
}

void Pool::bury() {
    while (Http1Backend* backend = closed_.pop_front()) {
        static_cast<ListNode<transport::DirtyTag>&>(*backend).unlink();
        table_.release(backend);
    }
    // Instances come and go under new keys; their empty lists go now and then.
    if (idle_.size() > limits::idle_destinations_max)
        std::erase_if(idle_, [](const auto& item) { return item.second.count == 0; });
}

void Pool::end_idle() {
    for (auto& [key, list] : idle_) {
        while (Http1Backend* backend = list.connections.pop_front())
            backend->end();
        list.count = 0;
    }
}

}  // namespace mcpgw::backend
