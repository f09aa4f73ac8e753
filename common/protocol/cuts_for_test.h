// How tests cut an input into pieces: whole, byte by byte, and at random places.
//
// A decoder may never care how the network cut its input, so its tests run every case through
// for_each_cutting and compare. The seed is printed with every failure; MCPGW_TEST_SEED repeats a
// run. Included by tests only.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "common/bytes.h"

namespace mcpgw::http {

inline std::uint64_t test_seed() {
    static const std::uint64_t seed = [] {
        const char* given = std::getenv("MCPGW_TEST_SEED");
        return given != nullptr ? std::strtoull(given, nullptr, 10)
                                : std::uint64_t{std::random_device{}()};
    }();
    return seed;
}

using Pieces = std::vector<Bytes>;

inline Pieces cut_every(std::string_view text, std::size_t piece_bytes) {
    Pieces pieces;
    for (std::size_t at = 0; at < text.size(); at += piece_bytes)
        pieces.push_back(as_bytes(text.substr(at, piece_bytes)));
    return pieces;
}

// Pieces may be empty. Mostly small ones, because state is carried over where pieces meet.
inline Pieces cut_at_random(std::string_view text, std::mt19937_64& random) {
    Pieces pieces;
    while (!text.empty()) {
        const std::size_t bytes_max = random() % 4 == 0 ? text.size() : std::size_t{7};
        const std::size_t taken = std::min<std::size_t>(random() % (bytes_max + 1), text.size());
        pieces.push_back(as_bytes(text.substr(0, taken)));
        text.remove_prefix(taken);
    }
    return pieces;
}

// Calls visit(pieces) for the whole input first, then for other ways to cut it.
template <class Visit>
void for_each_cutting(std::string_view text, Visit visit) {
    SCOPED_TRACE("MCPGW_TEST_SEED=" + std::to_string(test_seed()));
    std::mt19937_64 random(test_seed());
    visit(Pieces{as_bytes(text)});
    for (const std::size_t piece_bytes : {1, 2, 3, 16})
        visit(cut_every(text, piece_bytes));
    for (int round = 0; round < 20; ++round)
        visit(cut_at_random(text, random));
}

}  // namespace mcpgw::http
