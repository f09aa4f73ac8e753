// Judges the body of an answer, byte by byte, against what its server has sent.
//
// A plain body must be the server's, no more and no less. Into an event stream the gateway may put
// comments (between events only), and at its end, if the result never came, one error event with
// the request's id, after closing off an event that was cut. Only a legacy stream that has given an
// event id may end without either: its client polls.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "tests/sim/ledger.h"

namespace mcpgw::sim {

class AnswerCheck {
  public:
    void begin(const Ask& ask, bool from_server);
    // Fails the run at the first byte of a plain body that is wrong.
    void take(std::string_view piece);
    // The answer is complete as HTTP has it, or was cut: judged as far as it got. True if it is
    // exactly what the server sent, the gateway's comments aside.
    [[nodiscard]] bool judge(bool complete);
    // For the gateway's own answers.
    [[nodiscard]] const std::string& text() const { return text_; }
    [[nodiscard]] bool from_server() const { return from_server_; }
    [[nodiscard]] std::size_t bytes() const { return bytes_; }
    // Whether the stream stands between two events, as far as the client has seen.
    [[nodiscard]] bool at_border() const;

  private:
    [[nodiscard]] bool judge_stream(bool complete);
    [[nodiscard]] bool is_error_event(std::string_view tail, bool complete) const;

    const Ask* ask_ = nullptr;
    bool from_server_ = false;
    std::size_t bytes_ = 0;
    std::string text_;  // of streams and of the gateway's own answers
};

}  // namespace mcpgw::sim
