// From the body of POST or PUT to an adapter or a tool, or to the answer that says why not.
//
// Checks go from the outside in: size, kind, JSON, the rules of CONTRACT section 4, and last
// whether this gateway has anything that can run what is described. Who asks does not matter here.
#pragma once

#include <expected>

#include "controlplane/api/answer.h"
#include "controlplane/model/adapter.h"

namespace mcpgw::api {

// What this gateway can run.
struct Runners {
    bool images = false;
    bool commands = true;
    bool workload_identity = false;  // there is a service account for it
};

// 413, 415, 400 (not JSON, or rules broken: all of them at once), 422 (good, but nothing here can
// run it).
[[nodiscard]] std::expected<model::Adapter, Answer> read_body(const Call& call,
                                                              const Runners& runners,
                                                              model::Kind kind);

}  // namespace mcpgw::api
