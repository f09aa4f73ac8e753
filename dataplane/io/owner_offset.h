// The way from a member (an operation, a timer) to the object that it is a part of.
//
// Who calls back holds the address of the member only, and there are several such members in each
// connection: a distance of two bytes takes a quarter of the room of a pointer. It needs an owner
// that never moves, and a member that lies in it, which is checked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

#include "common/check.h"

namespace mcpgw::io {

class OwnerOffset {
  public:
    template <class Owner>
    OwnerOffset(const Owner& owner, const void* member)
        : OwnerOffset(&owner, member, sizeof(Owner)) {}
    // `part` is the owner, or a base of it; the member lies in what is left of the owner there.
    OwnerOffset(const void* part, const void* member, std::size_t bytes_left) {
        const auto bytes = static_cast<std::size_t>(static_cast<const std::byte*>(member) -
                                                    static_cast<const std::byte*>(part));
        check(bytes < bytes_left, "a member lies in its owner");
        check(bytes % kUnitBytes == 0 && bytes / kUnitBytes <= kUnitsMax, "it can be named");
        units_ = static_cast<std::uint16_t>(bytes / kUnitBytes);
    }
    [[nodiscard]] void* owner_of(void* member) const {
        return static_cast<std::byte*>(member) - units_ * kUnitBytes;
    }

  private:
    // What such members are aligned to at least: an owner of 256 KiB (a worker) is still reached.
    static constexpr std::size_t kUnitBytes = 4;
    static constexpr std::size_t kUnitsMax = std::numeric_limits<std::uint16_t>::max();

    std::uint16_t units_;
};

}  // namespace mcpgw::io
