// The audit log of MCP requests: a line of JSON for each, in a file that is rotated.
//
//   worker: push() ──▶ [ ring of limits::request_records_max ] ──▶ one thread ──▶ FILE, FILE.1, …
//
// A worker never waits: a full ring drops the record and counts it. The thread sleeps on an eventfd
// and writes what has come in one go. A disk that takes nothing stops no traffic either: what could
// not be written is counted, and said in the log once until it works again. Lines are whole: a
// partly written one is cut off again. No arguments, tokens or data are in a record.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "common/limits.h"
#include "common/result.h"
#include "common/time.h"

namespace mcpgw {

// A text that is cut where its room ends.
template <std::size_t bytes_max>
class CutText {
  public:
    void set(std::string_view text) {
        bytes_ = static_cast<std::uint16_t>(text.copy(room_.data(), room_.size()));
    }
    [[nodiscard]] std::string_view view() const { return {room_.data(), bytes_}; }

  private:
    std::uint16_t bytes_ = 0;
    std::array<char, bytes_max> room_;
};

struct RequestRecord {
    std::uint64_t unix_millis = 0;  // when it was answered
    Nanos duration = 0;             // from the end of its head to the end of its answer
    std::uint64_t request_bytes = 0;
    std::uint64_t response_bytes = 0;
    std::uint16_t status = 0;        // 0: the client went away before
    std::string_view http_method;    // a constant
    std::string_view refusal;        // a constant; empty if the gateway did not refuse
    std::array<char, 16> session{};  // public id; zeroes: none
    CutText<limits::principal_bytes_max> user;
    CutText<limits::tenant_bytes_max> tenant;
    CutText<limits::name_bytes_max> adapter;
    CutText<limits::name_bytes_max + 8> instance;
    CutText<64> method;
    CutText<limits::mcp_name_bytes_max> tool;
    CutText<32> trace;
};

// One worker's records on their way: one producer, one consumer.
class RequestQueue {
  public:
    explicit RequestQueue(int wake_fd);  // a non-blocking eventfd that outlives the queue
    RequestQueue(const RequestQueue&) = delete;
    RequestQueue& operator=(const RequestQueue&) = delete;

    void push(const RequestRecord& record);
    // Consumer: the oldest record, until drop_front(); nullptr when there is none.
    [[nodiscard]] const RequestRecord* front() const;
    void drop_front();
    // Consumer, before it sleeps: the next push writes to the eventfd.
    void arm() { armed_.store(true, std::memory_order_seq_cst); }
    // Any thread.
    [[nodiscard]] std::uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }

  private:
    static constexpr std::uint32_t kSlots = limits::request_records_max;
    static_assert((kSlots & (kSlots - 1)) == 0, "positions wrap at a power of two");

    std::unique_ptr<std::array<RequestRecord, kSlots>> ring_;
    int wake_fd_;
    alignas(64) std::atomic<std::uint32_t> tail_{0};  // written by the producer
    std::atomic<std::uint64_t> dropped_{0};
    alignas(64) std::atomic<std::uint32_t> head_{0};  // written by the consumer
    alignas(64) std::atomic<bool> armed_{false};
};

class RequestLog {
  public:
    struct Options {
        std::string path;
        std::uint64_t bytes_max = limits::audit_log_bytes_max;  // of one file
        std::uint32_t files_max = limits::audit_log_files_max;  // the one in use included
        std::size_t queues = 1;
    };
    // Opens the file, and starts to write.
    [[nodiscard]] static Result<std::unique_ptr<RequestLog>> open(const Options& options);
    // Writes what is queued.
    ~RequestLog();
    RequestLog(const RequestLog&) = delete;
    RequestLog& operator=(const RequestLog&) = delete;

    [[nodiscard]] RequestQueue& queue(std::size_t worker) { return *queues_[worker]; }
    // Any thread: records that did not reach the file.
    [[nodiscard]] std::uint64_t dropped() const;

  private:
    explicit RequestLog(const Options& options);
    void run();
    bool take_some();
    void write_lines();
    void rotate();
    [[nodiscard]] Result<> open_file();

    Options options_;
    int wake_fd_;
    std::vector<std::unique_ptr<RequestQueue>> queues_;
    std::atomic<bool> stopping_{false};
    std::atomic<std::uint64_t> unwritten_{0};
    int file_ = -1;
    std::uint64_t file_bytes_ = 0;
    std::string lines_;  // not written yet
    std::uint64_t line_count_ = 0;
    bool failing_ = false;
    std::thread thread_;
};

// As it is in the file, with its line end.
[[nodiscard]] std::string to_line(const RequestRecord& record);

}  // namespace mcpgw
