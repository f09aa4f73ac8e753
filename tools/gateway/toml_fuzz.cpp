// Any bytes as a configuration: keys are bare and stand once, mistakes have a place and a reason,
// and the settings resolve to options or to problems that name the file.
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>

#include "common/check.h"
#include "tools/gateway/toml.h"
#include "tools/gateway/up_options.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace mcpgw;
    using namespace mcpgw::cli;
    const std::string text(reinterpret_cast<const char*>(data), size);
    const auto entries = parse_toml(text);
    if (entries) {
        std::set<std::string> keys;
        for (const TomlEntry& entry : *entries) {
            check(!entry.key.empty() && keys.insert(entry.key).second, "a key stands once");
            check(entry.is_array || entry.values.size() == 1, "one value, or an array");
        }
    } else {
        check(entries.error().at.line <= size + 1 && !entries.error().what.empty(), "a mistake");
    }
    SettingSources sources;
    sources.config_path = "f";
    sources.config_text = text;
    const auto options = resolve_up_options(sources);
    check(options.has_value() || !options.error().empty(), "options or problems");
    check(entries.has_value() || !options.has_value(), "no options without syntax");
    return 0;
}
