// Latencies in nanoseconds, in buckets whose width grows with the value.
//
// Each power of two is divided into 128 buckets, so a percentile is at most 0.8 % above the true
// value at any magnitude, memory is constant, and recording is a few instructions (the layout of
// HDR histograms). Values beyond the largest bucket (over 18 minutes) count in it.
#pragma once

#include <array>
#include <cstdint>

namespace mcpgw::bench {

class Histogram {
  public:
    void record(std::uint64_t nanos);
    void clear() { *this = Histogram(); }

    [[nodiscard]] std::uint64_t count() const { return count_; }
    [[nodiscard]] std::uint64_t max() const { return max_; }
    // The least upper bound of a bucket that at least `share` (0 to 1) of the values do not exceed;
    // never more than the maximum. 0 when nothing was recorded.
    [[nodiscard]] std::uint64_t percentile(double share) const;

  private:
    static constexpr unsigned kPrecisionBits = 7;
    static constexpr unsigned kMagnitudes = 34;
    static constexpr std::size_t kPerMagnitude = std::size_t{1} << kPrecisionBits;

    static std::size_t bucket_of(std::uint64_t nanos);
    static std::uint64_t upper_bound(std::size_t bucket);

    std::array<std::uint64_t, kMagnitudes * kPerMagnitude> buckets_{};
    std::uint64_t count_ = 0;
    std::uint64_t max_ = 0;
};

}  // namespace mcpgw::bench
