// Laying out tables.
#include "tools/gateway/table.h"

#include <algorithm>
#include <utility>

#include "common/check.h"

namespace mcpgw::cli {
namespace {

std::size_t width_of(std::string_view text) {
    return static_cast<std::size_t>(std::ranges::count_if(
        text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

}  // namespace

Table::Table(std::vector<std::string> titles) {
    rows_.push_back(std::move(titles));
}

void Table::add(std::vector<std::string> cells) {
    check(cells.size() == rows_.front().size(), "every row has all columns");
    for (std::string& cell : cells)
        cell = cell.empty() ? "-" : for_terminal(cell);
    rows_.push_back(std::move(cells));
}

std::string Table::text() const {
    std::vector<std::size_t> widths(rows_.front().size(), 0);
    for (const auto& row : rows_)
        for (std::size_t i = 0; i < row.size(); ++i)
            widths[i] = std::max(widths[i], width_of(row[i]));
    std::string out;
    for (const auto& row : rows_) {
        for (std::size_t i = 0; i < row.size(); ++i) {
            out += row[i];
            if (i + 1 < row.size()) out.append(widths[i] - width_of(row[i]) + 2, ' ');
        }
        out.push_back('\n');
    }
    return out;
}

std::string for_terminal(std::string_view text) {
    std::string out(text);
    for (std::size_t i = 0; i < out.size(); ++i) {
        const auto c = static_cast<unsigned char>(out[i]);
        // U+0080 to U+009F (C2 80 to C2 9F) are controls as well.
        const bool is_c1 =
            c == 0xC2 && i + 1 < out.size() && static_cast<unsigned char>(out[i + 1]) < 0xA0;
        if (is_c1)
            out.replace(i, 2, "?");
        else if (c < 0x20 || c == 0x7f)
            out[i] = '?';
    }
    return out;
}

}  // namespace mcpgw::cli
