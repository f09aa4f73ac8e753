// One attempt: look, then write, leaving at the first thing that does not go well.
#include "controlplane/kubernetes/changes.h"

#include <algorithm>
#include <expected>
#include <utility>

#include "common/json_writer.h"
#include "common/limits.h"
#include "controlplane/kubernetes/seen.h"
#include "controlplane/kubernetes/tree.h"
#include "controlplane/model/json.h"

namespace mcpgw::kubernetes {
namespace {

// One of the two objects of an adapter.
struct Target {
    std::string_view kind;  // for people
    std::string collection;
    std::string name;
};

// What is there under its name.
struct Found {
    bool exists = false;
    bool is_deleting = false;
    std::string uid;
    std::uint64_t generation = 0;
    Ownership owner;
    std::optional<model::Kind> made_for;  // as far as what cannot be changed says it
};

template <class T>
using Attempt = std::expected<T, Effect>;

std::unexpected<Effect> stop(Effect::Kind kind, std::string trouble, std::uint32_t after_ms = 0) {
    Effect effect;
    effect.kind = kind;
    effect.trouble = std::move(trouble);
    effect.after_ms = after_ms;
    return std::unexpected(std::move(effect));
}

std::string causes_text(const Failure& failure) {
    std::string text;
    for (const Cause& cause : failure.causes) {
        if (!text.empty()) text += "; ";
        text += cause.field.empty() ? cause.message : cause.field + ": " + cause.message;
    }
    return text.empty() ? failure.message : text;
}

bool names_field(const Failure& failure, std::string_view field) {
    return std::ranges::any_of(failure.causes,
                               [field](const Cause& cause) { return cause.field == field; });
}

std::unexpected<Effect> stop_at(const Failure& failure, const ObjectOptions& options) {
    using enum Effect::Kind;
    switch (failure.kind) {
        case FailureKind::not_found:
            if (failure.missing == Missing::name_space)
                return stop(refused, "the namespace " + options.namespace_name +
                                         " does not exist in the cluster");
            if (failure.missing == Missing::type)
                return stop(refused,
                            "the API server does not know such objects: " + failure.message);
            return stop(again, "");
        case FailureKind::forbidden:
            if (failure.has_cause("NamespaceTerminating"))
                return stop(refused,
                            "the namespace " + options.namespace_name + " is being deleted");
            return stop(refused, "the cluster does not allow it: " + failure.message);
        case FailureKind::invalid:
            // It was replaced by another object between the look and the write.
            if (names_field(failure, "metadata.uid")) return stop(again, "");
            return stop(refused, "the cluster does not take it: " + causes_text(failure));
        case FailureKind::refused:
            return stop(refused, "the cluster does not take it: " + failure.message);
        case FailureKind::already_exists:
        case FailureKind::conflict:
        case FailureKind::expired:
        case FailureKind::cancelled:
            return stop(again, "");
        case FailureKind::unauthorized:
            return stop(again, "the cluster does not accept the gateway's credentials");
        case FailureKind::retry_later:
        case FailureKind::transport:
            return stop(again, "waiting for the Kubernetes API server: " + failure.message,
                        failure.retry_after_ms);
    }
    return stop(again, "");
}

Target stateful_set_of(std::string_view adapter, const ObjectOptions& options) {
    return {"StatefulSet", stateful_sets_path(options), std::string(adapter)};
}
Target service_of(std::string_view adapter, const ObjectOptions& options) {
    return {"Service", services_path(options), service_name(adapter)};
}

Call call_of(std::string method, std::string path) {
    Call call;
    call.method = std::move(method);
    call.path = std::move(path);
    call.timeout_ms = limits::kubernetes_write_ms;
    return call;
}

// A StatefulSet keeps its selector and a Service its address, or that it has none. The API server
// refuses to change the former, and silently leaves the latter as it is.
std::optional<model::Kind> made_for(const picojson::value& object) {
    const std::string& type =
        text_at(object, {"spec", "selector", "matchLabels", kAdapterTypeLabel});
    const std::string& address = text_at(object, {"spec", "clusterIP"});
    if (address == "None" || type == type_label(model::Kind::adapter)) return model::Kind::adapter;
    if (!address.empty() || type == type_label(model::Kind::tool)) return model::Kind::tool;
    return {};
}

Found found_in(const picojson::value& object) {
    Found found;
    found.exists = true;
    found.uid = text_at(object, {"metadata", "uid"});
    found.generation = static_cast<std::uint64_t>(
        std::max<std::int64_t>(0, number_at(object, {"metadata", "generation"})));
    found.is_deleting = !node_at(object, {"metadata", "deletionTimestamp"}).is<picojson::null>();
    found.owner = ownership_of(object);
    found.made_for = made_for(object);
    return found;
}

Attempt<Found> found_in_answer(const Outcome& outcome, const ObjectOptions& options) {
    if (!outcome) return stop_at(outcome.error(), options);
    const auto object = model::parse_json(outcome->body);
    if (!object || text_at(*object, {"metadata", "uid"}).empty())
        return stop(Effect::Kind::again,
                    "the Kubernetes API server gave an answer that is no object");
    return found_in(*object);
}

Attempt<Found> look(const Target& target, const ObjectOptions& options, const Send& send) {
    const Outcome outcome = send(call_of("GET", target.collection + "/" + target.name));
    if (!outcome && outcome.error().kind == FailureKind::not_found &&
        outcome.error().missing == Missing::object)
        return Found{};
    return found_in_answer(outcome, options);
}

bool is_foreign(const Found& found, std::string_view adapter) {
    return found.exists && (!found.owner.is_managed || found.owner.adapter != adapter);
}

std::string foreign_text(const Target& target, const ObjectOptions& options) {
    return "there is a " + std::string(target.kind) + " " + target.name + " in the namespace " +
           options.namespace_name + " that this gateway has not made, and it is left alone";
}

// What is there and may be changed; nothing may be, if it is not ours or about to go.
Attempt<Found> look_for_writing(const Target& target, const Plan& plan, const Send& send) {
    auto found = look(target, plan.options, send);
    if (!found) return found;
    if (is_foreign(*found, plan.adapter.name))
        return stop(Effect::Kind::refused, foreign_text(target, plan.options));
    if (found->is_deleting)
        return stop(Effect::Kind::again,
                    "waiting until the former " + std::string(target.kind) + " is gone",
                    limits::kubernetes_deleting_ms);
    return found;
}

Outcome remove_object(const Target& target, const std::string& uid, const Send& send) {
    Call call = call_of("DELETE", target.collection + "/" + target.name);
    JsonWriter body;
    body.object();
    body.key("apiVersion").string("v1");
    body.key("kind").string("DeleteOptions");
    body.key("propagationPolicy").string("Background");
    body.key("preconditions").object().key("uid").string(uid).end();
    body.end();
    call.content_type = "application/json";
    call.body = body.take();
    return send(call);
}

// A change of what cannot be changed: 422 with a cause that forbids it.
bool is_immutable_change(const Failure& failure) {
    if (failure.kind != FailureKind::invalid) return false;
    return std::ranges::any_of(failure.causes, [](const Cause& cause) {
        return (cause.field == "spec" && cause.reason == "FieldValueForbidden") ||
               cause.field.starts_with("spec.clusterIP");
    });
}

// What cannot be changed goes; the next attempt finds nothing and makes it.
std::unexpected<Effect> make_anew(const Target& target, const Plan& plan, const Found& found,
                                  const Send& send) {
    const Outcome gone = remove_object(target, found.uid, send);
    if (!gone && gone.error().kind != FailureKind::not_found)
        return stop_at(gone.error(), plan.options);
    return stop(Effect::Kind::again, "making the " + std::string(target.kind) + " anew",
                limits::kubernetes_deleting_ms);
}

struct Bodies {
    std::string (*seed)(const Plan&);
    std::string (*body)(const Plan&, std::string_view uid);
};

Attempt<Found> write(const Target& target, const Plan& plan, Found found, const Bodies& bodies,
                     const Send& send) {
    // The name was that of a resource of the other kind.
    if (found.made_for && *found.made_for != plan.adapter.kind())
        return make_anew(target, plan, found, send);
    if (!found.exists) {
        Call create = call_of("POST", target.collection);
        create.query = {{"fieldManager", std::string(kFieldManager)}};
        create.content_type = "application/json";
        create.body = bodies.seed(plan);
        auto created = found_in_answer(send(create), plan.options);
        if (!created) return created;
        found = std::move(*created);
    }
    Call apply = call_of("PATCH", target.collection + "/" + target.name);
    apply.query = {{"fieldManager", std::string(kFieldManager)}, {"force", "true"}};
    apply.content_type = "application/apply-patch+yaml";
    apply.body = bodies.body(plan, found.uid);
    const Outcome outcome = send(apply);
    if (outcome || !is_immutable_change(outcome.error()))
        return found_in_answer(outcome, plan.options);
    return make_anew(target, plan, found, send);
}

// True: nothing of ours is left of it.
Attempt<bool> take_down_one(const Target& target, std::string_view adapter,
                            const ObjectOptions& options, const Send& send) {
    const auto found = look(target, options, send);
    if (!found) return std::unexpected(found.error());
    if (!found->exists || is_foreign(*found, adapter)) return true;
    if (found->owner.installation != options.installation) return true;
    if (found->is_deleting) return false;
    const Outcome outcome = remove_object(target, found->uid, send);
    if (!outcome && outcome.error().kind != FailureKind::not_found)
        return stop_at(outcome.error(), options);
    // Success may also mean that it only waits for a finalizer.
    const auto left = look(target, options, send);
    if (!left) return std::unexpected(left.error());
    return left->uid != found->uid;
}

}  // namespace

Effect bring_up(const Plan& plan, const Send& send) {
    const Target set = stateful_set_of(plan.adapter.name, plan.options);
    const Target service = service_of(plan.adapter.name, plan.options);
    // Both are looked at before either is written: half of a foreign pair helps nobody.
    auto found_set = look_for_writing(set, plan, send);
    if (!found_set) return found_set.error();
    auto found_service = look_for_writing(service, plan, send);
    if (!found_service) return found_service.error();
    const auto written_service =
        write(service, plan, std::move(*found_service), {service_seed, service_body}, send);
    if (!written_service) return written_service.error();
    const auto written_set =
        write(set, plan, std::move(*found_set), {stateful_set_seed, stateful_set_body}, send);
    if (!written_set) return written_set.error();
    Effect effect;
    effect.uid = written_set->uid;
    effect.generation = written_set->generation;
    return effect;
}

Effect take_down(std::string_view adapter, const ObjectOptions& options, const Send& send) {
    bool all_gone = true;
    for (const Target& target : {stateful_set_of(adapter, options), service_of(adapter, options)}) {
        const auto gone = take_down_one(target, adapter, options, send);
        if (!gone) return gone.error();
        all_gone = all_gone && *gone;
    }
    if (all_gone) return {};
    return stop(Effect::Kind::again, "being removed", limits::kubernetes_deleting_ms).error();
}

std::optional<std::string> find_foreign(std::string_view adapter, const ObjectOptions& options,
                                        const Send& send) {
    for (const Target& target : {stateful_set_of(adapter, options), service_of(adapter, options)}) {
        const auto found = look(target, options, send);
        if (found && is_foreign(*found, adapter)) return foreign_text(target, options);
    }
    return {};
}

}  // namespace mcpgw::kubernetes
