// Opening, judging and mapping the file of counters.
#include "dataplane/limit/counter_file.h"

#include <cerrno>
#include <cstring>
#include <span>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "common/check.h"
#include "common/log.h"
#include "dataplane/session/seal.h"

namespace mcpgw::limit {
namespace {

constexpr std::uint64_t kMagic = 0x73746d696c776d67ULL;  // gmwlimts
constexpr std::uint32_t kLayout = 1;
constexpr std::size_t kHeaderBytes = 4096;

std::unexpected<Error> failed(std::string_view what) {
    return std::unexpected(error_from_errno(errno, what));
}

// Times of the monotonic clock mean nothing after another start of the machine.
std::array<char, 40> boot_of_machine() {
    std::array<char, 40> boot{};
    const FileDescriptor file(::open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC));
    if (file && ::read(file.get(), boot.data(), boot.size() - 1) <= 0) boot = {};
    return boot;
}

}  // namespace

CounterFile::CounterFile(const std::string& directory, std::uint32_t counters)
    : counters_(counters), bytes_(kHeaderBytes + std::size_t{counters} * sizeof(CounterRecord)) {
    static_assert(sizeof(Header) <= kHeaderBytes);
    check(counters > 0, "a table has counters");
    void* base = nullptr;
    if (!directory.empty()) {
        if (const auto mapped = map(directory + "/limits"); mapped)
            base = mapped_;
        else
            log_warn("counters of limits are not kept beyond this process",
                     {{"reason", mapped.error().detail}});
    }
    if (base == nullptr) {
        memory_ = MappedMemory(bytes_, MappedMemory::kNeverHuge);
        base = memory_.data();
    }
    header_ = static_cast<Header*>(base);
    records_ = reinterpret_cast<CounterRecord*>(static_cast<std::byte*>(base) + kHeaderBytes);
    if (!is_good(*header_)) make_header();
    take_boot();
}

CounterFile::~CounterFile() {
    if (mapped_ != nullptr) ::munmap(mapped_, bytes_);
}

// Afterwards `mapped_` is the file, which is good, or all zero.
Result<> CounterFile::map(const std::string& path) {
    file_ = FileDescriptor(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!file_) return failed("cannot open " + path);
    if (::flock(file_.get(), LOCK_EX | LOCK_NB) != 0)
        return failure(Code::conflict, path + " is locked by another process");
    struct stat status{};
    if (::fstat(file_.get(), &status) != 0) return failed("cannot look at " + path);
    if (!S_ISREG(status.st_mode)) return failure(Code::conflict, path + " is no file");

    Header header{};
    const bool is_new = status.st_size == 0;
    const bool is_ours = static_cast<std::size_t>(status.st_size) == bytes_ &&
                         ::pread(file_.get(), &header, sizeof header, 0) == sizeof header &&
                         is_good(header);
    if (!is_ours && ::ftruncate(file_.get(), 0) != 0) return failed("cannot empty " + path);
    if (!is_ours && !is_new)
        log_warn("counters of limits begin anew: the file was broken or of another version",
                 {{"file", path}});
    if (const int error = ::posix_fallocate(file_.get(), 0, static_cast<off_t>(bytes_)); error != 0)
        return std::unexpected(error_from_errno(error, "no room for " + path));
    void* mapped = ::mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED, file_.get(), 0);
    if (mapped == MAP_FAILED) return failed("cannot map " + path);
    mapped_ = mapped;
    return {};
}

bool CounterFile::is_good(const Header& header) const {
    return header.magic == kMagic && header.layout == kLayout && header.counters == counters_ &&
           header.high_water.load(std::memory_order_relaxed) <= counters_;
}

// The magic number last: what ends before is no file of ours.
void CounterFile::make_header() {
    header_->layout = kLayout;
    header_->counters = counters_;
    check(system_random(std::as_writable_bytes(std::span(header_->hash_key))),
          "the kernel has random numbers");
    header_->high_water.store(0, std::memory_order_release);
    header_->magic = kMagic;
}

void CounterFile::take_boot() {
    const std::array<char, 40> boot = boot_of_machine();
    if (header_->boot == boot && boot.front() != '\0') return;
    for (std::uint32_t number = 1; number <= high_water(); ++number)
        at(number).rate.store(0, std::memory_order_relaxed);
    header_->boot = boot;
}

std::uint32_t CounterFile::high_water() const {
    return header_->high_water.load(std::memory_order_acquire);
}

void CounterFile::raise_high_water(std::uint32_t number) const {
    std::uint32_t high = high_water();
    while (high < number &&
           !header_->high_water.compare_exchange_weak(high, number, std::memory_order_acq_rel)) {
    }
}

void CounterFile::lower_high_water(std::uint32_t number) const {
    header_->high_water.store(number, std::memory_order_release);
}

}  // namespace mcpgw::limit
