// The texts of sessions, beside their slots: the server's own id, the user, the tenant. Needed to
// list a session and to end it at the server, never on the way of a request.
//
//   record    128 bytes  [ sizes | first block | the caller's words | text … ]
//   block     256 bytes  [ next | text … ]          what does not fit into the record, in a chain
//
// The three texts follow each other without a gap. Plain memory: put() and clear() are called by
// the one thread to which the slot belongs (filling, or left and held by nobody), copy() by those
// who hold the slot. When the blocks are used up, put() refuses and nothing has changed.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "common/limits.h"
#include "dataplane/session/mapped_array.h"
#include "dataplane/session/number_pool.h"
#include "dataplane/session/slot_state.h"

namespace mcpgw {

struct SessionTextViews {
    std::string_view server_id;  // 1...limits::server_session_id_bytes_max bytes
    std::string_view user;       // 0...limits::principal_bytes_max
    std::string_view tenant;     // 0...limits::principal_bytes_max
};

// Texts copied out of a table.
class SessionTextCopy {
  public:
    [[nodiscard]] std::string_view server_id() const { return {bytes_.data(), server_id_bytes_}; }
    [[nodiscard]] std::string_view user() const {
        return {bytes_.data() + server_id_bytes_, user_bytes_};
    }
    [[nodiscard]] std::string_view tenant() const {
        return {bytes_.data() + server_id_bytes_ + user_bytes_, tenant_bytes_};
    }

  private:
    friend class SessionTexts;
    static constexpr std::size_t kBytesMax =
        limits::server_session_id_bytes_max + 2 * limits::principal_bytes_max;

    std::size_t server_id_bytes_ = 0;
    std::size_t user_bytes_ = 0;
    std::size_t tenant_bytes_ = 0;
    std::array<char, kBytesMax> bytes_;
};

class SessionTexts {
  public:
    // Where a session is counted; words that the table keeps here, because they are rarely needed.
    struct Counters {
        SlotHandle principal;
        SlotHandle tenant;
        SlotHandle tenant_user;
        SlotHandle adapter;
        SlotHandle adapter_user;
    };

    SessionTexts(std::uint32_t sessions, std::uint32_t blocks);

    // False: no blocks left. Texts over their limits are a mistake of the caller.
    [[nodiscard]] bool put(std::uint32_t slot, const SessionTextViews& texts);
    void clear(std::uint32_t slot);
    void copy(std::uint32_t slot, SessionTextCopy& out) const;

    [[nodiscard]] Counters& counters(std::uint32_t slot) const {
        return records_[slot - 1].counters;
    }

  private:
    struct alignas(64) Record {
        Counters counters;
        std::uint32_t first_block;  // 0: none
        std::uint16_t server_id_bytes;
        std::uint16_t user_bytes;
        std::uint16_t tenant_bytes;
        std::array<char, limits::session_text_bytes> text;
    };
    static_assert(sizeof(Record) == 128, "two cache lines");
    struct Block {
        std::uint32_t next;
        std::array<char, limits::session_text_block_bytes> text;
    };
    [[nodiscard]] bool take_blocks(std::size_t bytes, std::uint32_t& first);
    void give_blocks(std::uint32_t first);

    // Calls take(part of the place of the texts, its size) from the front, `bytes` in all.
    template <class Take>
    void each_part(Record& record, std::size_t bytes, Take&& take) const;

    MappedArray<Record> records_;
    MappedArray<Block> blocks_;
    NumberPool free_blocks_;
};

}  // namespace mcpgw
