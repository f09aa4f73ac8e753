// What every test of an exploration ends with. The least number of nodes is a good part of what the
// present code needs: a scenario that has become smaller no longer tests what its name says.
#pragma once

#include <cstdio>

#include <gtest/gtest.h>

#include "tests/schedule/explorer.h"

namespace mcpgw::schedule {

inline void expect_all(const Explored& explored, std::size_t nodes_least) {
    EXPECT_FALSE(explored.broken) << "schedule " << explored.schedule;
    EXPECT_GE(explored.nodes, nodes_least) << "the scenario has become smaller";
    EXPECT_GE(explored.runs, explored.ends);
    std::printf("%zu runs, %zu nodes, %zu ends\n", explored.runs, explored.nodes, explored.ends);
}

}  // namespace mcpgw::schedule
