// Snapshots and deltas from anywhere: never a crash, always a reason, and decoding what was encoded
// gives the same again. What was accepted keeps the promises the data plane builds on.
#include <cstdint>
#include <string>
#include <string_view>

#include "common/check.h"
#include "common/contract/frames.h"
#include "common/contract/snapshot.h"

namespace {

using mcpgw::check;
using namespace mcpgw::contract;

bool is_clean(std::string_view text) {
    for (const char c : text)
        if ((c >= 0 && c < 0x20) || c == 0x7f) return false;
    return true;
}

void check_adapter(const Adapter& adapter) {
    check(!adapter.name.empty(), "an adapter has a name");
    for (const auto& [name, value] : adapter.request_headers)
        check(!name.empty() && is_clean(name) && is_clean(value) &&
                  name.find_first_of(" :") == std::string::npos,
              "a header field is one line");
    for (const Instance& instance : adapter.instances) {
        check(instance.id != 0, "an instance has an id");
        check(instance.path.starts_with('/') && is_clean(instance.path) &&
                  instance.path.find(' ') == std::string::npos,
              "a path is a request target");
        check(is_clean(instance.authority) && !instance.authority.empty(), "a Host is one line");
        check((instance.port == 0) == instance.host.starts_with('/'), "the port rule");
    }
}

template <class T>
void round_trip(const mcpgw::Result<T>& first, mcpgw::Result<T> (*decode_one)(std::string_view)) {
    if (!first.has_value()) {
        check(!first.error().detail.empty(), "a refusal has a reason");
        return;
    }
    const std::string text = encode(*first);
    const mcpgw::Result<T> second = decode_one(text);
    check(second.has_value() && encode(*second) == text, "a round trip changes nothing");
    check(!type_of(text).empty(), "our frames have a type");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view json(reinterpret_cast<const char*>(data), size);
    const auto snapshot = decode_snapshot(json);
    round_trip(snapshot, decode_snapshot);
    if (snapshot.has_value())
        for (const Adapter& adapter : snapshot->adapters)
            check_adapter(adapter);
    const auto delta = decode_delta(json);
    round_trip(delta, decode_delta);
    if (delta.has_value())
        for (const Adapter& adapter : delta->upserts)
            check_adapter(adapter);
    return 0;
}
