// What a child says on its standard error, and our remarks about it, on the way to our own log.
//
// Lines get the child's process id in front and are bounded in length (the rest is cut and counted)
// and in number: beyond limits::bridge_log_lines_per_second_max lines a second they are dropped,
// and the next second begins with how many. Times come from outside. Owned by the child's thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "common/time.h"

namespace mcpgw::server {

class ChildLog {
  public:
    using Sink = std::function<void(std::string_view line)>;  // with its end; bounded

    explicit ChildLog(Sink sink) : sink_(std::move(sink)) {}

    // Before the first line: whose lines they are.
    void set_process(std::int64_t pid) { prefix_ = "[" + std::to_string(pid) + "] "; }
    // Bytes as they were read.
    void append(std::string_view bytes, Nanos now);
    // A whole line of our own about the child.
    void note(std::string_view line, Nanos now);
    // Says how many lines were dropped, if their second is over.
    void tick(Nanos now);
    // When tick() has something to say; kNever if nothing was dropped.
    [[nodiscard]] Nanos tick_due() const;
    // The child is gone: a line without end is a line, and what was dropped is told.
    void finish(Nanos now);

  private:
    void end_line(Nanos now);
    bool take_turn(Nanos now);  // false: this second has no line left
    void tell_dropped();
    void write(std::string_view text, std::size_t cut_bytes);

    const Sink sink_;
    std::string prefix_;
    std::string line_;
    std::size_t cut_bytes_ = 0;  // of the line that is being read
    Nanos second_from_ = 0;
    std::size_t lines_ = 0;  // written in this second
    std::uint64_t dropped_ = 0;
};

// Writes to standard error what it takes at once, and loses the rest: whoever reads our log must
// not be able to hold a child.
void write_to_standard_error(std::string_view line);

}  // namespace mcpgw::server
