// The ring, the thread, and the file.
#include "dataplane/observe/request_log.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/check.h"
#include "common/json_writer.h"
#include "common/log.h"

namespace mcpgw {
namespace {

constexpr std::size_t kLinesBytes = 256 * 1024;  // written in one go

void wake(int descriptor) {
    const std::uint64_t one = 1;
    maybe(write(descriptor, &one, sizeof one) == sizeof one);
}

}  // namespace

std::string to_line(const RequestRecord& record) {
    JsonWriter out;
    out.object().key("time").string(rfc3339(record.unix_millis));
    const auto add = [&out](std::string_view name, std::string_view text) {
        if (!text.empty()) out.key(name).string(text);
    };
    add("user", record.user.view());
    add("tenant", record.tenant.view());
    add("adapter", record.adapter.view());
    add("instance", record.instance.view());
    add("httpMethod", record.http_method);
    add("method", record.method.view());
    add("tool", record.tool.view());
    if (record.session[0] != '\0') add("session", {record.session.data(), record.session.size()});
    out.key("status").number(std::uint64_t{record.status});
    out.key("durationMs").number(static_cast<double>(record.duration / kMicrosecond) / 1000.0);
    out.key("requestBytes").number(record.request_bytes);
    out.key("responseBytes").number(record.response_bytes);
    add("traceId", record.trace.view());
    add("refusal", record.refusal);
    out.end();
    return out.take() + "\n";
}

// --- Queue --------------------------------------------------------------------------------------

RequestQueue::RequestQueue(int wake_fd)
    : ring_(std::make_unique_for_overwrite<std::array<RequestRecord, kSlots>>()),
      wake_fd_(wake_fd) {}

void RequestQueue::push(const RequestRecord& record) {
    const std::uint32_t tail = tail_.load(std::memory_order_relaxed);
    if (tail - head_.load(std::memory_order_acquire) == kSlots) {
        dropped_.fetch_add(1, std::memory_order_relaxed);
        return;
    }
    (*ring_)[tail % kSlots] = record;
    // Ordered before the look at `armed_`, as arm() is before the look at `tail_`.
    tail_.store(tail + 1, std::memory_order_seq_cst);
    if (armed_.load(std::memory_order_seq_cst) && armed_.exchange(false)) wake(wake_fd_);
}

const RequestRecord* RequestQueue::front() const {
    const std::uint32_t head = head_.load(std::memory_order_relaxed);
    if (head == tail_.load(std::memory_order_seq_cst)) return nullptr;
    return &(*ring_)[head % kSlots];
}

void RequestQueue::drop_front() {
    head_.store(head_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
}

// --- File ---------------------------------------------------------------------------------------

Result<std::unique_ptr<RequestLog>> RequestLog::open(const Options& options) {
    std::unique_ptr<RequestLog> log(new RequestLog(options));
    if (auto opened = log->open_file(); !opened) return std::unexpected(opened.error());
    log->thread_ = std::thread([self = log.get()] { self->run(); });
    return log;
}

RequestLog::RequestLog(const Options& options)
    : options_(options), wake_fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    for (std::size_t i = 0; i < options.queues; ++i)
        queues_.push_back(std::make_unique<RequestQueue>(wake_fd_));
}

RequestLog::~RequestLog() {
    stopping_ = true;
    wake(wake_fd_);
    if (thread_.joinable()) thread_.join();
    if (file_ >= 0) close(file_);
    close(wake_fd_);
}

std::uint64_t RequestLog::dropped() const {
    std::uint64_t sum = unwritten_.load(std::memory_order_relaxed);
    for (const auto& queue : queues_)
        sum += queue->dropped();
    return sum;
}

Result<> RequestLog::open_file() {
    file_ = ::open(options_.path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    struct stat facts{};
    if (file_ < 0 || fstat(file_, &facts) != 0)
        return std::unexpected(error_from_errno(errno, "cannot open " + options_.path));
    file_bytes_ = static_cast<std::uint64_t>(facts.st_size);
    // Who wrote here before may have been killed in the middle of a line.
    char last = '\n';
    if (facts.st_size > 0 && pread(file_, &last, 1, facts.st_size - 1) == 1 && last != '\n' &&
        write(file_, "\n", 1) == 1)
        ++file_bytes_;
    return {};
}

void RequestLog::run() {
    while (true) {
        const bool last_round = stopping_;
        while (take_some())
            write_lines();
        if (last_round) return;
        for (const auto& queue : queues_)
            queue->arm();
        const bool none = std::ranges::all_of(
            queues_, [](const auto& queue) { return queue->front() == nullptr; });
        pollfd event{wake_fd_, POLLIN, 0};
        if (none && !stopping_) poll(&event, 1, -1);
        std::uint64_t news = 0;
        maybe(read(wake_fd_, &news, sizeof news) == sizeof news);
    }
}

// Makes lines of what has come. False if there was nothing.
bool RequestLog::take_some() {
    for (const auto& queue : queues_) {
        while (lines_.size() < kLinesBytes) {
            const RequestRecord* record = queue->front();
            if (record == nullptr) break;
            lines_ += to_line(*record);
            ++line_count_;
            queue->drop_front();
        }
    }
    return line_count_ > 0;
}

void RequestLog::write_lines() {
    if (file_bytes_ > 0 && file_bytes_ + lines_.size() > options_.bytes_max) rotate();
    std::size_t done = 0;
    ssize_t n = 0;
    while (file_ >= 0 && done < lines_.size()) {
        n = write(file_, lines_.data() + done, lines_.size() - done);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) break;
        done += static_cast<std::size_t>(n);
    }
    const bool written = file_ >= 0 && done == lines_.size();
    if (written) {
        file_bytes_ += done;
    } else {
        const Error error = error_from_errno(errno, "cannot write");
        unwritten_.fetch_add(line_count_, std::memory_order_relaxed);
        // What was written of it ends in the middle of a line.
        if (file_ >= 0) maybe(ftruncate(file_, static_cast<off_t>(file_bytes_)) == 0);
        if (!failing_)
            log_error("the audit log cannot be written; requests go on without it",
                      {{"file", options_.path}, {"reason", error.detail}});
    }
    if (written && failing_) log_info("the audit log is written again", {{"file", options_.path}});
    failing_ = !written;
    lines_.clear();
    line_count_ = 0;
    if (file_ < 0) maybe(open_file().has_value());
}

// FILE.2 becomes FILE.3, and so on; the oldest is gone.
void RequestLog::rotate() {
    const auto name = [this](std::uint32_t number) {
        return number == 0 ? options_.path : options_.path + "." + std::to_string(number);
    };
    for (std::uint32_t number = options_.files_max - 1; number > 0; --number)
        std::rename(name(number - 1).c_str(), name(number).c_str());
    if (options_.files_max == 1) unlink(options_.path.c_str());
    close(file_);
    if (const auto opened = open_file(); !opened) {
        if (file_ >= 0) close(file_);
        file_ = -1;
    }
}

}  // namespace mcpgw
