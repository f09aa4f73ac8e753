// Text in columns, for people.
//
// Column widths follow the longest cell, counted in characters. Cells come from the gateway and
// from files: control characters, which could steer a terminal, are shown as '?'.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace mcpgw::cli {

class Table {
  public:
    // The first row; its number of cells is that of every row.
    explicit Table(std::vector<std::string> titles);

    void add(std::vector<std::string> cells);
    [[nodiscard]] bool empty() const { return rows_.size() == 1; }
    // Two spaces between columns, none at the end of a line, a line feed after each.
    [[nodiscard]] std::string text() const;

  private:
    std::vector<std::vector<std::string>> rows_;
};

// Control characters replaced by '?'.
[[nodiscard]] std::string for_terminal(std::string_view text);

}  // namespace mcpgw::cli
