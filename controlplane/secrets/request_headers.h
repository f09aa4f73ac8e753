// Request headers with the values of their secrets in place of the names.
//
// Pure but for the store. The result is for the data plane and nobody else.
#pragma once

#include <map>
#include <string>

#include "controlplane/model/adapter.h"
#include "controlplane/secrets/secret_store.h"

namespace mcpgw::secrets {

struct ResolvedHeaders {
    // Those whose values are known; no name of a secret among them.
    std::map<std::string, model::HeaderValue> headers;
    // Why the server cannot be sent what it needs, in words; empty: nothing is missing.
    std::string obstacle;
};

[[nodiscard]] ResolvedHeaders resolve_headers(const model::Adapter& adapter,
                                              const SecretStore& store);

}  // namespace mcpgw::secrets
