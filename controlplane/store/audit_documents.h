// What an audit record tells of a change: the thing before it and after it, as JSON.
//
// A record is kept for years and read by others than those who may write the resource, so values of
// environmentVariables and requestHeaders are hidden: "***", and "*** (changed)" after a change of
// the value itself. Everything else, command lines and tool definitions too, is told as it is.
#pragma once

#include <string>

#include "controlplane/keys/key_ring.h"
#include "controlplane/model/adapter.h"

namespace mcpgw::store {

// JSON texts; empty: there was nothing, or is nothing any more.
struct AuditDocuments {
    std::string before;
    std::string after;
};

// nullptr: nothing on that side.
[[nodiscard]] AuditDocuments audit_documents(const model::Adapter* before,
                                             const model::Adapter* after);
// Their ids, in order; never a key.
[[nodiscard]] AuditDocuments audit_documents(const keys::KeyRing& before,
                                             const keys::KeyRing& after);

}  // namespace mcpgw::store
