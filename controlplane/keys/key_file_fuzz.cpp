// Any bytes as a file of session keys: a ring that keeps its rules and survives being written and
// read again, or one sentence about what is wrong.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "common/check.h"
#include "controlplane/keys/key_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace mcpgw;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto ring = keys::parse_key_file(text);
    if (!ring) {
        check(!ring.error().detail.empty(), "a refusal has a reason");
        return 0;
    }
    check(keys::problem_of(*ring).empty(), "what is taken keeps the rules");
    const auto again = keys::parse_key_file(keys::key_file_text(*ring));
    check(again && *again == *ring, "what is written is read");
    return 0;
}
