// Any bytes as what an identity provider serves: a key set whose keys the contract takes, metadata
// that is of its issuer and in one line, or a reason.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "common/check.h"
#include "common/contract/snapshot.h"
#include "common/limits.h"
#include "controlplane/identity/discovery.h"
#include "controlplane/identity/key_set.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace mcpgw;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    constexpr std::string_view kIssuer = "https://idp.example";
    contract::Issuer issuer{std::string(kIssuer), {}, ""};
    auto set = identity::read_key_set(text);
    if (set)
        issuer.keys = std::move(set->keys);
    else
        check(!set.error().detail.empty(), "a refusal has a reason");
    auto metadata = identity::read_metadata(text, kIssuer);
    if (metadata) {
        check(metadata->jwks_uri.starts_with("http"), "keys are asked for by HTTP");
        if (metadata->text.size() <= limits::issuer_metadata_bytes_max)
            issuer.metadata = std::move(metadata->text);
    }
    contract::Snapshot snapshot{"e", 1, {{"k", std::string(32, 'k'), true}}, {}, {}};
    snapshot.access.issuers.push_back(std::move(issuer));
    const auto decoded = contract::decode_snapshot(contract::encode(snapshot));
    check(decoded && decoded->access == snapshot.access, "data planes take what is published");
    return 0;
}
