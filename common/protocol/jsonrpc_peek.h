// A glance at a JSON-RPC message while it passes: its id, its method, and the few parameters that
// routing, metrics and error answers need. No tree, no allocation, input split anywhere.
//
// Looked at: the members `jsonrpc`-independent `id`, `method`, whether `result` or `error` is there,
// `params.name`, `params.uri`, `params.taskId`, `params.protocolVersion` and
// `params._meta["io.modelcontextprotocol/protocolVersion"]`, each only at that place. Of repeated
// members the last counts, as with JSON.parse, which the official servers use. Members may come in
// any order. Strings are unescaped; values that are longer than their limit are reported as absent.
// The structure is checked as far as it is read (RFC 8259 grammar, nesting up to depth_max); the
// full check is the server's.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "common/bytes.h"
#include "common/limits.h"

namespace mcpgw::jsonrpc {

// A short string that was collected from the stream.
template <std::size_t bytes_max>
class ShortText {
  public:
    [[nodiscard]] bool present() const { return present_; }
    [[nodiscard]] std::string_view view() const { return {bytes_.data(), size_}; }
    void start() {
        size_ = 0;
        present_ = false;
        overflowed_ = false;
    }
    void append(char c) {
        if (size_ == bytes_max)
            overflowed_ = true;
        else
            bytes_[size_++] = c;
    }
    void finish() { present_ = !overflowed_; }

  private:
    std::array<char, bytes_max> bytes_;
    std::uint16_t size_ = 0;
    bool present_ = false;
    bool overflowed_ = false;
};

enum class Kind : std::uint8_t {
    unknown,       // not (yet) decided, or not JSON-RPC
    request,       // method and id
    notification,  // method without id
    response,      // id with result or error
    batch,         // an array: 2025-03-26 only; nothing inside is looked at
};

class Peek {
  public:
    static constexpr std::size_t depth_max = 128;
    enum class State : std::uint8_t { reading, complete, malformed };

    // Feeds the next bytes of one message. After `complete` (the value has ended) only white space
    // may follow; anything else turns the state to `malformed`.
    void feed(Bytes input);
    void reset();

    [[nodiscard]] State state() const { return state_; }
    // What is known so far; final only in state `complete`.
    [[nodiscard]] Kind kind() const;
    // The id as raw JSON text (a number, or a string with its quotes and escapes); "null" and
    // anything that is no legal id count as absent.
    [[nodiscard]] bool has_id() const { return id_.present(); }
    [[nodiscard]] std::string_view id() const { return id_.view(); }
    [[nodiscard]] std::string_view method() const { return method_.view(); }
    [[nodiscard]] bool has_method() const { return method_.present(); }
    // params.name, else params.uri, else params.taskId (what Mcp-Name repeats), else empty.
    [[nodiscard]] std::string_view name() const;
    // params.protocolVersion of an initialize; empty when absent.
    [[nodiscard]] std::string_view initialize_version() const { return initialize_version_.view(); }
    // params._meta[".../protocolVersion"], the mark of the modern era; empty when absent.
    [[nodiscard]] std::string_view meta_version() const { return meta_version_.view(); }

    // The implementation chooses its own private members below this line.
  private:
    // (filled in by the implementation)
    State state_ = State::reading;
    ShortText<limits::jsonrpc_id_bytes_max> id_;
    ShortText<limits::mcp_name_bytes_max> method_;
    ShortText<limits::mcp_name_bytes_max> name_;
    ShortText<32> initialize_version_;
    ShortText<32> meta_version_;
};

}  // namespace mcpgw::jsonrpc
