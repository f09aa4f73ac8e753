// Reserved address space; the kernel fills in zeroed pages.
#include "dataplane/session/mapped_array.h"

#include <sys/mman.h>

namespace mcpgw {
namespace {

constexpr std::uintptr_t kHugePageBytes = 2 * 1024 * 1024;

std::uintptr_t rounded_up(std::uintptr_t address) {
    return (address + kHugePageBytes - 1) & ~(kHugePageBytes - 1);
}

}  // namespace

MappedMemory::MappedMemory(std::size_t bytes, std::size_t small_bytes) : bytes_(bytes) {
    check(bytes > 0, "there is no memory of no size");
    data_ = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    check(data_ != MAP_FAILED, "address space for an array");
    if (small_bytes >= bytes) return;
    const auto start = reinterpret_cast<std::uintptr_t>(data_);
    const std::uintptr_t huge = rounded_up(start + small_bytes);
    if (huge + kHugePageBytes > start + bytes) return;
    // Advice that a kernel without huge pages refuses; then pages stay small, which only costs
    // time.
    maybe(madvise(reinterpret_cast<void*>(huge), start + bytes - huge, MADV_HUGEPAGE) == 0);
}

MappedMemory::~MappedMemory() {
    if (data_ != nullptr) munmap(data_, bytes_);
}

}  // namespace mcpgw
