// One look-up for each name, and the size of it all.
#include "controlplane/secrets/request_headers.h"

#include <utility>

#include "controlplane/model/rules.h"

namespace mcpgw::secrets {

ResolvedHeaders resolve_headers(const model::Adapter& adapter, const SecretStore& store) {
    ResolvedHeaders result;
    for (const auto& [name, value] : adapter.request_headers) {
        if (!value.is_secret_name) {
            result.headers[name] = value;
            continue;
        }
        Result<std::string> secret = store.value(value.text);
        if (secret)
            result.headers[name] = {std::move(*secret), false};
        else if (result.obstacle.empty())
            result.obstacle = secret.error().detail;
    }
    // A data plane refuses a snapshot with more, and with it every change of every adapter.
    if (const auto* complaint = model::headers_complaint(result.headers)) {
        result.headers.clear();
        result.obstacle = std::string("requestHeaders, with their secrets, ") + complaint;
    }
    return result;
}

}  // namespace mcpgw::secrets
