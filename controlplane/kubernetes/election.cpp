// Lease in, decision, Lease out.
#include "controlplane/kubernetes/election.h"

#include <algorithm>

#include <picojson.h>

#include "common/check.h"
#include "controlplane/kubernetes/tree.h"
#include "controlplane/model/json.h"

namespace mcpgw::kubernetes {
namespace {

// MicroTime wants exactly six digits.
std::string micro_time(std::uint64_t unix_ms) {
    std::string text = rfc3339(unix_ms);
    text.insert(text.size() - 1, "000");
    return text;
}

picojson::object new_lease(const LeaseName& lease) {
    picojson::object labels;
    labels["app.kubernetes.io/managed-by"] = picojson::value("mcp-gateway");
    picojson::object metadata;
    metadata["name"] = picojson::value(lease.name);
    metadata["namespace"] = picojson::value(lease.name_space);
    metadata["labels"] = picojson::value(labels);
    picojson::object object;
    object["apiVersion"] = picojson::value("coordination.k8s.io/v1");
    object["kind"] = picojson::value("Lease");
    object["metadata"] = picojson::value(metadata);
    object["spec"] = picojson::value(picojson::object());
    return object;
}

picojson::value number(std::int64_t value) {
    return picojson::value(static_cast<double>(value));
}

}  // namespace

Election::Election(LeaseName lease, std::string identity, LeaseTimes times)
    : lease_(std::move(lease)), identity_(std::move(identity)), times_(times) {
    check(!identity_.empty(), "a candidate has a name");
    check(times_.renew_ms < times_.duration_ms, "a leader stops before others begin");
}

Call Election::call_of(const char* method, std::string body) const {
    Call call;
    call.method = method;
    call.path = "/apis/coordination.k8s.io/v1/namespaces/" + lease_.name_space + "/leases";
    if (call.method != "POST") call.path += "/" + lease_.name;
    call.timeout_ms = times_.call_ms;
    if (!body.empty()) call.content_type = "application/json";
    call.body = std::move(body);
    return call;
}

Call Election::next_call(Nanos now, std::uint64_t unix_ms) {
    asked_at_ = now;
    Call call = state_ == State::reading ? call_of("GET", "") : write_call(unix_ms);
    if (is_leader(now)) {
        // Leadership that ends meanwhile is to be noticed in time.
        const Nanos left_ms = (leader_until_ - now) / kMillisecond + 1;
        call.timeout_ms = static_cast<std::uint32_t>(std::min<Nanos>(call.timeout_ms, left_ms));
    }
    return call;
}

Call Election::write_call(std::uint64_t unix_ms) {
    const std::string now = micro_time(unix_ms);
    const bool is_renewal = state_ == State::renewing;
    picojson::object object = state_ == State::creating || !record_.object.is<picojson::object>()
                                  ? new_lease(lease_)
                                  : record_.object.get<picojson::object>();
    picojson::object spec = object_at(picojson::value(object), {"spec"});
    if (!is_renewal) {
        spec["acquireTime"] = picojson::value(now);
        spec["leaseTransitions"] = number(state_ == State::creating ? 0 : record_.transitions + 1);
    }
    spec["holderIdentity"] = picojson::value(identity_);
    spec["leaseDurationSeconds"] = number(times_.duration_ms / 1000);
    spec["renewTime"] = picojson::value(now);
    object["spec"] = picojson::value(spec);
    return call_of(state_ == State::creating ? "POST" : "PUT", picojson::value(object).serialize());
}

void Election::take_record(const std::string& body, Nanos now) {
    const auto tree = model::parse_json(body);
    Record read;
    if (tree) {
        read.object = *tree;
        read.resource_version = text_at(*tree, {"metadata", "resourceVersion"});
        read.holder = text_at(*tree, {"spec", "holderIdentity"});
        read.duration_ms = number_at(*tree, {"spec", "leaseDurationSeconds"}) * 1000;
        read.transitions = number_at(*tree, {"spec", "leaseTransitions"});
    }
    // What another one writes begins to count when it is first seen here, whatever its clock says.
    if (read.resource_version != record_.resource_version) observed_at_ = now;
    record_ = std::move(read);
}

// After reading: what to do about it. True: at once.
bool Election::decide(Nanos now) {
    if (record_.resource_version.empty()) return false;  // not a Lease; read again later
    if (record_.holder == identity_) {
        state_ = State::renewing;
        return true;
    }
    leader_until_ = 0;
    const Nanos lease =
        static_cast<Nanos>(std::max<std::int64_t>(record_.duration_ms, 0)) * kMillisecond;
    if (!record_.holder.empty() && now < observed_at_ + lease) return false;
    state_ = State::taking;
    return true;
}

bool Election::on_outcome(const Outcome& outcome, Nanos now) {
    const State was = state_;
    state_ = is_leader(now) ? State::renewing : State::reading;
    if (outcome) {
        take_record(outcome->body, now);
        if (was == State::reading) return decide(now);
        if (record_.holder != identity_) return false;
        // Counted from before the question: so long ago the others may have seen it.
        leader_until_ = asked_at_ + times_.renew_ms * kMillisecond;
        state_ = State::renewing;
        return false;
    }
    const FailureKind kind = outcome.error().kind;
    if (kind == FailureKind::not_found && outcome.error().missing == Missing::object) {
        record_ = {};
        leader_until_ = 0;
        state_ = State::creating;
        return true;
    }
    const bool was_changed = kind == FailureKind::conflict || kind == FailureKind::already_exists;
    if (was_changed || was == State::reading) state_ = State::reading;
    // Only a renewal is worth a second look at once: somebody may have put a label on the lease.
    return was_changed && was == State::renewing;
}

Nanos Election::pause(std::uint64_t random) const {
    const Nanos retry = times_.retry_ms * kMillisecond;
    return retry + random % (retry / 5 + 1);
}

Call Election::release_call(std::uint64_t unix_ms) {
    leader_until_ = 0;
    state_ = State::renewing;
    picojson::object object = record_.object.is<picojson::object>()
                                  ? record_.object.get<picojson::object>()
                                  : new_lease(lease_);
    picojson::object spec = object_at(picojson::value(object), {"spec"});
    spec["holderIdentity"] = picojson::value("");
    spec["leaseDurationSeconds"] = number(1);  // zero is refused
    spec["renewTime"] = picojson::value(micro_time(unix_ms));
    object["spec"] = picojson::value(spec);
    state_ = State::reading;
    Call call = call_of("PUT", picojson::value(object).serialize());
    call.timeout_ms = limits::kubernetes_lease_release_ms;
    return call;
}

}  // namespace mcpgw::kubernetes
