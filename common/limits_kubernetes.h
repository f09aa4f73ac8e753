// The limits of what talks to Kubernetes: a part of limits.h, which includes it and whose rules
// hold here, too. Nobody includes this file alone.
#pragma once

#include <cstddef>
#include <cstdint>

namespace mcpgw::limits {

// To reach the API server, and for one answer of it; the server itself gives up after 60 s.
inline constexpr std::uint32_t kubernetes_connect_ms = 10'000;
inline constexpr std::uint32_t kubernetes_call_ms = 30'000;
// A page of a list; pods of 20 KiB make 5 MiB of it. One that exceeds the second is asked for again
// in smaller pages.
inline constexpr std::size_t kubernetes_page_items = 250;
inline constexpr std::size_t kubernetes_answer_bytes_max = 64 * 1024 * 1024;
// A line of a watch: etcd takes objects of 1.5 MiB, of which JSON can make some more.
inline constexpr std::size_t kubernetes_line_bytes_max = 8 * 1024 * 1024;
// Objects of one kind whose versions are remembered; what is beyond is not seen.
inline constexpr std::size_t kubernetes_objects_max = 256 * 1024;
// A watch lasts between this and twice this; only when it is so much over is the server dead.
inline constexpr std::uint32_t kubernetes_watch_seconds = 300;
inline constexpr std::uint32_t kubernetes_watch_margin_ms = 30'000;
// A watch that lasted this long was a good one: the next pause is the shortest again.
inline constexpr std::uint32_t kubernetes_watch_good_ms = 10'000;
// Before the API server is asked again; doubles from first to last. What it asks for itself
// (Retry-After) counts up to the third.
inline constexpr std::uint32_t kubernetes_retry_first_ms = 500;
inline constexpr std::uint32_t kubernetes_retry_last_ms = 30'000;
inline constexpr std::uint32_t kubernetes_retry_after_ms_max = 300'000;
// What is kept of an answer for people: a message, causes of a refusal, warnings.
inline constexpr std::size_t kubernetes_message_bytes_max = 512;
inline constexpr std::size_t kubernetes_causes_max = 8;
inline constexpr std::size_t kubernetes_warnings_max = 8;
// Idle connections that are kept: writers, and the calls between.
inline constexpr std::size_t kubernetes_idle_connections_max = 16;
// TCP: silence before the peer is asked whether it lives, between and number of such questions.
inline constexpr std::uint32_t kubernetes_keepalive_seconds = 15;
inline constexpr std::uint32_t kubernetes_keepalive_interval_seconds = 5;
inline constexpr std::uint32_t kubernetes_keepalive_questions_max = 3;
// A bearer token, which goes into a header; and what a plug-in for credentials may print and take.
inline constexpr std::size_t kubernetes_token_bytes_max = 32 * 1024;
inline constexpr std::size_t kubernetes_plugin_bytes_max = 1024 * 1024;
inline constexpr std::uint32_t kubernetes_plugin_ms = 30'000;
// A kubeconfig, and one PEM file of it.
inline constexpr std::size_t kubeconfig_bytes_max = 1024 * 1024;
// The election of the gateway that writes, with the times that controllers of Kubernetes use: the
// lease of others, how long the leader counts on its own, between attempts, and for one answer.
inline constexpr std::uint32_t kubernetes_lease_ms = 15'000;
inline constexpr std::uint32_t kubernetes_lease_renew_ms = 10'000;
inline constexpr std::uint32_t kubernetes_lease_retry_ms = 2'000;
inline constexpr std::uint32_t kubernetes_lease_call_ms = 5'000;
// At shutdown, for giving the lease back.
inline constexpr std::uint32_t kubernetes_lease_release_ms = 2'000;
// The name of a namespace (RFC 1123), and the largest user id that a pod may have.
inline constexpr std::size_t kubernetes_label_bytes_max = 63;
inline constexpr std::uint32_t kubernetes_user_max = 2'147'483'647;
inline constexpr std::uint32_t kubernetes_pod_user = 1100;  // default of --pod-user
// Adapters whose objects are being written at the same time, and the time of one such call: what
// a leader has begun is over before another one may begin.
inline constexpr std::size_t kubernetes_writers = 4;
inline constexpr std::uint32_t kubernetes_write_ms = 5'000;
// Before an object is looked at again that is being deleted; that was changed by others after us
// (two who disagree must not keep the API server busy); that cannot be made as it is wanted; and
// about which there is no news at all. The last two scatter.
inline constexpr std::uint32_t kubernetes_deleting_ms = 1'000;
inline constexpr std::uint32_t kubernetes_repair_ms = 2'000;
inline constexpr std::uint32_t kubernetes_refused_ms = 30'000;
inline constexpr std::uint32_t kubernetes_recheck_ms = 600'000;
// How long a control plane that has just started waits for a cluster that does not answer before it
// publishes what it knows: until then data planes go on with what they have, sessions included.
inline constexpr std::uint32_t kubernetes_settle_ms = 600'000;
// Warnings of the cluster that are remembered, for reasons; the oldest go first.
inline constexpr std::size_t kubernetes_events_max = 8 * 1024;
// How long a new adapter waits for the answer whether its name is taken in the cluster.
inline constexpr std::uint32_t kubernetes_name_check_ms = 3'000;
// Of a log that is not followed, and before a followed one that ended is asked for again.
inline constexpr std::size_t kubernetes_log_bytes_max = 32 * 1024 * 1024;
inline constexpr std::uint32_t kubernetes_log_pause_ms = 1'000;

static_assert(kubernetes_lease_renew_ms + 2 * kubernetes_lease_retry_ms < kubernetes_lease_ms,
              "a leader has stopped well before anybody else may begin");
static_assert(kubernetes_write_ms <= kubernetes_lease_ms - kubernetes_lease_renew_ms,
              "what a leader has begun is over before another one may begin");
static_assert(kubernetes_lease_retry_ms + kubernetes_lease_call_ms < kubernetes_lease_renew_ms,
              "one lost answer does not cost the leadership");
static_assert(kubernetes_line_bytes_max <= kubernetes_answer_bytes_max,
              "what a watch may send, a list may send");

}  // namespace mcpgw::limits
