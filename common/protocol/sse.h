// Server-sent events, seen from the outside (WHATWG HTML section 9.2.6): where an event ends, and
// which bytes are `data`, and whether any event had an id. Nothing is stored; input may be split
// anywhere.
//
// Lines end in LF, CR or CR LF (a CR at the very end of the input may still become CR LF). A byte
// order mark at the start is skipped. An empty line ends an event; between events the stream is at
// a border, the only place where a comment or an event of our own may be put in.
#pragma once

#include <cstdint>

#include "common/bytes.h"

namespace mcpgw::sse {

// May stand at the very beginning, and says nothing.
inline constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

// Told what is in the stream, in order. Data ranges lie in the input given to feed(); a data line
// may come in several ranges; between two data lines of one event on_data gets a single "\n".
class Sink {
  public:
    virtual void on_data(std::string_view piece) = 0;
    virtual void on_event_end() = 0;  // after the empty line, only for events that had any field

  protected:
    ~Sink() = default;
};

class Scanner {
  public:
    // Consumes all of `input`.
    void feed(Bytes input, Sink& sink);
    // True between events: nothing of an event has been seen since the last empty line (comment
    // lines that are complete do not count), and no line is unfinished. A final CR LF CR whose LF
    // is still to come is not a border yet.
    [[nodiscard]] bool at_border() const;
    // True when the last line is ended, whether or not its event is. An LF that is put in here
    // would end the event, and dispatch it as it is.
    [[nodiscard]] bool at_line_start() const;
    // Whether an event with an id has ended: its reader can ask for the rest of the stream later.
    [[nodiscard]] bool is_resumable() const { return is_resumable_; }

  private:
    enum class State : std::uint8_t;  // in the .cpp

    bool in_byte_order_mark(char c);
    void begin_line(char c);
    void in_field_name(char c, Sink& sink);
    void in_id_name(char c);
    void begin_data_line(Sink& sink);
    void end_line(char c, Sink& sink);

    State state_{};
    std::uint8_t bom_matched_ = 0;
    std::uint8_t name_matched_ = 0;  // bytes of "data", or of "id"
    bool event_has_fields_ : 1 = false;
    bool event_has_data_ : 1 = false;
    bool event_has_id_ : 1 = false;
    bool is_resumable_ : 1 = false;
    bool after_cr_ : 1 = false;  // an LF that comes next belongs to the line that has ended
};

}  // namespace mcpgw::sse
