// Lines are collected until they end; beyond the limit they only pass a glance.
#include "tools/server/line_reader.h"

#include <algorithm>

#include "common/bytes.h"
#include "common/limits.h"

namespace mcpgw::server {
namespace {

// What a usual line needs; more is given back once it has passed.
constexpr std::size_t kKeptBytes = 64 * 1024;

}  // namespace

bool LineReader::feed(std::string_view bytes) {
    while (!bytes.empty()) {
        const std::size_t end = bytes.find('\n');
        const bool last = end != std::string_view::npos;
        const std::string_view piece = bytes.substr(0, end);
        if (glance_ == nullptr && line_.size() + piece.size() <= limits::stdio_line_bytes_max)
            line_.append(piece);
        else if (!skip(piece, last))
            return false;
        if (!last) return true;
        bytes.remove_prefix(end + 1);
        if (!line_.empty()) finish_line();
    }
    return true;
}

void LineReader::finish_line() {
    if (line_.ends_with('\r')) line_.pop_back();
    if (!line_.empty()) events_.on_line(line_);
    line_.clear();
    if (line_.capacity() > kKeptBytes) line_.shrink_to_fit();
}

bool LineReader::skip(std::string_view piece, bool last) {
    if (glance_ == nullptr) {
        glance_ = std::make_unique<jsonrpc::Peek>();
        glance_->feed(as_bytes(line_));
        skipped_bytes_ = line_.size();
        line_ = std::string();
    }
    glance_->feed(as_bytes(piece));
    skipped_bytes_ += piece.size();
    const bool hopeless = glance_->state() == jsonrpc::Peek::State::malformed ||
                          skipped_bytes_ > limits::stdio_line_skip_bytes_max;
    if (!last) return !hopeless;
    const std::unique_ptr<jsonrpc::Peek> message = std::move(glance_);
    const jsonrpc::Kind kind = message->kind();
    if (hopeless || message->state() != jsonrpc::Peek::State::complete ||
        kind == jsonrpc::Kind::unknown || kind == jsonrpc::Kind::batch)
        return false;
    events_.on_long_line(*message);
    return true;
}

}  // namespace mcpgw::server
