// The tables of the SQLite store, and how an older database becomes a present one.
//
// The table schema_version has one row. Every migration is one transaction that also counts the
// version up, so a database is always at a whole version. A database of a newer version is refused:
// what this version would write could be wrong there.
#pragma once

#include "common/result.h"
#include "controlplane/store/database.h"

namespace mcpgw::store {

// The version that `migrate` leads to.
[[nodiscard]] std::uint64_t schema_version_newest();
// That of a database, 0 if it is empty; unsupported if it is newer than this program.
[[nodiscard]] Result<std::uint64_t> schema_version(Database& database);
[[nodiscard]] Result<> migrate(Database& database);

}  // namespace mcpgw::store
