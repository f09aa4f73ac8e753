// Says where an assertion failed, then aborts so that a core dump shows the state.
#include "common/check.h"

#include <cstdio>
#include <cstdlib>

namespace mcpgw {

void check_failed(const char* what, const std::source_location& where) noexcept {
    std::fprintf(stderr, "assertion failed: %s at %s:%u in %s\n", what, where.file_name(),
                 where.line(), where.function_name());
    std::abort();
}

}  // namespace mcpgw
