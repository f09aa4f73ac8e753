// Copies of the database in files of their own, and the way back.
//
//   write_backup   database, in use or not ──▶ FILE.part ── whole? synced? ──▶ FILE
//   restore_backup FILE ──▶ database.restoring ── whole? ──▶ database; the former ──▶ backups/
//
// A file under its final name is whole: every page was read back and judged. Nothing is in use
// while a backup is put in place; the caller holds the lock of the data directory. A copy holds
// adapters, keys and audit records, and no other file of the data directory.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/result.h"
#include "controlplane/store/database.h"

namespace mcpgw::store {

struct BackupFacts {
    std::string file;
    std::uint64_t bytes = 0;
    std::uint64_t schema_version = 0;
    std::uint64_t resources = 0;  // adapters and tools
    std::uint64_t audit_records = 0;
};

struct BackupWish {
    std::string file;
    bool overwrites = false;
    CopyProgress progress = [](int, int) {};
};

// The folder of backups beside a database, and a new name in it: WORD-20261122T051200.123Z.db.
[[nodiscard]] std::string backup_folder_of(std::string_view database_path);
[[nodiscard]] Result<std::string> new_backup_name(const std::string& database_path,
                                                  std::string_view word);

// conflict: the file exists and is not to be overwritten.
[[nodiscard]] Result<BackupFacts> write_backup(Database& source, const BackupWish& wish);

struct Restored {
    BackupFacts facts;
    std::string former;  // where the replaced database is; empty: there was none
};
// corrupt, unsupported or invalid_argument: the file is no good, and nothing was touched. The
// restored database counts on from far above the backup, so that no version is given out twice.
[[nodiscard]] Result<Restored> restore_backup(const BackupWish& wish,
                                              const std::string& database_path);

// What a new program does before it changes an older database; the newest few copies are kept.
[[nodiscard]] Result<> back_up_before_migration(Database& database);

// Of an error about damage: with the newest backup, and how it is put in place.
[[nodiscard]] Error with_way_out(Error error, const std::string& database_path);

}  // namespace mcpgw::store
