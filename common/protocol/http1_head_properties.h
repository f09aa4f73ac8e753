// What must hold for any bytes that are read as a head; shared by the fuzz targets of requests and
// responses. A property that does not hold is a failed assertion, which ends the run.
#pragma once

#include <algorithm>
#include <random>
#include <string_view>
#include <vector>

#include "common/check.h"
#include "common/protocol/byte_scan.h"
#include "common/protocol/http1_head.h"
#include "common/protocol/input_cuts.h"

namespace mcpgw::http {

struct Scan {
    HeadScanner::State state = HeadScanner::State::scanning;
    HeadError error = HeadError::none;
    std::size_t head_bytes = 0;
    std::size_t leading_bytes = 0;
    bool operator==(const Scan&) const = default;
};

inline Scan scan_pieces(const Pieces& pieces, std::size_t bytes_max) {
    HeadScanner scanner(bytes_max);
    for (const Bytes piece : pieces) {
        const bool scanning = scanner.state() == HeadScanner::State::scanning;
        const std::size_t taken = scanner.feed(piece);
        check(taken <= piece.size() && (scanning || taken == 0), "takes what it was given");
        if (scanner.state() == HeadScanner::State::scanning)
            check(taken == piece.size(), "leaves nothing while it waits");
    }
    return {scanner.state(), scanner.error(), scanner.head_bytes(), scanner.leading_bytes()};
}

// The result of scanning, which is the same for every way to cut the text.
inline Scan scan_in_many_ways(std::string_view text, std::size_t bytes_max) {
    const Scan whole = scan_pieces({as_bytes(text)}, bytes_max);
    std::mt19937_64 random(fnv1a(text));
    check(scan_pieces(cut_every(text, 1), bytes_max) == whole, "the same byte by byte");
    for (int round = 0; round < 3; ++round)
        check(scan_pieces(cut_at_random(text, random), bytes_max) == whole, "the same in pieces");
    check(whole.head_bytes <= std::min(text.size(), bytes_max), "the limit holds");
    check((whole.state == HeadScanner::State::failed) == (whole.error != HeadError::none),
          "fails for a reason");
    return whole;
}

// A copy whose end is the end of its memory, so that reading on is noticed.
inline std::vector<char> exact_copy(std::string_view text) {
    return {text.begin(), text.end()};
}

inline void check_inside(std::string_view view, std::string_view head) {
    if (view.empty()) return;
    check(view.data() >= head.data() && view.data() + view.size() <= head.data() + head.size(),
          "a view lies inside the head");
}

inline void check_fields(const Fields& fields, std::string_view head) {
    check(fields.size() <= limits::header_fields_max, "the limit of fields holds");
    for (const Field& field : fields.all()) {
        check_inside(field.name, head);
        check_inside(field.value, head);
        check(is_token(field.name), "a name is a token");
        check(find_control(field.value, 0) == field.value.size(), "a value holds no control");
        if (!field.value.empty())
            check(!is_blank(field.value.front()) && !is_blank(field.value.back()), "trimmed");
    }
}

inline bool same_fields(const Fields& a, const Fields& b) {
    return std::ranges::equal(a.all(), b.all(), [](const Field& x, const Field& y) {
        return x.name == y.name && x.value == y.value;
    });
}

// A head that the parser takes is one that the scanner ends at the same byte.
inline void check_scanner_agrees(std::string_view head) {
    const Scan seen = scan_pieces({as_bytes(head)}, head.size());
    check(seen.state == HeadScanner::State::complete, "the scanner takes what the parser takes");
    check(seen.head_bytes == head.size() && seen.leading_bytes == 0, "and all of it");
}

}  // namespace mcpgw::http
