// The messages of a body or event, one by one: it is a single message or, in 2025-03-26, a batch of
// them. Each is looked at by a Peek; nothing else is kept, and input may be split anywhere.
//
//   [ {…} , {…} , … ]  ──▶  on_message(Peek of the first), on_message(Peek of the second), …
//
// What is no JSON ends the reading; what came before it has been told.
#pragma once

#include <cstdint>

#include "common/protocol/jsonrpc_peek.h"

namespace mcpgw::jsonrpc {

class MessageSink {
  public:
    // Once for every whole message, in their order.
    virtual void on_message(const Peek& message) = 0;

  protected:
    ~MessageSink() = default;
};

class MessageReader {
  public:
    void feed(Bytes input, MessageSink& sink);
    // For the next body or event.
    void reset();
    // Whether something could not be told: what is no object inside of a batch, or no JSON.
    [[nodiscard]] bool is_broken() const { return broken_; }

  private:
    enum class Place : std::uint8_t { start, between, message, ended };

    const char* in_message(const char* at, const char* end, MessageSink& sink);

    Place place_ = Place::start;
    bool is_batch_ = false;
    bool broken_ = false;
    Peek peek_;
};

}  // namespace mcpgw::jsonrpc
