// Limits of the control plane's dealings with identity providers, and of the keys that it makes.
//
// A part of limits.h, which includes it and asserts the relations to the other limits; nobody else
// includes it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace mcpgw::limits {

// Keys are asked for again after what Cache-Control says, within these bounds: a key that has been
// withdrawn is to be gone within a day, and nobody is asked every moment.
inline constexpr std::uint32_t issuer_refresh_seconds_min = 5 * 60;
inline constexpr std::uint32_t issuer_refresh_seconds_default = 15 * 60;
inline constexpr std::uint32_t issuer_refresh_seconds_max = 24 * 60 * 60;
// After a failure, doubling.
inline constexpr std::uint32_t issuer_retry_first_ms = 1'000;
inline constexpr std::uint32_t issuer_retry_last_ms = 60'000;
inline constexpr std::uint32_t issuer_connect_ms = 5'000;
inline constexpr std::uint32_t issuer_answer_ms = 10'000;
// A document of a provider; those of the large ones have some 10 KiB.
inline constexpr std::size_t issuer_document_bytes_max = 512 * 1024;
// A file of certificate authorities; that of a whole system has some 220 KiB.
inline constexpr std::size_t authorities_bytes_max = 4 * 1024 * 1024;
// Shorter RSA keys can be factored by those who can afford it (CONTRACT section 7).
inline constexpr int rsa_key_bits_min = 2048;
// How often it is looked whether somebody else has changed tokens in the database.
inline constexpr std::uint32_t access_poll_ms = 500;
// A key of identity assertions signs for so long, and is published for so much longer, while
// assertions that it has signed, and keys that servers have kept, are still in use.
inline constexpr std::uint32_t assertion_key_days = 30;
inline constexpr std::uint32_t assertion_key_overlap_hours = 24;

}  // namespace mcpgw::limits
