// How many connections each client address has, over all workers: one address alone must not take
// every connection there is.
//
//   cells:  [ fingerprint 44 bits | count 20 bits ] x 8   a bucket, one cache line
//
// A table of fixed size without locks: an address is counted in one cell of the bucket that its
// hash names, and the cell is free again when the count is 0. IPv6 clients count by their /64,
// because one host has all of it. Loopback and Unix sockets are not counted: whoever is there (a
// proxy, a health check) speaks for many. If a bucket is full of other addresses, the connection is
// admitted without being counted; the hash is seeded, so nobody can aim at that.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string_view>
#include <vector>

namespace mcpgw::client {

class AddressCounts {
  public:
    enum class Loopback : std::uint8_t { exempt, counted };
    struct Options {
        std::size_t connections_max = 0;  // of the process; sizes the table
        std::uint32_t per_address_max = 0;
        std::uint64_t seed = 0;
        Loopback loopback = Loopback::exempt;
    };
    explicit AddressCounts(const Options& options);

    // `address` is numeric, as getpeername says it. False: it has as many as it may have. Each
    // successful enter() is followed by one leave() of the same address.
    [[nodiscard]] bool enter(std::string_view address);
    void leave(std::string_view address);

  private:
    struct alignas(64) Bucket {
        std::array<std::atomic<std::uint64_t>, 8> cells{};
    };
    // 0: not counted.
    [[nodiscard]] std::uint64_t hash_of(std::string_view address) const;
    [[nodiscard]] Bucket& bucket_of(std::uint64_t hash);

    Options options_;
    std::vector<Bucket> buckets_;
};

}  // namespace mcpgw::client
