// A function of this program in four bytes: how far it is from another one.
//
// Every operation and every timer names its handler, and each stream that waits has several of
// them. The code of one program lies within two gibibytes, which is checked where it is named.
#pragma once

#include <cstdint>

#include "common/check.h"

namespace mcpgw::io {

// Where distances begin; it does nothing.
inline void near_function_anchor() {}

template <class Signature>
class NearFunction {
  public:
    explicit NearFunction(Signature* function)
        : distance_(static_cast<std::int32_t>(address_of(function) - anchor())) {
        check(get() == function, "the code of one program lies close together");
    }
    [[nodiscard]] Signature* get() const {
        return reinterpret_cast<Signature*>(anchor() + distance_);
    }

  private:
    template <class Function>
    static std::intptr_t address_of(Function* function) {
        return reinterpret_cast<std::intptr_t>(function);
    }
    static std::intptr_t anchor() { return address_of(&near_function_anchor); }

    std::int32_t distance_;
};

}  // namespace mcpgw::io
