// Filters and pages of a list, and the end of one session.
#include "controlplane/api/session_routes.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "common/bytes.h"
#include "common/json_writer.h"
#include "common/limits.h"
#include "common/log.h"
#include "common/time.h"
#include "controlplane/api/conditions.h"
#include "controlplane/model/rules.h"

namespace mcpgw::api {
namespace {

constexpr std::string_view kSessions = "/sessions";
constexpr std::array<std::string_view, 6> kParameters = {"limit",    "cursor", "adapter",
                                                         "instance", "user",   "tenant"};
constexpr Nanos kListTime = limits::session_list_ms * kMillisecond;

void write_item(JsonWriter& out, const std::string& process, const contract::SessionItem& item) {
    out.object().key("id").string(process + "-" + item.id);
    out.key("adapter").string(item.adapter);
    out.key("instance").string(item.instance);
    out.key("user").string(item.user);
    out.key("tenant").string(item.tenant);
    out.key("createdAt").string(rfc3339(item.created_unix_ms));
    out.key("lastUsedAt").string(rfc3339(item.last_used_unix_ms));
    out.key("streams").number(std::uint64_t{item.streams});
    out.key("requests").number(std::uint64_t{item.requests}).end();
}

// The filters of a query, with complaints about those that can match nothing.
contract::SessionsQuery filters_of(const Call& call, model::FieldErrors& errors) {
    contract::SessionsQuery query;
    const auto take = [&](const char* name, std::size_t bytes_max, std::string& out) {
        take_text(call, {name, bytes_max}, out, errors);
    };
    take("adapter", limits::name_bytes_max, query.adapter);
    take("instance", limits::instance_name_bytes_max, query.instance);
    take("user", limits::principal_bytes_max, query.user);
    take("tenant", limits::principal_bytes_max, query.tenant);
    if (const char* complaint =
            query.adapter.empty() ? nullptr : model::name_complaint(query.adapter))
        errors["adapter"].emplace_back(complaint);
    return query;
}

std::string link_of(const Call& call, std::size_t limit, const std::string& cursor) {
    std::string target = "/sessions?limit=" + std::to_string(limit) + "&cursor=" + cursor;
    for (const char* name : {"adapter", "instance", "user", "tenant"})
        if (const std::string* text = call.parameter(name))
            target += "&" + std::string(name) + "=" + percent_encoded(*text);
    return "<" + target + ">; rel=\"next\"";
}

Answer too_many() {
    Answer answer = problem(503, "too many calls ask for sessions; try again later");
    answer.headers.emplace_back("Retry-After", "1");
    return answer;
}

// Counts a call as long as it lives, also if that ends in an exception.
class Counted {
  public:
    explicit Counted(std::atomic<std::size_t>& count) : count_(count), before_(count++) {}
    ~Counted() { --count_; }
    Counted(const Counted&) = delete;
    Counted& operator=(const Counted&) = delete;

    [[nodiscard]] std::size_t before() const { return before_; }

  private:
    std::atomic<std::size_t>& count_;
    const std::size_t before_;
};

std::string known(const std::string& text) {
    return text.empty() ? "unknown" : text;
}

}  // namespace

struct SessionRoutes::List {
    contract::SessionsQuery query;
    std::size_t left;  // items that there is room for
    Nanos until;
    JsonWriter out;
};

bool is_sessions_path(std::string_view path) {
    return path == kSessions || path.starts_with("/sessions/");
}

Answer SessionRoutes::answer(const Call& call) {
    std::string_view path = call.path;
    if (path.ends_with('/')) path.remove_suffix(1);
    if (path == kSessions) {
        if (call.method != "GET" && call.method != "HEAD") return wrong_method("GET, HEAD");
    } else {
        const std::string_view id = path.substr(kSessions.size() + 1);
        if (id.empty() || id.find('/') != std::string_view::npos) return no_such_path();
        if (call.method != "DELETE") return wrong_method("DELETE");
    }
    // Each waits for data planes on a thread that others need, too.
    const Counted counted(calls_);
    return counted.before() < limits::session_calls_max ? ask(call, path) : too_many();
}

Answer SessionRoutes::ask(const Call& call, std::string_view path) {
    if (path == kSessions) return list(call);
    if (const auto errors = parameter_errors(call, {}); !errors.empty())
        return wrong_parameters(errors);
    return end(call, path.substr(kSessions.size() + 1));
}

Result<SessionRoutes::Place> SessionRoutes::place_of(const std::string& cursor) {
    if (cursor.empty()) return Place{};
    const std::size_t dash = cursor.find('-');
    Place place{cursor.substr(0, dash), 0};
    const char* const end = cursor.data() + cursor.size();
    if (dash != std::string::npos) {
        const auto [stop, error] = std::from_chars(cursor.data() + dash + 1, end, place.after);
        if (error == std::errc() && stop == end) return place;
    }
    return failure(Code::invalid_argument, "cursor is not one that this gateway gave",
                   Side::client);
}

Answer SessionRoutes::list(const Call& call) {
    const auto page = page_of(call);
    if (!page) return answer_of(page.error());
    const auto from = place_of(page->after);
    if (!from) return answer_of(from.error());
    model::FieldErrors errors = parameter_errors(call, kParameters);
    contract::SessionsQuery query = filters_of(call, errors);
    if (!errors.empty()) return wrong_parameters(errors);
    std::vector<std::string> processes = services_.processes();
    if (!access_.is_admin(call.who)) {
        if (!query.user.empty() && query.user != call.who.user_id) processes.clear();
        query.user = call.who.user_id;
    }
    List list{std::move(query), page->limit, services_.now() + kListTime, {}};
    list.out.array();
    std::optional<Place> next;
    for (const std::string& process : processes) {
        if (process < from->process) continue;
        list.query.after = process == from->process ? from->after : 0;
        next = collect(process, list);
        if (next) break;
    }
    list.out.end();
    Answer answer = json_answer(200, list.out.take());
    if (next) {
        const std::string cursor = cursor_of(next->process + "-" + std::to_string(next->after));
        answer.headers.emplace_back("Link", link_of(call, page->limit, cursor));
    }
    return answer;
}

std::optional<SessionRoutes::Place> SessionRoutes::collect(const std::string& process, List& list) {
    while (list.left > 0 && services_.now() < list.until) {
        list.query.limit = static_cast<std::uint32_t>(list.left);
        const auto answer = services_.page(process, list.query, list.until);
        if (!answer) {
            // One that was not given all its time is asked again, first of all.
            if (services_.now() >= list.until) break;
            return std::nullopt;
        }
        for (const contract::SessionItem& item : answer->items)
            write_item(list.out, process, item);
        list.left -= answer->items.size();
        if (answer->next <= list.query.after) return std::nullopt;
        list.query.after = answer->next;
    }
    return Place{process, list.query.after};
}

Answer SessionRoutes::end(const Call& call, std::string_view public_id) {
    const Answer unknown = problem(404, "there is no such session");
    const std::size_t dash = public_id.find('-');
    if (dash == std::string_view::npos) return unknown;
    const std::string process(public_id.substr(0, dash));
    contract::SessionEnd wish;
    wish.id = public_id.substr(dash + 1);
    if (!contract::is_session_id(wish.id)) return unknown;
    if (!std::ranges::binary_search(services_.processes(), process)) return unknown;
    if (!access_.is_admin(call.who)) wish.user = call.who.user_id;
    const auto ended = services_.end(process, wish);
    if (!ended) return answer_of(ended.error());
    if (!ended->found) return unknown;
    note_end(call, public_id, *ended);
    Answer answer;
    answer.status = 204;
    return answer;
}

void SessionRoutes::note_end(const Call& call, std::string_view public_id,
                             const contract::SessionEnded& ended) {
    log_info("a session was ended", {{"session", public_id},
                                     {"adapter", ended.adapter},
                                     {"instance", ended.instance},
                                     {"owner", ended.user},
                                     {"user", call.who.user_id}});
    // Its id means nothing once it is gone.
    const std::string detail = "adapter " + known(ended.adapter) + ", instance " +
                               known(ended.instance) + ", user " + known(ended.user);
    const auto noted = store_->append_audit(
        {0, unix_millis_now(), call.who.user_id, "session.end", std::string(public_id), detail});
    if (!noted) log_error("the audit log cannot be written", {{"why", noted.error().detail}});
}

}  // namespace mcpgw::api
