// In place if possible, else by copying into a block (heads are not payload).
#include "dataplane/flow/head_reader.h"

#include <cstring>

namespace mcpgw::flow {

HeadReader::Outcome HeadReader::read(transport::SegmentQueue input, io::BlockPool& blocks) {
    while (!input.empty()) {
        const transport::Segment& front = *input.first();
        const std::size_t used = scanner_.feed(front.slice.bytes());
        if (scanner_.state() == http::HeadScanner::State::failed) return Outcome::failed;
        const bool complete = scanner_.state() == http::HeadScanner::State::complete;
        if (complete && block_bytes_ == 0) {
            slice_ = front.slice.share(0, used);
            text_ = slice_.text().substr(scanner_.leading_bytes());
            input.drop_front(used);
            return Outcome::complete;
        }
        if (!block_) block_ = blocks.take();
        if (!block_ || block_bytes_ + used > block_.room().size()) return Outcome::no_memory;
        std::memcpy(block_.room().data() + block_bytes_, front.data, used);
        block_bytes_ += used;
        input.drop_front(used);
        if (complete) {
            text_ = std::string_view(block_.room().data(), block_bytes_)
                        .substr(scanner_.leading_bytes());
            return Outcome::complete;
        }
    }
    return Outcome::needs_more;
}

void HeadReader::reset() {
    scanner_.reset();
    slice_.reset();
    block_.reset();
    block_bytes_ = 0;
    text_ = {};
}

}  // namespace mcpgw::flow
