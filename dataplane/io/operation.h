// A kernel operation as a member of the object that it serves.
//
// An owner declares one member per operation it can have in the kernel:
//
//   void on_received(const io::Completion& completion);
//   io::OperationOf<Connection, &Connection::on_received> receive_operation_{*this};
//
// The ring writes the address of that member into the kernel's queue, so an owner never moves, and
// is freed only when none of its operations is armed; the destructor checks it. A handler only
// records what happened; decisions are made later, in advance().
#pragma once

#include <cstdint>

#include "common/check.h"
#include "dataplane/io/near_function.h"
#include "dataplane/io/owner_offset.h"

namespace mcpgw::io {

struct Completion {
    std::int32_t result = 0;   // bytes, a descriptor, or a negative errno
    bool more = false;         // the operation stays armed and will complete again
    bool has_buffer = false;   // `buffer` names the provided buffer that was filled
    bool buffer_more = false;  // the kernel keeps it, to fill what is left of it
    std::uint16_t buffer = 0;
};

class Operation {
  public:
    using Deliver = void(void* owner, const Completion& completion);

    Operation(OwnerOffset owner, Deliver* deliver) : deliver_(deliver), owner_(owner) {}
    Operation(const Operation&) = delete;
    Operation& operator=(const Operation&) = delete;
    ~Operation() { check(!armed_, "the kernel still works for an owner that dies"); }

    [[nodiscard]] bool armed() const { return armed_; }

    // For the bodies of the ring only.
    void arm() {
        check(!armed_, "an operation is armed once at a time");
        armed_ = true;
    }
    void complete(const Completion& completion) {
        check(armed_, "a completion belongs to an armed operation");
        armed_ = completion.more;
        deliver_.get()(owner_.owner_of(this), completion);
    }

  private:
    NearFunction<Deliver> deliver_;
    OwnerOffset owner_;
    bool armed_ = false;
};

template <class Owner, void (Owner::*handler)(const Completion&)>
class OperationOf final : public Operation {
  public:
    explicit OperationOf(Owner& owner)
        : Operation(OwnerOffset(owner, this), [](void* object, const Completion& completion) {
              (static_cast<Owner*>(object)->*handler)(completion);
          }) {}
};

}  // namespace mcpgw::io
