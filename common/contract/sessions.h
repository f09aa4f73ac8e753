// Questions of the control plane about the sessions of a data plane, and their answers.
//
//   control plane                              data plane
//      sessions_query {request, after, …} ────▶
//                     ◀──── sessions_page {request, items, next}
//      session_end {request, id, user} ───────▶
//                     ◀──── session_ended {request, found, adapter, instance, user}
//
// `request` is chosen by the control plane and comes back; answers may come in any order, late, or
// never. A session has an id for people, which stands for it in one data plane only; the sealed
// value never leaves the way of requests. Only data planes that name themselves in hello
// (`process`) are asked.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"

namespace mcpgw::contract {

struct SessionsQuery {
    std::uint64_t request = 0;
    std::uint64_t after = 0;  // `next` of the page before; 0: from the start
    std::uint32_t limit = 1;  // 1...limits::list_items_max
    // Empty: any.
    std::string adapter = {};
    std::string instance = {};  // its name
    std::string user = {};
    std::string tenant = {};
    bool operator==(const SessionsQuery&) const = default;
};

struct SessionItem {
    std::string id;  // 1...limits::session_id_bytes_max of [A-Za-z0-9]
    std::string adapter;
    std::string instance;
    std::string user;
    std::string tenant;
    std::uint64_t created_unix_ms = 0;
    std::uint64_t last_used_unix_ms = 0;
    std::uint32_t streams = 0;
    std::uint32_t requests = 0;
    bool operator==(const SessionItem&) const = default;
};

// May hold fewer than were asked for, even none, and still go on: a data plane looks at a bounded
// number of sessions for one question.
struct SessionsPage {
    std::uint64_t request = 0;
    std::vector<SessionItem> items;
    std::uint64_t next = 0;  // where the next page starts, more than `after`; 0: there is none
    bool operator==(const SessionsPage&) const = default;
};

struct SessionEnd {
    std::uint64_t request = 0;
    std::string id;
    std::string user = {};  // ends it only if it is this user's; empty: whoever's it is
    bool operator==(const SessionEnd&) const = default;
};

// What it was, for those who keep a record. An older data plane leaves that out.
struct SessionEnded {
    std::uint64_t request = 0;
    bool found = false;
    std::string adapter = {};
    std::string instance = {};  // empty also if its instance is gone
    std::string user = {};
    bool operator==(const SessionEnded&) const = default;
};

// 1...limits::session_id_bytes_max letters and digits.
[[nodiscard]] bool is_session_id(std::string_view id);
// What an id, a name or a filter of the structs above may hold: no control characters, and at most
// so many bytes.
[[nodiscard]] bool is_plain_text(std::string_view text, std::size_t bytes_max);

[[nodiscard]] std::string encode(const SessionsQuery& query);  // "type":"sessions_query"
[[nodiscard]] std::string encode(const SessionsPage& page);    // "type":"sessions_page"
[[nodiscard]] std::string encode(const SessionEnd& wish);      // "type":"session_end"
[[nodiscard]] std::string encode(const SessionEnded& ended);   // "type":"session_ended"
[[nodiscard]] Result<SessionsQuery> decode_sessions_query(std::string_view json);
[[nodiscard]] Result<SessionsPage> decode_sessions_page(std::string_view json);
[[nodiscard]] Result<SessionEnd> decode_session_end(std::string_view json);
[[nodiscard]] Result<SessionEnded> decode_session_ended(std::string_view json);

}  // namespace mcpgw::contract
