// Runs a test case over an input that is cut in many ways: whole, byte by byte, at random places.
//
// The seed is printed with every failure; MCPGW_TEST_SEED repeats a run. How the result of a case
// is compared is left to each test. Included by tests only.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "common/protocol/input_cuts.h"

namespace mcpgw::http {

inline std::uint64_t test_seed() {
    static const std::uint64_t seed = [] {
        const char* given = std::getenv("MCPGW_TEST_SEED");
        return given != nullptr ? std::strtoull(given, nullptr, 10)
                                : std::uint64_t{std::random_device{}()};
    }();
    return seed;
}

// Calls visit(pieces) for the whole input first, then for other ways to cut it.
template <class Visit>
void for_each_cutting(std::string_view text, Visit visit) {
    SCOPED_TRACE("MCPGW_TEST_SEED=" + std::to_string(test_seed()));
    std::mt19937_64 random(test_seed());
    visit(Pieces{as_bytes(text)});
    for (const std::size_t piece_bytes : {1U, 2U, 3U, 16U})
        visit(cut_every(text, piece_bytes));
    for (int round = 0; round < 20; ++round)
        visit(cut_at_random(text, random));
}

}  // namespace mcpgw::http
