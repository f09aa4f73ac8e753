// Identity, challenges, metadata; and requests that wait for a key.
#include "dataplane/exchange/authenticate.h"

#include <algorithm>

#include "dataplane/auth/bearer.h"
#include "dataplane/auth/challenge.h"
#include "dataplane/exchange/exchange.h"

namespace mcpgw::exchange {
namespace {

auth::PublicUrl url_of(const Question& question, const Services& services) {
    const Settings& settings = services.settings;
    const auth::ProxyWords words =
        auth::proxy_words(question.head.fields, question.peer, settings.trusted_proxies);
    return auth::public_url(settings.public_url, words, question.head.host,
                            origin_rules(settings, question.loopback_listener));
}

// The path of the resource that a request is about.
std::string resource_path(const Target& target, std::string_view path) {
    const TargetFacts facts = target_facts(target.kind);
    if (!facts.is_mcp()) return std::string(path);
    std::string resource(target.adapter.empty() ? "" : "/adapters/");
    return resource.append(target.adapter).append("/").append(facts.endpoint);
}

// Whether the token is for the resource that is asked for. Many are for everything, which costs
// nothing to see; for the others the path is that of the resource, except where clients of HTTP+SSE
// post.
bool is_meant_for(const auth::Verdict& verdict, const Question& question,
                  const Services& services) {
    if (verdict.is_for_all) return true;
    const auth::PublicUrl url = url_of(question, services);
    if (question.target.kind != Target::Kind::adapter_messages)
        return verdict.is_meant_for(url.whole(), question.head.path);
    return verdict.is_meant_for(url.whole(), resource_path(question.target, {}));
}

const contract::Access* access_of(const Services& services) {
    const bool has = services.settings.auth == AuthMode::oidc && services.table != nullptr;
    return has ? services.table->access().get() : nullptr;
}

std::optional<Refusal> refuse_token(auth::TokenFault fault, Decision& decision) {
    decision.token_fault = fault;
    return fault == auth::TokenFault::no_keys ? Refusal::no_keys : Refusal::bad_credentials;
}

std::optional<Refusal> check_token(const Question& question, Services& services,
                                   std::string_view token, Decision& decision) {
    using auth::TokenFault;
    transport::Context& context = services.context;
    const auth::Verdict& verdict =
        services.tokens.judge(token, context.wall_clock.unix_seconds(context.now));
    if (verdict.fault == TokenFault::unknown_key) decision.unknown_keys_issuer = verdict.issuer;
    if (verdict.fault == TokenFault::foreign_characters) return Refusal::bad_authorization;
    if (verdict.fault != TokenFault::none) return refuse_token(verdict.fault, decision);
    if (!is_meant_for(verdict, question, services))
        return refuse_token(TokenFault::wrong_audience, decision);
    if (!verdict.opens(question.target.adapter)) return Refusal::beyond_token;
    decision.identity = verdict.identity();
    return std::nullopt;
}

// The resource that a document is asked for, without the prefix that a proxy may have left there;
// nothing if there can be none. Whether an adapter of that name exists is nobody's business.
std::optional<std::string_view> resource_of(const Question& question, const auth::PublicUrl& url) {
    std::string_view path = question.target.resource;
    const std::string_view prefix = url.prefix();
    const bool has_prefix = !prefix.empty() && path.starts_with(prefix) &&
                            (path.size() == prefix.size() || path[prefix.size()] == '/');
    if (has_prefix) path.remove_prefix(prefix.size());
    if (path.ends_with('/')) path.remove_suffix(1);
    if (path.empty()) return path;
    if (!target_facts(classify(path).kind).is_resource) return std::nullopt;
    return path;
}

const contract::Issuer* issuer_with_metadata(const contract::Access& access) {
    const auto found = std::ranges::find_if(
        access.issuers, [](const contract::Issuer& issuer) { return !issuer.metadata.empty(); });
    return found == access.issuers.end() ? nullptr : &*found;
}

// Whether the issuer has not been asked for in the last while; then it is from now on.
bool may_ask(Services& services, std::uint64_t issuer) {
    const Nanos now = services.context.now;
    AskedIssuer* place = &services.asked_issuers.front();
    for (AskedIssuer& asked : services.asked_issuers) {
        if (asked.hash == issuer) {
            place = &asked;
            break;
        }
        if (asked.at < place->at) place = &asked;
    }
    const bool is_recent =
        place->hash == issuer && now < place->at + limits::unknown_key_event_ms * kMillisecond;
    if (!is_recent) *place = {issuer, now};
    return !is_recent;
}

}  // namespace

std::optional<Refusal> authenticate(const Question& question, Services& services,
                                    Decision& decision) {
    if (services.settings.auth == AuthMode::dev) {
        const bool is_good = auth::identify_developer(question.head.fields, decision.identity);
        if (is_good) return std::nullopt;
        decision.identity = {};
        return Refusal::bad_identity;
    }
    const auth::Bearer bearer = auth::bearer_of(question.head.fields);
    switch (bearer.kind) {
        case auth::Bearer::Kind::none:
            return Refusal::no_credentials;
        case auth::Bearer::Kind::ambiguous:
            return Refusal::bad_authorization;
        case auth::Bearer::Kind::token:
            break;
    }
    // Before the first word of the control plane nobody can be known.
    if (services.table == nullptr || !services.tokens.has_access()) return Refusal::no_keys;
    return check_token(question, services, bearer.token, decision);
}

std::string challenge_of(const Question& question, const Services& services,
                         const Decision& decision) {
    const contract::Access* access = access_of(services);
    if (services.settings.auth != AuthMode::oidc) return {};
    const auth::PublicUrl url = url_of(question, services);
    const bool is_of_gateway = question.target.kind == Target::Kind::management;
    const std::string path =
        is_of_gateway ? std::string() : resource_path(question.target, question.head.path);
    auth::Challenge challenge{.error = {},
                              .description = {},
                              .scopes = {},
                              .url = url,
                              .path = path,
                              .has_metadata = access != nullptr && !access->issuers.empty()};
    if (access != nullptr) challenge.scopes = access->scopes;
    if (decision.refusal == Refusal::bad_credentials) {
        challenge.error = auth::kInvalidToken;
        challenge.description = auth::description_of(decision.token_fault);
    } else if (decision.refusal == Refusal::bad_authorization) {
        challenge.error = auth::kInvalidRequest;
    } else if (decision.refusal == Refusal::insufficient_scope) {
        challenge.error = auth::kInsufficientScope;
        challenge.scopes = decision.adapter->required_scopes;
    } else if (decision.refusal != Refusal::no_credentials) {
        return {};
    }
    return auth::challenge_text(challenge);
}

bool is_served(const Question& question, const Services& services) {
    const contract::Access* access = access_of(services);
    if (access == nullptr || access->issuers.empty()) return false;
    const auth::PublicUrl url = url_of(question, services);
    if (url.whole().empty() || !resource_of(question, url)) return false;
    return !question.target.of_issuer || issuer_with_metadata(*access) != nullptr;
}

std::string metadata_of(const Question& question, const Services& services) {
    check(is_served(question, services), "decided before");
    const contract::Access& access = *access_of(services);
    if (question.target.of_issuer) return issuer_with_metadata(access)->metadata;
    const auth::PublicUrl url = url_of(question, services);
    return auth::resource_metadata(access, url, *resource_of(question, url));
}

// --- Keys that are not known yet ----------------------------------------------------------------

// True if the request goes on waiting. It is decided anew whenever what is known of issuers has
// changed, and for the last time when its patience is over.
bool Exchange::await_key(const Decision& decision) {
    const bool is_over = state_ == State::awaiting_key && deadline_passed_;
    const bool can_wait = decision.kind == Decision::Kind::refuse &&
                          decision.unknown_keys_issuer != 0 && services_.events != nullptr &&
                          !services_.draining;
    if (!can_wait || is_over) return false;
    if (may_ask(services_, decision.unknown_keys_issuer))
        services_.events->push(InstanceEvent::unknown_key(decision.unknown_keys_issuer));
    if (state_ == State::awaiting_key) return true;
    head_->key = services_.awaited_keys.acquire(*this);
    if (head_->key == nullptr) return false;
    services_.awaiting_key.push_back(*head_->key);
    state_ = State::awaiting_key;
    set_deadline(services_.context.now + limits::key_wait_ms * kMillisecond);
    return true;
}

void Exchange::stop_awaiting_key() {
    if (state_ != State::awaiting_key) return;
    state_ = State::receiving;
    head_->key->unlink();
    services_.awaited_keys.release(std::exchange(head_->key, nullptr));
    services_.context.timers.clear(timer_);
    deadline_passed_ = false;
    if (!request_paused_) return;
    request_paused_ = false;
    client_.resume_request();
}

}  // namespace mcpgw::exchange
