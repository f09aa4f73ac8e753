// Cuts a stream of bytes into lines of bounded length.
//
// Pieces come in any size; a line is given without its line feed, and views are valid until the
// next call. Pure, owned by whoever reads the stream.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace mcpgw::kubernetes {

class LineSplitter {
  public:
    explicit LineSplitter(std::size_t line_bytes_max) : line_bytes_max_(line_bytes_max) {}

    // Hands what has arrived over; afterwards take `next` until there is none.
    void feed(std::string_view bytes);
    // False: no further whole line has arrived.
    [[nodiscard]] bool next(std::string_view& line);
    // A line is longer than allowed: nothing more comes out of this splitter.
    [[nodiscard]] bool is_overlong() const { return is_overlong_; }
    // What has arrived of a line that has not ended.
    [[nodiscard]] std::string_view rest() const;

  private:
    std::size_t line_bytes_max_;
    std::string bytes_;
    std::size_t taken_ = 0;     // of `bytes_`
    std::size_t searched_ = 0;  // no line feed between `taken_` and here
    bool is_overlong_ = false;
};

}  // namespace mcpgw::kubernetes
