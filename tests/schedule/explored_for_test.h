// What the tests of explorations share. Three threads in every order would take hours, so there is
// a limit to the changes between them; MCPGW_SCHEDULE_CHANGES sets another one (four take minutes).
// The least number of nodes is a good part of what the present code needs: a scenario that has
// become smaller no longer tests what its name says.
#pragma once

#include <cstdio>
#include <cstdlib>

#include <gtest/gtest.h>

#include "tests/schedule/explorer.h"

namespace mcpgw::schedule {

inline std::size_t changes_max(std::size_t usual) {
    const char* asked = std::getenv("MCPGW_SCHEDULE_CHANGES");
    return asked == nullptr ? usual : std::strtoul(asked, nullptr, 10);
}

inline void expect_all(const Explored& explored, std::size_t nodes_least) {
    EXPECT_FALSE(explored.broken) << "schedule " << explored.schedule;
    EXPECT_GE(explored.nodes, nodes_least) << "the scenario has become smaller";
    EXPECT_GE(explored.runs, explored.ends);
    std::printf("%zu runs, %zu nodes, %zu ends\n", explored.runs, explored.nodes, explored.ends);
}

}  // namespace mcpgw::schedule
