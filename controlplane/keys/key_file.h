// The file of --session-keys: sealing keys that several gateways share.
//
//   {"version": 1, "keys": [{"id": "1f9c03aa", "key": "<32 bytes, base64url>",
//                            "created": "2026-11-21T13:04:02.123Z", "sealsFrom": "..."}]}
//
// Whoever can read it can forge session ids, so a file that group or others may read is refused. It
// is only ever replaced as a whole, by rename, under a lock; a reader sees the old or the new one.
// Details of errors begin with the file, name line or key and the remedy, and never quote a key.
// Errors: invalid_argument for a file that is no good; otherwise what the system said.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/result.h"
#include "controlplane/keys/key_ring.h"

namespace mcpgw::keys {

// What is wrong with the text, without the name of the file. The order of keys is that of age.
[[nodiscard]] Result<KeyRing> parse_key_file(std::string_view text);
[[nodiscard]] std::string key_file_text(const KeyRing& ring);

[[nodiscard]] Result<KeyRing> read_key_file(const std::string& path);

// A new file with one key that seals at once, mode 0600; conflict if the path exists.
[[nodiscard]] Result<KeyRing> create_key_file(const std::string& path, std::uint64_t now_unix_ms);

// Adds a key that seals after `lead_ms`, and drops the oldest if there are too many. Mode and owner
// stay. A second caller waits for the first; symbolic links are followed and stay.
[[nodiscard]] Result<KeyRing> rotate_key_file(const std::string& path, std::uint64_t now_unix_ms,
                                              std::uint64_t lead_ms);

}  // namespace mcpgw::keys
