// Memory comes zeroed from the kernel and is resident only where an entry was written.
#include "dataplane/session/opened_ids.h"

#include <cstdlib>
#include <cstring>
#include <type_traits>

#include "common/check.h"
#include "dataplane/session/seal.h"

namespace mcpgw {

void OpenedIds::Free::operator()(Entry* entries) const {
    std::free(entries);
}

OpenedIds::OpenedIds()
    : entries_(static_cast<Entry*>(std::calloc(limits::opened_ids_max, sizeof(Entry)))) {
    static_assert(std::is_trivial_v<Entry>, "zeroed memory is an array of free entries");
    check(entries_ != nullptr, "memory for opened ids");
}

OpenedIds::Entry& OpenedIds::place_of(std::string_view sealed) const {
    check(sealed.size() >= sizeof(std::uint64_t), "an id ends in its tag");
    std::uint64_t tail = 0;
    std::memcpy(&tail, sealed.data() + sealed.size() - sizeof tail, sizeof tail);
    // base64url uses a few bits of each byte; the product spreads them.
    return entries_[(tail * 0x9E3779B97F4A7C15ULL) >> 32 & (limits::opened_ids_max - 1)];
}

std::optional<SealedParts> OpenedIds::find(std::string_view sealed, std::string_view principal,
                                           std::span<std::byte> scratch) const {
    if (sealed.size() < sizeof(std::uint64_t)) return std::nullopt;
    const Entry& entry = place_of(sealed);
    const bool same = entry.sealed_bytes == sealed.size() && entry.generation == generation_ &&
                      sealed == std::string_view(entry.sealed.data(), entry.sealed_bytes) &&
                      principal == std::string_view(entry.principal.data(), entry.principal_bytes);
    if (!same || entry.server_id_bytes > scratch.size()) return std::nullopt;
    std::memcpy(scratch.data(), entry.server_id.data(), entry.server_id_bytes);
    return SealedParts{entry.adapter,
                       entry.instance,
                       entry.issued_unix_seconds,
                       {reinterpret_cast<const char*>(scratch.data()), entry.server_id_bytes}};
}

void OpenedIds::remember(std::string_view sealed, std::string_view principal,
                         const SealedParts& parts) {
    if (sealed.size() < sizeof(std::uint64_t) || sealed.size() > limits::opened_id_bytes_max ||
        principal.size() > limits::opened_principal_bytes_max ||
        parts.server_id.size() > limits::opened_server_id_bytes_max)
        return;
    Entry& entry = place_of(sealed);
    entry.generation = generation_;
    entry.adapter = parts.adapter;
    entry.instance = parts.instance;
    entry.issued_unix_seconds = parts.issued_unix_seconds;
    entry.sealed_bytes =
        static_cast<std::uint16_t>(sealed.copy(entry.sealed.data(), sealed.size()));
    entry.principal_bytes =
        static_cast<std::uint8_t>(principal.copy(entry.principal.data(), principal.size()));
    entry.server_id_bytes = static_cast<std::uint8_t>(
        parts.server_id.copy(entry.server_id.data(), parts.server_id.size()));
}

}  // namespace mcpgw
