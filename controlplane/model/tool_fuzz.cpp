// Any bytes as a tool: what is taken out of a text are the members that its tree has, white space
// says nothing, and a good tool that is written and read again is the same.
#include <cstddef>
#include <cstdint>
#include <string>

#include "common/check.h"
#include "controlplane/model/adapter_json.h"
#include "controlplane/model/json.h"
#include "controlplane/model/json_slice.h"

namespace {

using namespace mcpgw;
using namespace mcpgw::model;

void check_slices(const picojson::value& tree, std::string_view text) {
    const auto dense = parse_json(without_spaces(text));
    check(dense && *dense == tree, "white space says nothing");
    if (!tree.is<picojson::object>()) return;
    for (const auto& [key, value] : tree.get<picojson::object>()) {
        const auto slice = member_text(text, key);
        check(slice.has_value(), "each member has a text");
        const auto again = parse_json(*slice);
        check(again && *again == value, "which is that of its value");
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string text(reinterpret_cast<const char*>(data), size);
    static_cast<void>(without_spaces(text));
    const auto tree = parse_json(text);
    if (!tree) return 0;
    check_slices(*tree, text);
    const AdapterReading reading = read_resource(Kind::tool, *tree, text);
    if (!reading.errors.empty()) return 0;
    check(reading.adapter.kind() == Kind::tool, "it has a definition");
    JsonWriter out;
    write_adapter(out, reading.adapter, Audience::writer);
    const std::string written = out.take();
    const auto again = parse_json(written);
    check(again.has_value(), "what is written is JSON");
    const AdapterReading second = read_resource(Kind::tool, *again, written);
    check(second.errors.empty() && second.adapter == reading.adapter, "and the same tool");
    return 0;
}
