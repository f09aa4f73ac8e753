// Where a head is written: a small block if it fits, else a large one, for which it is written a
// second time. Most heads are small; in large blocks each of them would begin a page of its own.
#pragma once

#include <utility>

#include "common/protocol/http1_writer.h"
#include "dataplane/transport/context.h"

namespace mcpgw::flow {

struct HeadBlock {
    io::Block block;  // empty: no block is free (then it is counted), or the head is too large
    std::size_t bytes = 0;
};

// `write` is given an http::HeadWriter, perhaps twice.
template <class Write>
[[nodiscard]] HeadBlock write_head(transport::Context& context, Write&& write) {
    bool found_one = false;
    for (io::BlockPool* pool : {&context.small_blocks, &context.blocks}) {
        io::Block block = pool->take();
        if (!block) continue;
        found_one = true;
        http::HeadWriter writer(block.room());
        write(writer);
        if (!writer.overflowed()) return {std::move(block), writer.size()};
    }
    if (!found_one) context.metrics.exhausted[Resource::blocks].add();
    return {};
}

}  // namespace mcpgw::flow
