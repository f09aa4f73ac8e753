// The way from a member (an operation, a timer) to the object that it is a part of.
//
// Who calls back holds the address of the member only, and there are several such members in each
// connection: a distance of four bytes takes half of the room of a pointer. It needs an owner that
// never moves, and a member that lies in it, which is checked.
#pragma once

#include <cstddef>
#include <cstdint>

#include "common/check.h"

namespace mcpgw::io {

class OwnerOffset {
  public:
    template <class Owner>
    OwnerOffset(const Owner& owner, const void* member)
        : bytes_(static_cast<std::uint32_t>(static_cast<const std::byte*>(member) -
                                            reinterpret_cast<const std::byte*>(&owner))) {
        check(bytes_ < sizeof(Owner), "a member lies in its owner");
    }
    [[nodiscard]] void* owner_of(void* member) const {
        return static_cast<std::byte*>(member) - bytes_;
    }

  private:
    std::uint32_t bytes_;
};

}  // namespace mcpgw::io
