// What passes is the same however the input is cut; and where the input is JSON, so is what passes:
// the same tree, but for tools that are not to be seen, all of which are gone.
//
// The first byte says how long the pieces are.
#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include <simdjson.h>

#include "common/check.h"
#include "common/protocol/tools_filter.h"

namespace {

using mcpgw::check;
namespace dom = simdjson::dom;

bool is_shown(std::string_view tool) {
    return tool.size() % 2 == 0;
}

class Sink final : public mcpgw::mcp::ToolsSink {
  public:
    void pass(std::string_view piece) override { passed += piece; }
    bool shows(std::string_view tool) override { return is_shown(tool); }
    std::span<char> room() override { return room_; }
    void release_room() override {}
    std::string passed;

  private:
    std::vector<char> room_ = std::vector<char>(1 << 16);
};

struct Outcome {
    bool sound = true;
    std::string passed;
};

Outcome filtered(std::string_view text, std::size_t step) {
    mcpgw::mcp::ToolsFilter filter;
    Sink sink;
    Outcome out;
    for (std::size_t at = 0; at < text.size() && out.sound; at += step) {
        const std::string piece(text.substr(at, step));
        out.sound = filter.feed(piece, sink);
    }
    out.sound = filter.end(sink) && out.sound;
    out.passed = sink.passed;
    return out;
}

// Every name of a tool in `message` that a reader could find, also where members repeat.
void check_message(dom::element message) {
    dom::object object;
    if (message.get(object) != simdjson::SUCCESS) return;
    for (const dom::key_value_pair member : object) {
        dom::object result;
        if (member.key != "result" || member.value.get(result) != simdjson::SUCCESS) continue;
        for (const dom::key_value_pair inner : result) {
            dom::array tools;
            if (inner.key != "tools" || inner.value.get(tools) != simdjson::SUCCESS) continue;
            for (const dom::element tool : tools) {
                std::string_view name;
                check(tool.is_object(), "a tool is an object");
                bool named = false;
                for (const dom::key_value_pair field : dom::object(tool))
                    if (field.key == "name" && field.value.get(name) == simdjson::SUCCESS) {
                        named = true;
                        check(is_shown(name), "a hidden tool is not there");
                    }
                check(named, "what has no name is not there");
            }
        }
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
    const Outcome whole = filtered(text, text.size() + 1);
    const Outcome pieces = filtered(text, std::size_t{data[0]} % 64 + 1);
    check(whole.sound == pieces.sound, "pieces do not matter");
    if (!whole.sound) return 0;
    check(whole.passed == pieces.passed, "pieces do not matter");
    dom::parser parser;
    dom::element before;
    if (parser.parse(simdjson::padded_string(text)).get(before) != simdjson::SUCCESS) return 0;
    dom::parser other;
    dom::element after;
    check(other.parse(simdjson::padded_string(whole.passed)).get(after) == simdjson::SUCCESS,
          "JSON stays JSON");
    check_message(after);
    dom::array batch;
    if (after.get(batch) != simdjson::SUCCESS) return 0;
    for (const dom::element message : batch)
        check_message(message);
    return 0;
}
