// Leaves tools out of an answer to tools/list while it passes, whatever else is in it.
//
//   {"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"a",…},{"name":"b",…}],"nextCursor":"x"}}
//                                             └ held ┘└ passed or left out ┘
//
// Of every element of `result.tools`, in the message or in each message of a batch, only the
// beginning up to the end of its name is held; the rest passes or is dropped. All other bytes pass
// as they came, but `result.cacheScope`, which becomes "private": the list is one caller's. What
// has no name is left out, as is a name longer than a call could have. Other messages pass
// untouched, and so does what is no JSON: a client has no list in it.
//
// Grammar is the client's business; only texts, levels and names are seen here. Input may be split
// anywhere; nothing is allocated. What is held from one input to the next lies in the sink's room.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "common/limits.h"

namespace mcpgw::mcp {

class ToolsSink {
  public:
    // Goes on to the client: a part of the present input, of the room, or a constant.
    virtual void pass(std::string_view piece) = 0;
    [[nodiscard]] virtual bool shows(std::string_view tool) = 0;
    // Room for what is held from one input to the next, until release_room(); may be empty.
    [[nodiscard]] virtual std::span<char> room() = 0;
    virtual void release_room() = 0;

  protected:
    ~ToolsSink() = default;
};

class ToolsFilter {
  public:
    // False if what has passed should not have: an element gave itself another name behind the
    // first. From then on nothing passes.
    [[nodiscard]] bool feed(std::string_view input, ToolsSink& sink);
    // The message, or the event that it came in, has ended; another one may begin. False if it
    // ended within a list of tools.
    [[nodiscard]] bool end(ToolsSink& sink);

  private:
    enum class Flow : std::uint8_t { passing, holding, dropping };
    enum class Text : std::uint8_t { none, ignored, key, name, scope };  // the one at hand
    enum class Key : std::uint8_t { other, result, tools, cache_scope, name };
    enum class Verdict : std::uint8_t { open, shown, left_out };

    // What the levels are, from outside; `nothing` is also between and around messages.
    enum class Place : std::uint8_t { nothing, message, result, tools, element };

    [[nodiscard]] Place place() const;
    const char* in_text(const char* at, const char* end, ToolsSink& sink);
    void in_structure(char c, const char* at, ToolsSink& sink);
    void begin_text(const char* at, ToolsSink& sink);
    void end_text(const char* quote, ToolsSink& sink);
    void open(bool object, const char* behind, ToolsSink& sink);
    void close(const char* at, ToolsSink& sink);
    void begin_element(const char* from);
    void end_element(const char* at, bool is_last, ToolsSink& sink);
    void judge(ToolsSink& sink);
    [[nodiscard]] Key key_of_text() const;
    void pass_held(ToolsSink& sink);
    void hold(std::string_view piece, ToolsSink& sink);
    void forget_held(ToolsSink& sink);

    Flow flow_ = Flow::passing;
    Text text_ = Text::none;
    Key key_ = Key::other;  // the member whose value is next
    Verdict verdict_ = Verdict::open;
    bool began_ = false;      // the message, or whatever it is
    bool is_opaque_ = false;  // it is no JSON
    bool failed_ = false;
    bool escaped_ = false;   // the present byte of the text is
    bool key_next_ = false;  // a text that comes is a key
    bool in_message_ = false;
    bool in_result_ = false;
    bool in_tools_ = false;
    bool in_element_ = false;   // which is an object
    bool has_element_ = false;  // more than white space has come since the last comma
    bool shown_one_ = false;    // of the present list
    bool raw_overflowed_ = false;
    std::uint16_t raw_bytes_ = 0;
    std::uint32_t base_ = 0;  // levels around a message: 1 in a batch
    std::uint32_t depth_ = 0;
    const char* from_ = nullptr;  // of the present input, what has not been dealt with yet
    std::span<char> room_;
    std::size_t held_bytes_ = 0;  // in the room
    // The present key or name as it is written: each character may be an escape of six.
    std::array<char, 6 * limits::mcp_name_bytes_max> raw_;
};

}  // namespace mcpgw::mcp
