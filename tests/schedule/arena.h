// Where the tables of the explorer lie: the same addresses in every run, empty at its start, so
// that two runs that have come to the same place are seen to have.
#pragma once

namespace mcpgw::schedule {

// Only when nothing that was made before is used any more.
void clear_arena();

}  // namespace mcpgw::schedule
