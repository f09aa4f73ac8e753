// From the most telling sign to the least.
#include "controlplane/kubernetes/pod_reason.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace mcpgw::kubernetes {
namespace {

// What the kubelet says while it cannot get an image.
constexpr std::array<std::string_view, 6> kImageTroubles = {
    "ImagePullBackOff",  "ErrImagePull",      "InvalidImageName",
    "ErrImageNeverPull", "ImageInspectError", "RegistryUnavailable"};
// What every start goes through.
constexpr std::array<std::string_view, 2> kUsualWaits = {"ContainerCreating", "PodInitializing"};
constexpr std::string_view kStarting = "starting";
constexpr std::string_view kWaiting = "waiting to be created";
constexpr std::int64_t kSignalBase = 128;  // an exit status above it names a signal

std::string with_detail(std::string text, const std::string& detail) {
    return detail.empty() ? text : text + ": " + detail;
}

// The last warning of this kind about the object, at or after that time.
const SeenEvent* last_event(const SeenAdapter& seen, const std::string& uid,
                            std::string_view reason, std::uint64_t since_unix_ms) {
    const SeenEvent* last = nullptr;
    for (const auto& [name, event] : seen.events) {
        if (event.object_uid != uid || event.reason != reason) continue;
        if (event.at_unix_ms < since_unix_ms) continue;
        if (last == nullptr || event.at_unix_ms >= last->at_unix_ms) last = &event;
    }
    return last;
}

std::string restarts_text(std::uint32_t restarts) {
    return std::to_string(restarts) + (restarts == 1 ? " restart" : " restarts");
}

std::string reason_of_waiting(const SeenPod& pod, const SeenAdapter& seen) {
    const std::string& reason = pod.waiting_reason;
    if (std::ranges::find(kImageTroubles, reason) != kImageTroubles.end()) {
        const SeenEvent* event = last_event(seen, pod.uid, "Failed", 0);
        return with_detail("cannot pull the image " + pod.image + " (" + reason + ")",
                           event != nullptr ? event->message : pod.waiting_message);
    }
    if (reason == "CrashLoopBackOff") {
        if (!pod.last_ended.happened)
            return "ended again and again, restarting with growing pauses (" +
                   restarts_text(pod.restarts) + ")";
        return with_detail(end_text(pod.last_ended) + ", restarting with growing pauses (" +
                               restarts_text(pod.restarts) + ")",
                           pod.last_ended.message);
    }
    if (std::ranges::find(kUsualWaits, reason) != kUsualWaits.end()) {
        const SeenEvent* event = last_event(seen, pod.uid, "FailedMount", 0);
        if (event == nullptr) event = last_event(seen, pod.uid, "FailedCreatePodSandBox", 0);
        return event != nullptr ? with_detail("cannot start yet", event->message)
                                : std::string(kStarting);
    }
    return with_detail("cannot start (" + reason + ")", pod.waiting_message);
}

}  // namespace

bool is_usual(std::string_view reason) {
    return reason == kStarting || reason == kWaiting;
}

std::string end_text(const SeenEnd& end) {
    if (end.reason == "OOMKilled") return "ran out of memory and was killed";
    if (end.exit_code > kSignalBase)
        return "killed by signal " + std::to_string(end.exit_code - kSignalBase);
    return "exited with status " + std::to_string(end.exit_code);
}

std::string reason_of_pod(const SeenPod& pod, const SeenAdapter& seen, bool is_serving) {
    if (pod.phase == "Failed" || pod.phase == "Succeeded") {
        const std::string what = pod.reason.empty() ? end_text(pod.ended) : pod.reason;
        return with_detail("its pod ended (" + what + ")", pod.message);
    }
    if (pod.reason == "NodeLost" || pod.unready_reason == "NodeNotReady")
        return "the node that it runs on does not answer";
    if (pod.is_deleting) return is_serving ? "draining" : "stopping";
    if (is_serving) return "ready";
    if (!pod.unscheduled_reason.empty())
        return with_detail("cannot be scheduled", pod.unscheduled_message);
    if (!pod.waiting_reason.empty()) return reason_of_waiting(pod, seen);
    if (pod.ended.happened) return end_text(pod.ended) + ", restarting";
    if (pod.is_running) {
        const SeenEvent* event = last_event(seen, pod.uid, "Unhealthy", pod.running_since_unix_ms);
        if (event != nullptr) return with_detail("not ready", event->message);
        if (pod.last_ended.happened)
            return "starting again after it " + end_text(pod.last_ended) + " (" +
                   restarts_text(pod.restarts) + ")";
    }
    return std::string(kStarting);
}

std::string reason_of_missing_pod(const SeenAdapter& seen) {
    if (seen.stateful_set)
        if (const SeenEvent* event = last_event(seen, seen.stateful_set->uid, "FailedCreate", 0))
            return with_detail("its pod cannot be created", event->message);
    return std::string(kWaiting);
}

}  // namespace mcpgw::kubernetes
