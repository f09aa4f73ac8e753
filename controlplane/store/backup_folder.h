// The folder of backups: names that say what and when, and the few that are kept.
//
// A name is WORD-TIME.db, and the time orders the files of a word, whatever their dates in the file
// system say. Files of other names belong to people and are left alone.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"

namespace mcpgw::store {

// Makes the folder (mode 0700) if it is missing.
[[nodiscard]] Result<> make_backup_folder(const std::string& folder);

// WORD-20261122T051200.123Z.db.
[[nodiscard]] std::string backup_name(std::string_view word, std::uint64_t unix_millis);

// Names of files of which the word before the time begins with one of these, newest first.
[[nodiscard]] std::vector<std::string> backups_in(const std::string& folder,
                                                  const std::vector<std::string_view>& words);

// Removes all but the newest few of a word with their side files, and what a copy that was cut off
// has left.
void keep_newest_backups(const std::string& folder, std::string_view word, std::size_t count_max);

// The entries of the folder that holds this file are durable afterwards.
[[nodiscard]] Result<> sync_folder_of(const std::string& file);
[[nodiscard]] Result<> sync_file(const std::string& file);

}  // namespace mcpgw::store
