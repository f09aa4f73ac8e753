// One list.
#include "controlplane/api/audit_routes.h"

#include <array>
#include <charconv>

#include "common/bytes.h"
#include "common/contract/sessions.h"
#include "common/json_writer.h"
#include "common/limits.h"
#include "common/time.h"
#include "controlplane/api/conditions.h"

namespace mcpgw::api {
namespace {

constexpr std::string_view kAudit = "/audit";
constexpr std::array<std::string_view, 4> kParameters = {"limit", "cursor", "resource", "actor"};
// Names of resources, and handles of sessions, which are longer.
constexpr std::size_t kResourceBytesMax = 128;

void write_document(JsonWriter& out, std::string_view name, std::string_view document) {
    out.key(name);
    if (document.empty())
        out.null();
    else
        out.raw(document);
}

void write_record(JsonWriter& out, const store::AuditRecord& record) {
    out.object().key("id").number(record.id);
    out.key("at").string(rfc3339(record.at_unix_ms));
    out.key("actor").string(record.actor);
    out.key("action").string(record.action);
    out.key("resource").string(record.resource);
    out.key("detail").string(record.detail);
    write_document(out, "before", record.before);
    write_document(out, "after", record.after);
    out.end();
}

store::AuditFilter filter_of(const Call& call, model::FieldErrors& errors) {
    store::AuditFilter filter;
    const auto take = [&](const char* name, std::size_t bytes_max, std::string& out) {
        take_text(call, {name, bytes_max}, out, errors);
    };
    take("resource", kResourceBytesMax, filter.resource);
    take("actor", limits::principal_bytes_max, filter.actor);
    return filter;
}

// The id before which a page starts; nothing: the newest record is its first.
Result<std::optional<std::uint64_t>> start_of(const Page& page) {
    if (page.after.empty()) return std::nullopt;
    std::uint64_t id = 0;
    const char* const end = page.after.data() + page.after.size();
    const auto [stop, error] = std::from_chars(page.after.data(), end, id);
    if (error == std::errc() && stop == end && id <= INT64_MAX) return id;
    return failure(Code::invalid_argument, "cursor is not one that this gateway gave",
                   Side::client);
}

std::string link_of(const Call& call, std::size_t limit, std::uint64_t last_id) {
    std::string target =
        "/audit?limit=" + std::to_string(limit) + "&cursor=" + cursor_of(std::to_string(last_id));
    for (const char* name : {"resource", "actor"})
        if (const std::string* text = call.parameter(name))
            target += "&" + std::string(name) + "=" + percent_encoded(*text);
    return "<" + target + ">; rel=\"next\"";
}

}  // namespace

bool is_audit_path(std::string_view path) {
    return path == kAudit || path == "/audit/";
}

Answer AuditRoutes::answer(const Call& call) {
    if (!access_.is_admin(call.who))
        return problem(403, "only administrators may read the audit log");
    if (call.method != "GET" && call.method != "HEAD") return wrong_method("GET, HEAD");
    return list(call);
}

Answer AuditRoutes::list(const Call& call) {
    const auto page = page_of(call);
    if (!page) return answer_of(page.error());
    const auto start = start_of(*page);
    if (!start) return answer_of(start.error());
    model::FieldErrors errors = parameter_errors(call, kParameters);
    const store::AuditFilter filter = filter_of(call, errors);
    if (!errors.empty()) return wrong_parameters(errors);
    const auto records = store_->audit(*start, page->limit, filter);
    if (!records) return answer_of(records.error());
    JsonWriter out;
    out.array();
    for (const store::AuditRecord& record : *records)
        write_record(out, record);
    out.end();
    Answer answer = json_answer(200, out.take());
    if (records->empty()) return answer;
    const std::uint64_t last_id = records->back().id;
    const auto rest = store_->audit(last_id, 1, filter);
    if (!rest) return answer_of(rest.error());
    if (!rest->empty()) answer.headers.emplace_back("Link", link_of(call, page->limit, last_id));
    return answer;
}

}  // namespace mcpgw::api
