// Secrets on disk: DATA_DIR/secrets/NAME, a value each.
//
// The directory is for its owner alone (0700), and so are the files (0600); what others may read is
// refused, with a sentence that says what to do. A file is only ever replaced as a whole, by
// rename. A line feed at the end is not part of the value. No error ever quotes a value. Errors:
// invalid_argument for what is no good, not_found, otherwise what the system said.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"

namespace mcpgw::secrets {

[[nodiscard]] std::string directory_in(std::string_view data_dir);

// Makes the directory if it is missing; the data directory must be there. What root makes belongs
// to the owner of the data directory, who has to read it.
[[nodiscard]] Result<> write_secret(const std::string& directory, std::string_view name,
                                    std::string_view value);
[[nodiscard]] Result<std::string> read_secret(const std::string& directory, std::string_view name);
[[nodiscard]] Result<> delete_secret(const std::string& directory, std::string_view name);
// Names in order, limits::secrets_max at most; none where there is no directory.
[[nodiscard]] Result<std::vector<std::string>> list_secrets(const std::string& directory);

// Differs when a file has changed, been replaced, or gone: where it is, its size, mode and times.
struct FileMark {
    std::uint64_t inode = 0;
    std::uint64_t size = 0;
    std::uint64_t mode = 0;
    std::uint64_t written_ns = 0;
    std::uint64_t changed_ns = 0;
    bool operator==(const FileMark&) const = default;
};
[[nodiscard]] FileMark mark_of(const std::string& path);

// Without the line feed at its end, "\n" or "\r\n".
[[nodiscard]] std::string_view without_line_end(std::string_view text);

}  // namespace mcpgw::secrets
