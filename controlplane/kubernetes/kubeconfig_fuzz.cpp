// Any bytes as a kubeconfig: an access for each context, or one sentence about what is wrong.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "common/check.h"
#include "controlplane/kubernetes/kubeconfig.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace mcpgw;
    using namespace mcpgw::kubernetes;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto config = parse_kubeconfig(text, "/nowhere/config");
    if (!config) {
        check(!config.error().detail.empty(), "a refusal has a reason");
        return 0;
    }
    const auto judge = [&](const std::string& context) {
        const auto access = access_of(*config, context);
        if (!access) {
            check(!access.error().detail.empty(), "a refusal has a reason");
            return;
        }
        check(problem_of_server(access->server).empty(), "what is taken is a server");
        check(problem_of_token(access->token).empty(), "no token breaks out of its header");
        check(access->client_certificate.empty() == access->client_key.empty(), "both or none");
    };
    judge("");
    for (const auto& [name, context] : config->contexts)
        judge(name);
    Kubeconfig merged = *config;
    merge(merged, *config);
    check(merged.contexts.size() == config->contexts.size(), "merging with itself adds nothing");
    return 0;
}
