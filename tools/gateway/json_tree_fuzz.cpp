// Any bytes as JSON: what is read survives being written and read again, in both forms; whatever
// is valid without comments is the same with them; positions lie within the text.
#include <cstddef>
#include <cstdint>
#include <string>

#include "common/check.h"
#include "tools/gateway/json_tree.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace mcpgw;
    using namespace mcpgw::cli;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto strict = parse_json_tree(text);
    const auto lenient = parse_json_tree(text, JsonDialect::with_comments);
    if (strict) {
        check(lenient.has_value(), "comments are an addition");
        check(to_json(*strict) == to_json(*lenient), "and change nothing else");
    }
    if (lenient) {
        const std::string line = to_json(*lenient);
        for (const std::string& written : {line, to_pretty_json(*lenient)}) {
            const auto again = parse_json_tree(written);
            check(again.has_value() && to_json(*again) == line, "writing keeps everything");
        }
    } else {
        check(lenient.error().at.line <= size + 1, "a line of the text");
        check(!lenient.error().what.empty(), "a reason");
    }
    return 0;
}
