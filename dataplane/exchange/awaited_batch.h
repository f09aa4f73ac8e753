// The ids of a batch (2025-03-26) whose results an answer still owes: if its stream ends without
// some of them, the client is told of each.
//
// Raw JSON, a line each; those beyond limits::awaited_batch_bytes_max are not watched. Lives in a
// slot of its worker, from the first byte of a batch to the end of its answer.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "common/limits.h"
#include "common/protocol/jsonrpc_messages.h"

namespace mcpgw::exchange {

class AwaitedBatch final : private jsonrpc::MessageSink {
  public:
    // Bytes of the request: the ids of its requests are awaited.
    void feed_request(Bytes bytes) { reader_.feed(bytes, *this); }
    // The request has been read as far as it will be; what follows are events.
    void expect_events() {
        reader_.reset();
        collecting_ = false;
    }
    // Bytes of an event's data: the responses in it settle their ids.
    void feed_event(Bytes bytes) { reader_.feed(bytes, *this); }
    void end_event() { reader_.reset(); }

    [[nodiscard]] bool empty() const { return bytes_ == 0; }
    // Calls visit(id) for each that is still owed.
    template <class Visit>
    void for_each(Visit&& visit) const {
        for (std::string_view rest(ids_.data(), bytes_); !rest.empty();
             rest.remove_prefix(rest.find('\n') + 1))
            visit(rest.substr(0, rest.find('\n')));
    }

  private:
    void on_message(const jsonrpc::Peek& message) override;
    void add(std::string_view id);
    void settle(std::string_view id);

    jsonrpc::MessageReader reader_;
    bool collecting_ = true;
    std::uint16_t bytes_ = 0;
    std::array<char, limits::awaited_batch_bytes_max> ids_;
};

}  // namespace mcpgw::exchange
