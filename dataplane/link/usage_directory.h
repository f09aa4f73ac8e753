// What the link asks the owner of the counters, for the control plane.
//
// Called on the link thread, which does nothing else meanwhile: a call looks at the tenants of one
// question and waits for nothing.
#pragma once

#include "common/contract/usage.h"

namespace mcpgw {

class UsageDirectory {
  public:
    UsageDirectory() = default;
    UsageDirectory(const UsageDirectory&) = delete;
    UsageDirectory& operator=(const UsageDirectory&) = delete;

    // Adds an item for each tenant of the question, in its order.
    virtual void list(const contract::UsageQuery& query, contract::UsagePage& page) = 0;

  protected:
    ~UsageDirectory() = default;
};

}  // namespace mcpgw
