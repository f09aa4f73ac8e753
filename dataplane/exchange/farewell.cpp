// One DELETE per session, with the credentials of the adapter and the name of the user.
#include "dataplane/exchange/farewell.h"

#include <utility>

#include "common/protocol/mcp.h"

namespace mcpgw::exchange {

Farewell::~Farewell() {
    check(done(), "a farewell dies without a backend");
}

bool Farewell::send(const Adapter& adapter, const Instance& instance,
                    const SessionFarewell& farewell) {
    http::Fields fields;
    bool fits = fields.add(mcp::kSessionId, farewell.server_id) &&
                fields.add("X-Mcp-UserId", farewell.user);
    for (const auto& [name, value] : adapter.request_headers)
        fits = fits && fields.add(name, value);
    if (!fits) return false;
    auto leased = services_.pool.lease(backend_of(adapter, instance), *this);
    if (!leased) return false;
    backend_ = *leased;
    services_.context.timers.set(
        timer_, services_.context.now + limits::farewell_timeout_ms * kMillisecond);
    flow::RequestOut out;
    out.method = http::Method::del;
    out.method_text = http::method_name(http::Method::del);
    out.target = instance.path;
    out.authority = instance.authority;
    out.fields = &fields;
    backend_->send_head(out);
    if (backend_ != nullptr) backend_->finish_request();
    return !done();
}

void Farewell::end() {
    services_.context.timers.clear(timer_);
    flow::BackendEnd* const backend = std::exchange(backend_, nullptr);
    if (backend != nullptr) backend->release();
}

Farewells::~Farewells() {
    check(asking_.empty(), "farewells end before their worker");
}

void Farewells::advance() {
    bury();
    FarewellMail& mail = services_.sessions.farewells;
    if (!mail.empty())
        for (SessionFarewell& farewell : mail.take_all())
            waiting_.push_back(std::move(farewell));
    while (!waiting_.empty() && !table_.full()) {
        send(waiting_.front());
        waiting_.pop_front();
    }
}

void Farewells::send(const SessionFarewell& farewell) {
    const Adapter* adapter =
        services_.table == nullptr ? nullptr : services_.table->find(farewell.adapter);
    const Instance* instance = adapter == nullptr ? nullptr : adapter->find(farewell.instance);
    if (instance == nullptr) return;
    Farewell* const asking = table_.acquire(services_);
    if (asking->send(*adapter, *instance, farewell))
        asking_.push_back(*asking);
    else
        table_.release(asking);
}

void Farewells::bury() {
    List<Farewell, FarewellTag> going_on;
    while (Farewell* asking = asking_.pop_front()) {
        if (asking->done())
            table_.release(asking);
        else
            going_on.push_back(*asking);
    }
    while (Farewell* asking = going_on.pop_front())
        asking_.push_back(*asking);
}

void Farewells::end_all() {
    waiting_.clear();
    asking_.for_each([](Farewell& asking) { asking.end(); });
    bury();
}

}  // namespace mcpgw::exchange
