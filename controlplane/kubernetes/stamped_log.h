// A log whose lines begin with a time stamp and a space, as the API server gives it with
// timestamps=true; out comes the text without them.
//
// Stamps make it possible to go on where a stream broke: lines up to the last one that was given
// are left out. Lines of any length pass through in pieces; only a stamp is ever kept. Pure.
#pragma once

#include <string>
#include <string_view>

namespace mcpgw::kubernetes {

class StampedLog {
  public:
    // What of these bytes is text for the reader.
    [[nodiscard]] std::string feed(std::string_view bytes);
    // The stream begins anew: a line that was cut is ended, and given again.
    [[nodiscard]] std::string restart();

    // Of the last line that was given whole, as the server wrote it; empty: none yet.
    [[nodiscard]] const std::string& last_stamp() const { return last_stamp_; }

  private:
    //  in_stamp --space--> in_text or in_old --line end--> in_stamp
    enum class State : unsigned char { in_stamp, in_text, in_old };

    void begin_line(bool is_stamped, std::string& out);
    void end_line();

    State state_ = State::in_stamp;
    std::string stamp_;  // of this line, as far as it has arrived; empty: it has none
    std::string last_stamp_;
    std::string resume_after_;
};

}  // namespace mcpgw::kubernetes
