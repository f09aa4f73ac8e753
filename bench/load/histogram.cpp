// Buckets of growing width.
#include "bench/load/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "common/check.h"

namespace mcpgw::bench {

// Values below 128 have a bucket each. Above, the magnitude is the position of the highest bit and
// the seven bits below it choose the bucket.
std::size_t Histogram::bucket_of(std::uint64_t nanos) {
    if (nanos < kPerMagnitude) return static_cast<std::size_t>(nanos);
    const unsigned shift = static_cast<unsigned>(std::bit_width(nanos)) - 1 - kPrecisionBits;
    const std::uint64_t within = (nanos >> shift) - kPerMagnitude;
    const std::size_t bucket = (shift + 1) * kPerMagnitude + static_cast<std::size_t>(within);
    return std::min(bucket, kMagnitudes * kPerMagnitude - 1);
}

std::uint64_t Histogram::upper_bound(std::size_t bucket) {
    const std::size_t magnitude = bucket / kPerMagnitude;
    const std::uint64_t within = bucket % kPerMagnitude;
    if (magnitude == 0) return within;
    return ((kPerMagnitude + within + 1) << (magnitude - 1)) - 1;
}

void Histogram::record(std::uint64_t nanos) {
    ++buckets_[bucket_of(nanos)];
    ++count_;
    max_ = std::max(max_, nanos);
}

std::uint64_t Histogram::percentile(double share) const {
    check(share >= 0 && share <= 1);
    if (count_ == 0) return 0;
    const auto wanted = std::max<std::uint64_t>(
        1, static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(count_))));
    std::uint64_t seen = 0;
    for (std::size_t bucket = 0; bucket < buckets_.size(); ++bucket) {
        seen += buckets_[bucket];
        // The last bucket also holds what is beyond it: only the maximum bounds it.
        if (seen >= wanted)
            return bucket + 1 == buckets_.size() ? max_ : std::min(max_, upper_bound(bucket));
    }
    return max_;
}

}  // namespace mcpgw::bench
