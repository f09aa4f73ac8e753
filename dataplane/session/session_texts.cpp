// Texts in a record and in a chain of blocks behind it.
#include "dataplane/session/session_texts.h"

#include <algorithm>
#include <cstring>

#include "common/check.h"

namespace mcpgw {

SessionTexts::SessionTexts(std::uint32_t sessions, std::uint32_t blocks)
    : records_(sessions), blocks_(blocks), free_blocks_(blocks) {}

template <class Take>
void SessionTexts::each_part(Record& record, std::size_t bytes, Take&& take) const {
    std::size_t here = std::min(bytes, record.text.size());
    take(record.text.data(), here);
    bytes -= here;
    for (std::uint32_t block = record.first_block; bytes > 0; block = blocks_[block - 1].next) {
        check(block != 0, "the chain has room for what was put there");
        here = std::min(bytes, limits::session_text_block_bytes);
        take(blocks_[block - 1].text.data(), here);
        bytes -= here;
    }
}

bool SessionTexts::take_blocks(std::size_t bytes, std::uint32_t& first) {
    first = 0;
    while (bytes > 0) {
        const std::uint32_t block = free_blocks_.take();
        if (block == 0) {
            give_blocks(first);
            return false;
        }
        blocks_[block - 1].next = first;
        first = block;
        bytes -= std::min(bytes, limits::session_text_block_bytes);
    }
    return true;
}

void SessionTexts::give_blocks(std::uint32_t first) {
    while (first != 0) {
        const std::uint32_t next = blocks_[first - 1].next;
        free_blocks_.give(first);
        first = next;
    }
}

bool SessionTexts::put(std::uint32_t slot, const SessionTextViews& texts) {
    check(!texts.server_id.empty() &&
              texts.server_id.size() <= limits::server_session_id_bytes_max &&
              texts.user.size() <= limits::principal_bytes_max &&
              texts.tenant.size() <= limits::principal_bytes_max,
          "the texts of a session are within their limits");
    Record& record = records_[slot - 1];
    SessionTextCopy all;
    char* end = all.bytes_.data();
    for (const std::string_view text : {texts.server_id, texts.user, texts.tenant})
        end = std::copy(text.begin(), text.end(), end);
    const auto bytes = static_cast<std::size_t>(end - all.bytes_.data());
    const std::size_t beyond = bytes - std::min(bytes, record.text.size());
    if (!take_blocks(beyond, record.first_block)) return false;

    record.server_id_bytes = static_cast<std::uint16_t>(texts.server_id.size());
    record.user_bytes = static_cast<std::uint16_t>(texts.user.size());
    record.tenant_bytes = static_cast<std::uint16_t>(texts.tenant.size());
    const char* from = all.bytes_.data();
    each_part(record, bytes, [&from](char* part, std::size_t size) {
        std::memcpy(part, from, size);
        from += size;
    });
    return true;
}

void SessionTexts::clear(std::uint32_t slot) {
    Record& record = records_[slot - 1];
    give_blocks(record.first_block);
    record.first_block = 0;
    record.counters = {};
}

void SessionTexts::copy(std::uint32_t slot, SessionTextCopy& out) const {
    Record& record = records_[slot - 1];
    out.server_id_bytes_ = record.server_id_bytes;
    out.user_bytes_ = record.user_bytes;
    out.tenant_bytes_ = record.tenant_bytes;
    char* to = out.bytes_.data();
    each_part(record, out.server_id_bytes_ + out.user_bytes_ + out.tenant_bytes_,
              [&to](const char* part, std::size_t size) {
                  std::memcpy(to, part, size);
                  to += size;
              });
}

}  // namespace mcpgw
