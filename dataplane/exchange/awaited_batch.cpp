// Lines that are added at the end and cut out again.
#include "dataplane/exchange/awaited_batch.h"

#include <algorithm>

namespace mcpgw::exchange {

void AwaitedBatch::on_message(const jsonrpc::Peek& message) {
    if (collecting_ && message.kind() == jsonrpc::Kind::request) add(message.id());
    if (!collecting_ && message.kind() == jsonrpc::Kind::response) settle(message.id());
}

void AwaitedBatch::add(std::string_view id) {
    // White space inside of an id is escaped, so that a line is a line.
    if (id.empty() || id.size() + 1 > ids_.size() - bytes_) return;
    id.copy(ids_.data() + bytes_, id.size());
    ids_[bytes_ + id.size()] = '\n';
    bytes_ = static_cast<std::uint16_t>(bytes_ + id.size() + 1);
}

void AwaitedBatch::settle(std::string_view id) {
    const std::string_view all(ids_.data(), bytes_);
    std::size_t at = 0;
    while (at < all.size()) {
        const std::size_t end = all.find('\n', at);
        if (all.substr(at, end - at) == id) break;
        at = end + 1;
    }
    if (at >= all.size()) return;
    const std::size_t next = all.find('\n', at) + 1;
    std::copy(ids_.begin() + static_cast<std::ptrdiff_t>(next), ids_.begin() + bytes_,
              ids_.begin() + static_cast<std::ptrdiff_t>(at));
    bytes_ = static_cast<std::uint16_t>(bytes_ - (next - at));
}

}  // namespace mcpgw::exchange
