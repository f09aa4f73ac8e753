// One request, or one after the other while somebody follows.
#include "controlplane/kubernetes/pod_logs.h"

#include <algorithm>

#include <poll.h>

#include "common/limits.h"
#include "common/time.h"
#include "controlplane/kubernetes/cluster_view.h"
#include "controlplane/kubernetes/stamped_log.h"

namespace mcpgw::kubernetes {

struct PodLogs::Reading {
    const model::Adapter& adapter;
    const deploy::LogQuery& query;
    const deploy::LogSink& sink;
    std::string pod;
    StampedLog log;
    bool is_resumed = false;  // not the first request of a follower
    bool has_left = false;    // the reader
};

bool PodLogs::exists(const Reading& reading) const {
    if (reading.query.instance < reading.adapter.replica_count) return true;
    return cache_.of(reading.adapter.name).pods.contains(reading.pod);
}

std::string PodLogs::absence_line(const Reading& reading) const {
    const auto all = view_of(Plan{reading.adapter, options_}, cache_.of(reading.adapter.name));
    const auto found = std::ranges::find(all, reading.pod, &deploy::InstanceStatus::name);
    const std::string reason = found == all.end() ? "" : ": " + found->reason;
    return reading.pod + " has not started yet" + reason + "\n";
}

Outcome PodLogs::ask(Reading& reading) const {
    const deploy::LogQuery& query = reading.query;
    Call call;
    call.path = pods_path(options_) + "/" + reading.pod + "/log";
    call.accept = "*/*";
    call.query = {{"container", std::string(kContainerName)}, {"timestamps", "true"}};
    if (query.follow) call.query.emplace_back("follow", "true");
    if (query.previous) call.query.emplace_back("previous", "true");
    if (!query.follow)
        call.query.emplace_back("limitBytes", std::to_string(limits::kubernetes_log_bytes_max));
    // The server counts whole seconds; what comes twice is left out by its stamp.
    if (reading.is_resumed && !reading.log.last_stamp().empty())
        call.query.emplace_back("sinceTime", reading.log.last_stamp());
    else if (query.since_unix_ms > 0)
        call.query.emplace_back("sinceTime", rfc3339(query.since_unix_ms));
    if (!reading.is_resumed) call.query.emplace_back("tailLines", std::to_string(query.tail));
    const StreamLimits bounds{.silence_ms = query.follow ? 0 : limits::kubernetes_call_ms};
    return client_.stream(call, bounds, [&reading](std::string_view bytes) {
        const std::string text = reading.log.feed(bytes);
        // An empty text is the look whether the reader is there.
        if (text.empty() && !bytes.empty()) return true;
        reading.has_left = !reading.sink(text);
        return !reading.has_left;
    });
}

// What a first answer means that brings no log.
Result<> PodLogs::explain(Reading& reading, const Outcome& outcome) const {
    if (outcome && outcome->status != 204) return {};
    if (!outcome) {
        const Failure& failure = outcome.error();
        const bool not_yet = failure.status == 400 || failure.kind == FailureKind::not_found;
        if (!not_yet) {
            Error error = error_of(failure);
            if (failure.is_passing()) error.code = Code::unavailable;
            error.detail = "the log of " + reading.pod + " cannot be read: " + error.detail;
            return std::unexpected(std::move(error));
        }
    }
    const std::string line = reading.query.previous
                                 ? reading.pod + " has no earlier run whose log is kept\n"
                                 : absence_line(reading);
    reading.has_left = !reading.sink(line);
    return {};
}

Result<> PodLogs::follow(Reading& reading) const {
    while (!reading.has_left) {
        // In steps, so that a reader who leaves is noticed.
        poll(nullptr, 0, limits::kubernetes_log_pause_ms);
        if (!reading.sink("") || !exists(reading)) return {};
        // Deleted as a whole: `adapter` still says what was wanted when the reader came.
        if (cache_.is_complete() && !cache_.of(reading.adapter.name).stateful_set) return {};
        reading.is_resumed = true;
        if (const std::string ended = reading.log.restart(); !ended.empty() && !reading.sink(ended))
            return {};
        const Outcome outcome = ask(reading);
        if (!outcome && outcome.error().kind == FailureKind::cancelled) return {};
    }
    return {};
}

Result<> PodLogs::read(const model::Adapter& adapter, const deploy::LogQuery& query,
                       const deploy::LogSink& sink) const {
    Reading reading{adapter, query, sink, pod_name(adapter.name, query.instance), {}, false, false};
    if (!exists(reading))
        return failure(Code::not_found,
                       adapter.name + " has no instance " + std::to_string(query.instance));
    // Only the question whether there is such an instance (api/ asks it before a stream begins).
    if (query.tail == 0 && !query.follow) return {};
    const Outcome first = ask(reading);
    if (const Result<> explained = explain(reading, first); !explained) return explained;
    if (reading.has_left || !query.follow || query.previous) return {};
    return follow(reading);
}

}  // namespace mcpgw::kubernetes
