// Sealed ids against an attacker and against the round trip: arbitrary text never opens, and what
// was sealed from arbitrary parts opens to the same parts and not after a change.
//
// Input: byte 0 chooses where to change a sealed value and 1 how; the rest is the text.
#include <array>
#include <cstdint>
#include <string>

#include "common/check.h"
#include "dataplane/session/seal.h"

namespace {

using namespace mcpgw;

Sealer& sealer() {
    static Sealer one;
    static const std::array keys{
        contract::SealingKey{"k1", "0123456789abcdef0123456789ABCDEF", true}};
    one.set_keys(keys, 1);
    return one;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    const std::string_view text(reinterpret_cast<const char*>(data) + 2, size - 2);
    std::array<std::byte, Sealer::kScratchBytes> scratch;
    check(!sealer().open(text, "p", scratch), "a text from elsewhere does not open");
    check(!sealer().open("v1.k1." + std::string(text), "p", scratch), "nor with a known key id");

    std::array<char, limits::sealed_id_bytes_max> out;
    const SealedParts parts{1, 2, 3, text};
    const std::size_t sealed = sealer().seal(parts, "p", out);
    check((sealed > 0) == is_server_session_id(text), "every server's id can be sealed");
    if (sealed == 0) return 0;
    const auto opened = sealer().open({out.data(), sealed}, "p", scratch);
    check(opened && opened->server_id == text && opened->instance == 2, "it opens to its parts");
    char& changed = out[data[0] * sealed / 256];
    const char before = changed;
    changed = static_cast<char>(data[1]);
    check(changed == before || !sealer().open({out.data(), sealed}, "p", scratch),
          "a changed value does not open");
    return 0;
}
