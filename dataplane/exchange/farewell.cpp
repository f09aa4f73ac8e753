// One DELETE per session, with the credentials of the adapter and the name of the user.
#include "dataplane/exchange/farewell.h"

#include <algorithm>
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
    if (!adapter.tenant.empty()) fits = fits && fields.add("X-Mcp-Tenant", adapter.tenant);
    for (const auto& [name, value] : adapter.request_headers)
        fits = fits && fields.add(name, value);
    if (!fits) return false;
    instance_ = instance.id;
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

// Before it is asked, the server may have closed a connection that was idle (exchange/repeat.cpp).
void Farewell::on_backend_failed(Code, Retry retry) {
    const bool may_repeat = retry != Retry::never && !repeated_ && backend_->is_reused();
    flow::BackendEnd* const fresh = may_repeat ? backend_->repeat() : nullptr;
    if (fresh == nullptr) return end();
    repeated_ = true;
    std::exchange(backend_, fresh)->release();
}

void Farewell::on_timer() {
    timed_out_ = true;
    end();
}

Farewells::~Farewells() {
    check(asking_.empty(), "farewells end before their worker");
}

void Farewells::advance() {
    bury();
    FarewellMail& mail = services_.sessions.farewells;
    if (waiting_.empty() && !mail.empty()) waiting_ = mail.take_all();
    for (std::size_t looks = limits::farewells_per_tick; !waiting_.empty() && !table_.full();) {
        if (looks-- == 0) {
            services_.context.hurry = true;
            return;
        }
        send(waiting_.pop());
    }
}

// Without affinity any instance may forget the session, if that is not there that has issued it.
void Farewells::send(const SessionFarewell& farewell) {
    const Adapter* adapter =
        services_.table == nullptr ? nullptr : services_.table->find(farewell.adapter);
    if (adapter == nullptr) return;
    const Instance* instance = adapter->find(farewell.instance);
    if (instance == nullptr && adapter->affinity == contract::Affinity::none &&
        !adapter->ready.empty())
        instance = &adapter->instances[adapter->ready.front()];
    if (instance == nullptr || is_silent(instance->id)) return;
    Farewell* const asking = table_.acquire(services_);
    if (asking->send(*adapter, *instance, farewell))
        asking_.push_back(*asking);
    else
        table_.release(asking);
}

bool Farewells::is_silent(std::uint64_t instance) const {
    return std::ranges::any_of(silent_, [&](const Silent& silent) {
        return silent.instance == instance && services_.context.now < silent.until;
    });
}

void Farewells::bury() {
    List<Farewell, FarewellTag> going_on;
    while (Farewell* asking = asking_.pop_front()) {
        if (!asking->done()) {
            going_on.push_back(*asking);
            continue;
        }
        if (asking->timed_out() && !is_silent(asking->instance())) {
            silent_[next_silent_] = {
                asking->instance(),
                services_.context.now + limits::farewell_silence_ms * kMillisecond};
            next_silent_ = (next_silent_ + 1) % silent_.size();
        }
        table_.release(asking);
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
