// What classify() must hold for any path: views inside the path, names of one segment, nothing
// known that is encoded or has dot segments.
#include <cstdint>
#include <string>
#include <string_view>

#include "common/check.h"
#include "dataplane/route/target.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace mcpgw;
    using Kind = Target::Kind;
    const std::string_view path(reinterpret_cast<const char*>(data), size);
    const Target target = classify(path);
    check(target.allow.empty() == (target.kind == Kind::unknown), "known paths have methods");
    if (target.kind == Kind::unknown) return 0;
    check(path.starts_with('/') || path == "*", "a known path is absolute, or means the server");
    check(path.find('%') == path.npos && path.find("//") == path.npos, "nothing is decoded");
    check((std::string(path) + '/').find("/../") == std::string::npos, "nothing is resolved");
    const bool is_adapter = target.kind == Kind::adapter_mcp || target.kind == Kind::adapter_sse ||
                            target.kind == Kind::adapter_messages;
    check(is_adapter != target.adapter.empty(), "an endpoint of an adapter names it");
    if (!is_adapter) return 0;
    check(target.adapter.data() == path.data() + 10, "the name is the second segment");
    check(target.adapter.find('/') == target.adapter.npos, "and only that");
    return 0;
}
