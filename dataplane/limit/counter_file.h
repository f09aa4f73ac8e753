// Where the counters lie: a file of the data directory, mapped shared, so that nothing is lost when
// this process is killed.
//
//   limits   [ header, a page | CounterRecord × counters ]      mode 0600, locked by one process
//
// All of its blocks are taken at start: a full disk must not end a process that writes to memory. A
// file that is broken, of another layout or size is made anew. Where there is no data directory, or
// the file cannot be had, counters are memory of the process, which is said in the log.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "common/result.h"
#include "dataplane/limit/subject_key.h"
#include "dataplane/link/file_descriptor.h"
#include "dataplane/session/mapped_array.h"
#include "dataplane/session/shared_word.h"

namespace mcpgw::limit {

struct alignas(64) CounterRecord {
    SharedWord<std::uint64_t> scope;  // 1 + LimitScope; 0: free. Set last, cleared first
    SharedWord<std::uint64_t> first;  // SubjectKey
    SharedWord<std::uint64_t> second;
    SharedWord<std::uint64_t> window;      // QuotaWindow
    SharedWord<std::uint64_t> rate;        // Rate
    SharedWord<std::uint64_t> keep_until;  // seconds since 1970; before, the window counts
};
static_assert(sizeof(CounterRecord) == 64, "one cache line");
static_assert(SharedWord<std::uint64_t>::is_always_lock_free, "words are shared by processes");

class CounterFile {
  public:
    // Empty directory: memory of the process.
    CounterFile(const std::string& directory, std::uint32_t counters);
    CounterFile(const CounterFile&) = delete;
    CounterFile& operator=(const CounterFile&) = delete;
    ~CounterFile();

    // Number 1...counters.
    [[nodiscard]] CounterRecord& at(std::uint32_t number) const { return records_[number - 1]; }
    [[nodiscard]] const HashKey& hash_key() const { return header_->hash_key; }
    // No record above was ever used.
    [[nodiscard]] std::uint32_t high_water() const;
    void raise_high_water(std::uint32_t number) const;
    // Once everything was brought to the front.
    void lower_high_water(std::uint32_t number) const;
    [[nodiscard]] bool is_lasting() const { return mapped_ != nullptr; }

  private:
    struct Header {
        std::uint64_t magic;
        std::uint32_t layout;
        std::uint32_t counters;
        HashKey hash_key;
        std::array<char, 40> boot;
        SharedWord<std::uint32_t> high_water;
    };
    [[nodiscard]] Result<> map(const std::string& path);
    [[nodiscard]] bool is_good(const Header& header) const;
    void make_header();
    void take_boot();

    std::uint32_t counters_;
    std::size_t bytes_;
    FileDescriptor file_;
    void* mapped_ = nullptr;  // of the file; or
    MappedMemory memory_;
    Header* header_ = nullptr;
    CounterRecord* records_ = nullptr;
};

}  // namespace mcpgw::limit
