// The processes that belong to `up` because nobody else is left to own them.
//
// `up` is the subreaper of everything below it: whoever loses its parent becomes its child. What
// was there before `up` began (children of the shell script that became `up` by exec) is not ours.
#pragma once

#include <set>
#include <vector>

#include <sys/types.h>

namespace mcpgw::cli {

// Direct children of this process, in no order; also those that ended and wait to be reaped.
[[nodiscard]] std::vector<pid_t> children_of_this_process();

class Descendants {
  public:
    // Remembers the children that exist already, and becomes the subreaper.
    Descendants();

    // Children that live (or wait to be reaped) and came after this object.
    [[nodiscard]] std::vector<pid_t> children() const;

  private:
    std::set<pid_t> strangers_;
};

}  // namespace mcpgw::cli
