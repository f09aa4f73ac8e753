// One function per route.
#include "controlplane/api/token_routes.h"

#include <array>

#include "common/json_writer.h"
#include "common/log.h"
#include "common/time.h"
#include "controlplane/api/conditions.h"
#include "controlplane/api/json_body.h"

namespace mcpgw::api {
namespace {

constexpr std::string_view kTokens = "/tokens";

// As the rules of model/rules.h have it.
model::Complaint token_id_complaint(std::string_view id) {
    return model::is_token_id(id) ? nullptr : "is not the id of a token";
}

store::AuditRecord audit_of(const Call& call, std::string_view action,
                            const model::ApiToken& token) {
    return {0,
            unix_millis_now(),
            call.who.user_id,
            std::string(action),
            token.what.id,
            "for " + token.what.user};
}

// `text` is the token itself, or empty.
std::string document_of(const model::ApiToken& token, std::string_view text) {
    JsonWriter out;
    out.object();
    model::write_api_token_members(out, token);
    if (!text.empty()) out.key("token").string(text);
    out.end();
    return out.take();
}

}  // namespace

bool is_tokens_path(std::string_view path) {
    return path == kTokens || path.starts_with("/tokens/");
}

Answer TokenRoutes::answer(const Call& call) {
    if (!access_.is_admin(call.who)) return problem(403, "only administrators may handle tokens");
    std::string_view path = call.path;
    if (path.ends_with('/')) path.remove_suffix(1);
    const bool is_get = call.method == "GET" || call.method == "HEAD";
    if (path == kTokens) {
        if (!is_get && call.method != "POST") return wrong_method("GET, HEAD, POST");
        return is_get ? list(call) : create(call);
    }
    const std::string id(path.substr(kTokens.size() + 1));
    if (id.empty() || id.find('/') != std::string::npos) return no_such_path();
    if (!is_get && call.method != "DELETE") return wrong_method("GET, HEAD, DELETE");
    if (const auto errors = parameter_errors(call, {}); !errors.empty())
        return wrong_parameters(errors);
    return is_get ? get(id) : remove(call, id);
}

Answer TokenRoutes::list(const Call& call) {
    const auto page = page_of(call, token_id_complaint);
    if (!page) return answer_of(page.error());
    if (const auto errors = parameter_errors(call, kListParameters); !errors.empty())
        return wrong_parameters(errors);
    // One more than fits tells whether there is a next page.
    auto rows = services_.store->tokens(page->after, page->limit + 1);
    if (!rows) return answer_of(rows.error());
    const bool has_more = rows->size() > page->limit;
    if (has_more) rows->pop_back();
    JsonWriter out;
    out.array();
    for (const model::ApiToken& token : *rows)
        out.raw(document_of(token, ""));
    out.end();
    Answer answer = json_answer(200, out.take());
    if (has_more)
        answer.headers.emplace_back(
            "Link", "<" + std::string(kTokens) + "?limit=" + std::to_string(page->limit) +
                        "&cursor=" + cursor_of(rows->back().what.id) + ">; rel=\"next\"");
    return answer;
}

Answer TokenRoutes::create(const Call& call) {
    if (const auto errors = parameter_errors(call, {}); !errors.empty())
        return wrong_parameters(errors);
    const auto document = json_of(call);
    if (!document) return document.error();
    const std::uint64_t now = unix_millis_now();
    auto reading = model::read_api_token(*document, now);
    if (!reading.errors.empty()) return broken_rules("token", reading.errors);
    model::ApiToken& token = reading.token;
    const auto text = model::mint(token);
    if (!text) return answer_of(text.error());
    token.created_by = call.who.user_id;
    token.created_at_unix_ms = now;
    const auto added = services_.store->add_token(token, audit_of(call, "token.create", token));
    if (!added) return answer_of(added.error());
    changed(call, "token.create", token.what.id);
    Answer answer = json_answer(201, document_of(token, *text));
    answer.headers.emplace_back("Location", std::string(kTokens) + "/" + token.what.id);
    // Nobody on the way may keep it.
    answer.headers.emplace_back("Cache-Control", "no-store");
    return answer;
}

Answer TokenRoutes::get(const std::string& id) {
    const auto token = services_.store->token(id);
    if (!token) return answer_of(token.error());
    return json_answer(200, document_of(*token, ""));
}

Answer TokenRoutes::remove(const Call& call, const std::string& id) {
    const auto token = services_.store->token(id);
    if (!token) return answer_of(token.error());
    const auto removed = services_.store->remove_token(id, audit_of(call, "token.revoke", *token));
    if (!removed) return answer_of(removed.error());
    changed(call, "token.revoke", id);
    Answer answer;
    answer.status = 204;
    return answer;
}

void TokenRoutes::changed(const Call& call, std::string_view action, const std::string& id) const {
    log_info("a token was changed",
             {{"action", action}, {"token_id", id}, {"user", call.who.user_id}});
    services_.changed();
}

}  // namespace mcpgw::api
