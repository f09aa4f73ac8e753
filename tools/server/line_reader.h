// Cuts the output of a stdio server into lines of bounded length.
//
// A line longer than limits::stdio_line_bytes_max is not kept: the rest of it is only glanced at,
// so that the request it answers can be failed and the session goes on. What is no message, or has
// no end within limits::stdio_line_skip_bytes_max, is hopeless. Owned by the thread that reads.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "common/protocol/jsonrpc_peek.h"

namespace mcpgw::server {

struct LineEvents {
    std::function<void(std::string_view line)> on_line;  // without its end; never empty
    // A complete message that was too long: what it was (a request, a notification or a response).
    std::function<void(const jsonrpc::Peek& message)> on_long_line;
};

class LineReader {
  public:
    explicit LineReader(LineEvents events) : events_(std::move(events)) {}

    // False: a line is too long, and nothing can be made of it.
    [[nodiscard]] bool feed(std::string_view bytes);

  private:
    bool skip(std::string_view piece, bool last);
    void finish_line();

    const LineEvents events_;
    std::string line_;
    std::unique_ptr<jsonrpc::Peek> glance_;  // only while a line is skipped
    std::size_t skipped_bytes_ = 0;
};

}  // namespace mcpgw::server
