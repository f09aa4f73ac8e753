// A glance at a JSON-RPC message while it passes: its id, its method, and the few parameters that
// routing, metrics and error answers need. No tree, no allocation, input split anywhere.
//
// Looked at: the members `jsonrpc`-independent `id`, `method`, whether `result` or `error` is
// there, `params.name`, `params.uri`, `params.taskId`, `params.protocolVersion`,
// `params._meta["io.modelcontextprotocol/protocolVersion"]` and `result.taskId`, each only at that
// place. Of repeated
// members the last counts, as with JSON.parse, which the official servers use. Members may come in
// any order. Strings are unescaped; values that are longer than their limit are reported as absent.
// The structure is checked as far as it is read (RFC 8259 grammar, nesting up to depth_max); the
// full check is the server's, and so is the check for UTF-8. A message is an object or a batch:
// any other top-level value is malformed. A surrogate without its partner becomes U+FFFD.
#pragma once

#include <algorithm>
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
    // Finished and within the limit.
    [[nodiscard]] bool present() const { return finished_ && !overflowed_; }
    // Finished, perhaps longer than the limit.
    [[nodiscard]] bool seen() const { return finished_; }
    // Nothing was collected since start().
    [[nodiscard]] bool empty() const { return size_ == 0 && !overflowed_; }
    // Empty unless present.
    [[nodiscard]] std::string_view view() const {
        return {bytes_.data(), present() ? size_ : std::size_t{0}};
    }
    void start() {
        size_ = 0;
        finished_ = false;
        overflowed_ = false;
    }
    void append(std::string_view piece) {
        if (piece.size() > bytes_max - size_) {
            overflowed_ = true;
            return;
        }
        std::copy(piece.begin(), piece.end(), bytes_.begin() + size_);
        size_ = static_cast<std::uint16_t>(size_ + piece.size());
    }
    void finish() { finished_ = true; }

  private:
    std::array<char, bytes_max> bytes_;
    std::uint16_t size_ = 0;
    bool finished_ = false;
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
    // What Mcp-Name repeats (MCP 2026-07-28, streamable HTTP): params.name for tools/call and
    // prompts/get, params.uri for resources/read, params.taskId for tasks/*; for any other method
    // the first of the three that is there. Empty when absent.
    [[nodiscard]] std::string_view name() const;
    // params.protocolVersion of an initialize; empty when absent.
    [[nodiscard]] std::string_view initialize_version() const { return initialize_version_.view(); }
    // params._meta[".../protocolVersion"], the mark of the modern era; empty when absent.
    [[nodiscard]] std::string_view meta_version() const { return meta_version_.view(); }
    // result.taskId: what the server calls a task that it has begun (tasks extension); empty when
    // absent.
    [[nodiscard]] std::string_view result_task_id() const { return result_task_id_.view(); }
    // Whether another reader of the same bytes may find another method, or another params.name:
    // because `method`, `params` or `params.name` is there twice (some take the first, some join
    // them), a member's name is one of these but for case (some ignore it), or there are control
    // characters (some end texts at NUL) or halves of surrogates in such a name or value. Once
    // true it stays true.
    [[nodiscard]] bool is_doubtful() const { return doubtful_; }

  private:
    enum class Expect : std::uint8_t;  // what the next byte belongs to
    enum class Number : std::uint8_t;  // how far a number has come
    enum class Member : std::uint8_t;  // which member a value belongs to

    const char* in_structure(const char* at, const char* end);
    const char* in_string(const char* at, const char* end);
    const char* in_number(const char* at, const char* end);
    [[nodiscard]] static Number after(Number number, char c);
    void in_escape(char c);
    void in_unicode_escape(char c);
    void in_literal(char c);
    void token(char c);
    void begin_value(char c);
    void begin_string(Member target);
    void begin_key();
    void end_text(std::string_view last_run);
    void end_key(std::string_view last_run);
    void begin_number(char c);
    void begin_literal(char c);
    void open(bool object);
    void close(bool object);
    void end_value();

    [[nodiscard]] bool at_watched_level() const { return depth_ > 0 && depth_ == watched_; }
    [[nodiscard]] Member member_named(std::string_view key) const;
    void forget(Member member);
    void note_given(Member member);
    void note_look_alike(std::string_view key);
    void note_odd_character();
    template <class Use>
    void with_target(Use use);
    void collect(std::string_view piece);
    void collect_code_point(std::uint32_t code_point);
    void collect_code_unit();
    void flush_lone_surrogate();
    void finish_target();
    void fail() { state_ = State::malformed; }

    State state_ = State::reading;
    Expect expect_{};
    Number number_{};
    Member member_{};  // of the watched object that is open, the member whose value is next
    Member target_{};  // where the present string or number is collected
    bool in_key_ = false;
    bool in_object_ = false;  // the innermost open one is an object
    bool is_batch_ = false;
    bool answered_ = false;  // result or error is there
    bool doubtful_ = false;
    std::uint8_t given_ = 0;    // bits of what is there: method, params, params.name
    bool in_result_ = false;    // of what is watched, the second level is the result, not params
    std::uint8_t depth_ = 0;    // open objects and arrays
    std::uint8_t watched_ = 0;  // so many from outside: message, params or result, _meta
    std::uint8_t literal_ = 0;  // which of true, false, null
    std::uint8_t literal_matched_ = 0;
    std::uint8_t hex_digits_ = 0;  // of the present \u escape
    std::uint16_t code_unit_ = 0;
    std::uint16_t high_surrogate_ = 0;  // waits for its low one; 0: none
    std::array<std::uint64_t, depth_max / 64>
        object_at_depth_{};  // one bit for each that encloses it
    ShortText<48> key_;
    ShortText<limits::jsonrpc_id_bytes_max> id_;
    ShortText<limits::mcp_name_bytes_max> method_;
    ShortText<limits::mcp_name_bytes_max> name_;
    ShortText<limits::mcp_name_bytes_max> uri_;
    ShortText<limits::mcp_name_bytes_max> task_id_;
    ShortText<limits::mcp_name_bytes_max> result_task_id_;
    ShortText<32> initialize_version_;
    ShortText<32> meta_version_;
};

}  // namespace mcpgw::jsonrpc
