// Ways to cut an input into pieces, for tests and fuzz targets: a decoder may never care how the
// network cut what it reads. The caller brings the randomness. Not part of the product.
#pragma once

#include <algorithm>
#include <random>
#include <string_view>
#include <vector>

#include "common/bytes.h"

namespace mcpgw::http {

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

}  // namespace mcpgw::http
