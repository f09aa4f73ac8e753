// Records of the table become items of the contract: names instead of numbers, times of the day.
#include "dataplane/worker/session_list.h"

#include <algorithm>

#include "common/time.h"

namespace mcpgw::worker {
namespace {

// The table counts seconds of the monotonic clock.
std::uint64_t unix_ms_of(std::uint32_t seconds) {
    const auto now = static_cast<std::uint32_t>(monotonic_now() / kSecond);
    return unix_millis_now() - std::uint64_t{now - std::min(seconds, now)} * 1000;
}

bool matches(std::string_view wanted, std::string_view text) {
    return wanted.empty() || wanted == text;
}

}  // namespace

void SessionList::list(const contract::SessionsQuery& query, contract::SessionsPage& page) {
    const std::size_t reader = publication_.list_reader();
    const RouteTable* table = publication_.refresh(reader);
    if (table != nullptr) {
        places_.follow(*table);
        const auto cursor = static_cast<std::uint32_t>(
            std::min<std::uint64_t>(query.after, sessions_.table.sessions_max()));
        page.next = sessions_.table.visit(cursor, limits::session_list_looks_max,
                                          [&](const SessionRecord& record) {
                                              add(record, query, page);
                                              return page.items.size() < query.limit;
                                          });
    }
    publication_.leave(reader);
}

void SessionList::add(const SessionRecord& record, const contract::SessionsQuery& query,
                      contract::SessionsPage& page) const {
    const InstanceIndex::Place* place = places_.find(record.key.adapter, record.key.instance);
    if (place == nullptr) return;  // its instance is gone, and so will it be
    if (!matches(query.adapter, place->adapter->name) ||
        !matches(query.instance, place->instance->name) ||
        !matches(query.user, record.texts.user()) || !matches(query.tenant, record.texts.tenant()))
        return;
    const SessionTable::PublicId id = sessions_.table.public_id(record.handle);
    contract::SessionItem item;
    item.id.assign(id.data(), id.size());
    item.adapter = place->adapter->name;
    item.instance = place->instance->name;
    item.user = record.texts.user();
    item.tenant = record.texts.tenant();
    item.created_unix_ms = unix_ms_of(record.created);
    item.last_used_unix_ms = unix_ms_of(record.last_used);
    item.streams = record.streams;
    item.requests = record.requests;
    page.items.push_back(std::move(item));
}

bool SessionList::end(const contract::SessionEnd& wish, contract::SessionEnded& ended) {
    const SessionHandle session = sessions_.table.from_public_id(wish.id);
    SessionRecord record;
    if (!session || !sessions_.table.read(session, record)) return false;
    if (!matches(wish.user, record.texts.user()) || !janitor_.end(session)) return false;
    ended.user = record.texts.user();
    const std::size_t reader = publication_.list_reader();
    if (const RouteTable* table = publication_.refresh(reader); table != nullptr) {
        places_.follow(*table);
        if (const auto* place = places_.find(record.key.adapter, record.key.instance)) {
            ended.adapter = place->adapter->name;
            ended.instance = place->instance->name;
        }
    }
    publication_.leave(reader);
    return true;
}

}  // namespace mcpgw::worker
