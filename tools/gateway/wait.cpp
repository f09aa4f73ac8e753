// Look, show, pause.
#include "tools/gateway/wait.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <optional>
#include <thread>

#include <sys/ioctl.h>
#include <unistd.h>

#include "common/bytes.h"
#include "tools/gateway/outcome.h"
#include "tools/gateway/table.h"

namespace mcpgw::cli {
namespace {

constexpr long kServerErrors = 500;

// Nothing for members that this version of the gateway does not send.
std::optional<std::uint64_t> number_of(const JsonValue& object, std::string_view key) {
    const JsonValue* value = object.find(key);
    if (value == nullptr || !value->is(JsonValue::Kind::number)) return {};
    std::uint64_t number = 0;
    const char* const end = value->text.data() + value->text.size();
    const auto [stop, error] = std::from_chars(value->text.data(), end, number);
    if (error != std::errc() || stop != end) return {};
    return number;
}

bool is_ready_instance(const JsonValue& instance) {
    const JsonValue* ready = instance.find("ready");
    return ready != nullptr && ready->text == "true";
}

// "x-2: pulling the image" of each that is not ready.
std::vector<std::string> troubles_of(const JsonValue& status) {
    std::vector<std::string> troubles;
    const JsonValue* instances = status.find("instances");
    if (instances == nullptr) return troubles;
    for (const JsonValue& instance : instances->items) {
        const std::string_view reason = instance.string_or("reason", "");
        if (is_ready_instance(instance) || reason.empty()) continue;
        troubles.push_back(
            for_terminal(std::string(instance.string_or("name", "")) + ": " + std::string(reason)));
    }
    return troubles;
}

// One of the present definition is not ready yet: what is ready may be of the one before. A gateway
// that does not say which is which replaces in place.
bool waits_for_successor(const JsonValue& status) {
    const JsonValue* instances = status.find("instances");
    if (instances == nullptr) return false;
    return std::ranges::any_of(instances->items, [](const JsonValue& instance) {
        const JsonValue* updated = instance.find("updated");
        return updated != nullptr && updated->text == "true" && !is_ready_instance(instance);
    });
}

// One line on standard error.
class ProgressLine {
  public:
    ProgressLine() : is_terminal_(::isatty(STDERR_FILENO) == 1) {}
    ProgressLine(const ProgressLine&) = delete;
    ProgressLine& operator=(const ProgressLine&) = delete;
    ~ProgressLine() { clear(); }

    void show(const std::string& line) {
        if (line == shown_) return;
        shown_ = line;
        if (is_terminal_)
            std::fprintf(stderr, "\r\x1b[K%s", cut(line).c_str());
        else
            std::fprintf(stderr, "%s\n", line.c_str());
        std::fflush(stderr);
    }
    void clear() {
        if (is_terminal_ && !shown_.empty()) std::fputs("\r\x1b[K", stderr);
        shown_.clear();
    }

  private:
    // A line that wraps could not be written over.
    static std::string cut(const std::string& line) {
        winsize size{};
        if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col < 2) return line;
        const std::size_t columns = size.ws_col - 1U;
        if (line.size() <= columns) return line;
        std::size_t end = columns;
        while (end > 0 && (static_cast<unsigned char>(line[end]) & 0xC0U) == 0x80U)
            --end;
        return line.substr(0, end);
    }

    const bool is_terminal_;
    std::string shown_;
};

Waited give_up(const Wait& wait, const std::string& last_line, JsonValue status) {
    constexpr std::size_t kTroublesMax = 10;
    std::string text =
        wait.name + " is not ready after " + std::to_string(wait.timeout_seconds) + " s";
    if (!last_line.empty()) text += ": " + last_line;
    const std::vector<std::string> troubles = troubles_of(status);
    for (std::size_t i = 0; i < std::min(troubles.size(), kTroublesMax); ++i)
        text += "\n  " + troubles[i];
    complain(std::string_view(text));
    return {kFailed, std::move(status)};
}

}  // namespace

Progress progress_of(std::string_view name, const JsonValue& status) {
    const std::string start = for_terminal(name) + ": ";
    const std::uint64_t version = number_of(status, "version").value_or(0);
    if (number_of(status, "observedVersion").value_or(version) < version)
        return {false, start + "waiting for the gateway to begin"};
    const std::uint64_t ready = number_of(status, "readyReplicas").value_or(0);
    const std::uint64_t desired = number_of(status, "desiredReplicas").value_or(ready);
    const std::uint64_t updated = number_of(status, "updatedReplicas").value_or(desired);
    const bool is_healthy = status.string_or("replicaStatus", "") == "Healthy";
    Progress progress;
    progress.is_ready = is_healthy && updated == desired && !waits_for_successor(status);
    progress.line = start + std::to_string(ready) + "/" + std::to_string(desired) + " ready";
    if (updated < desired)
        progress.line +=
            ", " + std::to_string(updated) + "/" + std::to_string(desired) + " updated";
    if (updated > desired)
        progress.line += ", " + std::to_string(updated - desired) + " more to be stopped";
    const std::vector<std::string> troubles = troubles_of(status);
    if (!progress.is_ready && !troubles.empty()) progress.line += ", " + troubles.front();
    return progress;
}

Waited wait_until_ready(GatewayClient& client, const Wait& wait) {
    Request request;
    request.path =
        std::string(words_of(wait.kind).collection) + "/" + percent_encoded(wait.name) + "/status";
    ProgressLine line;
    std::string last;
    JsonValue status;
    for (;;) {
        const auto response = client.call(request);
        if (!response) {
            last = for_terminal(response.error().detail);
        } else if (response->is_good()) {
            if (auto document = parse_json_tree(response->body)) status = std::move(*document);
            const Progress progress = progress_of(wait.name, status);
            if (progress.is_ready) return {kSuccess, std::move(status)};
            last = progress.line;
        } else if (response->status >= kServerErrors) {
            last = problem_of(*response).sentence;
        } else {
            line.clear();
            complain(wait.name + ": " + to_text(problem_of(*response)));
            return {kFailed, std::move(status)};
        }
        const Nanos now = monotonic_now();
        if (now >= wait.until) break;
        line.show(last);
        const Nanos pause = std::min(limits::wait_poll_ms * kMillisecond, wait.until - now);
        std::this_thread::sleep_for(std::chrono::nanoseconds(pause));
    }
    line.clear();
    return give_up(wait, last, std::move(status));
}

}  // namespace mcpgw::cli
