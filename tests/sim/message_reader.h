// HTTP/1.1 as the actors read it: an own, simple reader, so that the gateway's is not its own
// judge.
//
//   head ─▶ body (length, chunked, until the end) ─▶ end ─▶ head of the next message ...
//
// It is strict: what the gateway sends must be valid to the letter. Bytes in any pieces.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mcpgw::sim {

struct MessageHead {
    std::string start;  // the request or status line
    std::vector<std::pair<std::string, std::string>> fields;

    // The value of the only field of that name; empty if there is none.
    [[nodiscard]] std::string_view find(std::string_view name) const;
    [[nodiscard]] std::size_t count(std::string_view name) const;
    [[nodiscard]] int status() const;  // of a response
};

class MessageReader {
  public:
    enum class Kind : std::uint8_t { request, response };
    enum class Event : std::uint8_t { needs_more, head, body, end, broken };

    explicit MessageReader(Kind kind) : kind_(kind) {}

    // Takes bytes from the front of `input`. After `head` head() is valid; after `body` piece() is
    // a view into what was the input.
    [[nodiscard]] Event next(std::string_view& input);
    // The peer has ended its side. True if a message may end here.
    [[nodiscard]] bool may_end() const {
        return (state_ == State::head && text_.empty()) || state_ == State::until_end;
    }
    [[nodiscard]] bool inside_message() const { return state_ != State::head || !text_.empty(); }
    // The response that comes next has no body (HEAD).
    void expect_no_body() { no_body_ = true; }

    [[nodiscard]] const MessageHead& head() const { return head_; }
    [[nodiscard]] std::string_view piece() const { return piece_; }

  private:
    enum class State : std::uint8_t {
        head,
        length,
        chunk_size,
        chunk_data,
        chunk_end,
        trailers,
        until_end,
        end,
        broken
    };
    Event read_head(std::string_view& input);
    Event read_data(std::string_view& input, State after);
    Event read_line(std::string_view& input);
    Event fail();
    void choose_framing();

    Kind kind_;
    State state_ = State::head;
    bool no_body_ = false;
    std::string text_;  // of the head or line that is being read
    MessageHead head_;
    std::string_view piece_;
    std::uint64_t left_ = 0;
};

}  // namespace mcpgw::sim
