// Every limit of the product, with its unit in the name and its reason beside it.
//
// A limit that a flag can change is the default of that flag. Relations that must hold between
// limits are asserted at the end, so that nobody can change one and forget the other.
#pragma once

#include <cstddef>
#include <cstdint>

#include "common/limits_identity.h"
#include "common/limits_kubernetes.h"

namespace mcpgw::limits {

// --- HTTP ---------------------------------------------------------------------------------------
// A request or response head: request line, headers, and the final empty line. 64 KiB is four times
// what Node accepts, so the gateway is never the narrower one.
inline constexpr std::size_t head_bytes_max = 64 * 1024;
// Header fields in one head; more is an attack or a mistake.
inline constexpr std::size_t header_fields_max = 128;
// An Origin is a scheme, a host of at most 253 bytes and a port; a longer one is granted nothing.
inline constexpr std::size_t origin_bytes_max = 320;
// What browsers are told that they may send: ours, and some thirty names of tools' parameters.
inline constexpr std::size_t cors_allowed_headers_bytes_max = 1024;
// A request target; longer ones get 414.
inline constexpr std::size_t target_bytes_max = 8 * 1024;
// A trailer section after a chunked body.
inline constexpr std::size_t trailer_bytes_max = 8 * 1024;
// One chunk-size line including extensions (RFC 9112 section 7.1.1 asks for a limit).
inline constexpr std::size_t chunk_line_bytes_max = 256;
// 1xx answers before the final one of a request; more is a server that never comes to the point.
inline constexpr std::size_t interim_answers_max = 64;
// Request bodies: the limit of the official SDKs.
inline constexpr std::size_t body_bytes_max = 4 * 1024 * 1024;
// A request body is looked at (method, id, name) in its first bytes only until this many arrived;
// then the request is routed with what is known.
inline constexpr std::size_t peek_hold_bytes_max = 64 * 1024;
// The same while receive buffers are scarce.
inline constexpr std::size_t peek_hold_bytes_scarce = 16 * 1024;

// The same where access rules wait for a method, a tool's name, or the end of a batch.
inline constexpr std::size_t rule_hold_bytes_max = 1024 * 1024;

// --- MCP ----------------------------------------------------------------------------------------
// Session ids of servers: CONTRACT section 5.
inline constexpr std::size_t server_session_id_bytes_max = 1024;
// A JSON-RPC id as written in the message; longer ones are answered with null.
inline constexpr std::size_t jsonrpc_id_bytes_max = 256;
// Ids of a batch that are kept, all together: the 100 messages that SDKs take, and room for long
// ids; and the batches of one worker that are watched at a time.
inline constexpr std::size_t awaited_batch_bytes_max = 4 * 1024;
inline constexpr std::size_t awaited_batches_max = 1024;
// A method or tool name that is kept for metrics and routing; longer ones count as "other".
inline constexpr std::size_t mcp_name_bytes_max = 256;
// A sealed id: "v1." + key id + "." + base64url(nonce + plaintext + tag).
inline constexpr std::size_t sealed_id_bytes_max = 1536;
inline constexpr std::size_t key_id_bytes_max = 16;
// Sessions that have ended and that the gateway itself answers with 404 from then on. Older ones
// are forgotten; then the server says so. A power of two.
inline constexpr std::size_t ended_sessions_max = 64 * 1024;
// Requests of HTTP+SSE sessions whose results are awaited, and the longest id among them; others
// are not told when the stream breaks. Powers of two, or whole words.
inline constexpr std::size_t posted_ids_max = 16 * 1024;
inline constexpr std::size_t posted_id_bytes_max = 48;
// Tasks whose instance is known; older ones are forgotten. A power of two.
inline constexpr std::size_t task_places_max = 64 * 1024;
// Sealed ids that a worker remembers having opened (a power of two), and how long id, user and
// server's id may be to be remembered: the usual ones are well below.
inline constexpr std::size_t opened_ids_max = 1024;
inline constexpr std::size_t opened_id_bytes_max = 208;
inline constexpr std::size_t opened_principal_bytes_max = 40;
inline constexpr std::size_t opened_server_id_bytes_max = 80;
// Kept of an HTTP+SSE stream until its endpoint event has passed: its head's fields and that event.
inline constexpr std::size_t endpoint_wait_bytes_max = 8 * 1024;
inline constexpr std::size_t endpoint_waits_max = 1024;      // of one worker
inline constexpr std::size_t endpoint_bytes_max = 2 * 1024;  // of the gateway's: path, sealed id
// Sessions that the table of a data plane holds (`--max-sessions`); the most is what a slot names.
inline constexpr std::uint32_t sessions_max_default = 1'048'576;
inline constexpr std::uint32_t sessions_max_least = 1024;
inline constexpr std::uint32_t sessions_max_most = 1U << 24;
// The parts of the table that one user, if nothing else is said, and one tenant may have: neither
// may fill it alone.
inline constexpr std::uint32_t user_share_of_sessions = 16;
inline constexpr std::uint32_t tenant_share_of_sessions = 2;
// A session that nobody used after its initialize request: most were abandoned, or are probes.
inline constexpr std::uint32_t unused_session_idle_seconds = 900;
// Sessions that have expired and whose servers are still to be told: those that wait for a worker,
// those that one worker tells at the same time, and how long a server has for its answer.
inline constexpr std::uint32_t farewells_waiting_max = 65'536;
inline constexpr std::size_t farewells_at_once_max = 64;
inline constexpr std::uint32_t farewell_timeout_ms = 10'000;
// A server that let such a time pass is not told anything for so long; so many are remembered.
inline constexpr std::uint32_t farewell_silence_ms = 60'000;
inline constexpr std::size_t farewell_silent_max = 16;
// Records of requests that wait for the audit log, of one worker (a power of two); its files.
inline constexpr std::uint32_t request_records_max = 4096;
inline constexpr std::uint64_t audit_log_bytes_max = 100 * 1024 * 1024;
inline constexpr std::uint64_t audit_log_bytes_least = 64 * 1024;
inline constexpr std::uint64_t audit_log_bytes_most = std::uint64_t{1} << 40;
inline constexpr std::uint32_t audit_log_files_max = 10;
inline constexpr std::uint32_t audit_log_files_most = 1000;
inline constexpr std::size_t farewells_per_tick = 256;  // that a worker looks at
// Places of the table looked at for one page of a list: milliseconds of the link's thread.
inline constexpr std::uint32_t session_list_looks_max = 20'000;
// Between two looks of the janitor, and in how many of them it sees every session once.
inline constexpr std::uint32_t janitor_interval_ms = 250;
inline constexpr std::uint32_t janitor_rounds = 4;
// Streams, and requests at work, of one session: what the bit fields of its slot can count.
inline constexpr std::uint32_t session_streams_max = 8'000;
inline constexpr std::uint32_t session_requests_max = 16'000;
// The server's id, user and tenant of a session that lie in its record; more of them goes on in
// blocks, of which there is one for every second session.
inline constexpr std::size_t session_text_bytes = 78;
inline constexpr std::size_t session_text_block_bytes = 252;
inline constexpr std::size_t stdio_line_bytes_max = 10 * 1024 * 1024;  // SDK limit

// --- Identity -----------------------------------------------------------------------------------
inline constexpr std::size_t issuers_max = 16;
inline constexpr std::size_t issuer_bytes_max = 1024;
// Keys of one issuer; Entra has about ten. Those beyond are left out.
inline constexpr std::size_t issuer_keys_max = 64;
inline constexpr std::size_t verifying_key_id_bytes_max = 256;
// A key in DER: RSA with 16,384 bits has 2 KiB.
inline constexpr std::size_t public_key_bytes_max = 4 * 1024;
// Between two times that an issuer is asked because of a token with a key that nobody knows.
inline constexpr std::uint32_t issuer_refetch_ms = 60'000;
inline constexpr std::size_t issuer_metadata_bytes_max = 64 * 1024;
inline constexpr std::size_t audiences_bytes_max = 16 * 1024;
inline constexpr std::size_t claim_names_bytes_max = 1024;
inline constexpr std::uint32_t clock_skew_seconds_max = 600;
// A bearer token. Those of Entra for users in many groups have about 8 KiB, and a head has 64.
inline constexpr std::size_t token_bytes_max = 16 * 1024;
// Verdicts that a worker remembers: one more costs a signature, and 7 KiB at the most. Those on
// tokens that were refused hold for a few seconds.
inline constexpr std::size_t verdicts_max = 4096;
inline constexpr std::uint32_t refused_token_seconds = 5;
// Requests of a worker that wait for a key of an issuer, how long, and how often it is asked for.
inline constexpr std::size_t awaited_keys_max = 1024;
inline constexpr std::uint32_t key_wait_ms = 3'000;
inline constexpr std::uint32_t unknown_key_event_ms = 1'000;
inline constexpr std::size_t public_origin_bytes_max = 512;
inline constexpr std::size_t trusted_proxies_max = 64;
inline constexpr std::uint64_t assertion_seconds = 60;  // that one is valid
inline constexpr std::size_t api_tokens_max = 16 * 1024;
inline constexpr std::size_t token_adapters_bytes_max = 4 * 1024;

// --- Limits of use ------------------------------------------------------------------------------
// Counters of quotas and rates: of tenants, adapters, and their users that were here lately. Each
// takes 64 bytes of the file `limits`.
inline constexpr std::uint32_t use_counters_max = 128 * 1024;
// Those that users cannot take: every tenant and every adapter finds one.
inline constexpr std::uint32_t use_counters_reserved = 32 * 1024;
// A counter that limits nothing any more is kept for so long: nobody is stopped for a minute
// between looking at it and counting.
inline constexpr std::uint32_t use_counter_rest_seconds = 60;
// Looks of the janitor in which every counter is seen once.
inline constexpr std::uint32_t use_counter_rounds = 16;
// Counters of open event streams, four for each stream that is limited in every way.
inline constexpr std::uint32_t stream_counters_max = 256 * 1024;
// A burst is at least what a rate lets through in this time. Workers look at the clock once a tick,
// and a burst below that would lower the rate itself.
inline constexpr std::uint32_t rate_burst_ms_min = 10;
// Tenants in one question about their use.
inline constexpr std::size_t usage_tenants_max = 100;

// --- Resources ----------------------------------------------------------------------------------
inline constexpr std::size_t adapters_max = 16 * 1024;
inline constexpr std::size_t replicas_max = 1000;
// While one is replaced, its successor is there, too.
inline constexpr std::size_t instances_per_adapter_max = replicas_max + 1;
inline constexpr std::size_t name_bytes_max = 50;
inline constexpr std::size_t principal_bytes_max = 256;
inline constexpr std::size_t roles_bytes_max = 2048;
inline constexpr std::size_t user_name_bytes_max = 512;  // percent-encoded beyond ASCII
inline constexpr std::size_t scopes_bytes_max = 2048;
inline constexpr std::size_t tenant_bytes_max = 256;  // a claim of a token, or a chosen name
inline constexpr std::size_t tenants_max = 16 * 1024;
// Windows of quotas, from a second to a month, and what counters hold with room.
inline constexpr std::uint32_t quota_seconds_max = 31 * 24 * 60 * 60;
inline constexpr std::uint64_t quota_requests_max = 1'000'000'000;
inline constexpr std::uint32_t rate_per_second_max = 1'000'000;
inline constexpr std::uint32_t rate_burst_max = 1'000'000;
// Access rules of one adapter, and the patterns of one rule together.
inline constexpr std::size_t access_rules_max = 64;
inline constexpr std::size_t access_patterns_bytes_max = 4 * 1024;
inline constexpr std::size_t request_headers_max = 32;
inline constexpr std::size_t request_headers_bytes_max = 8 * 1024;
// A path of a server's endpoint or health check, and the host in its URL (RFC 1035 section 2.3.4).
inline constexpr std::size_t path_bytes_max = 1024;
inline constexpr std::size_t host_bytes_max = 253;
inline constexpr std::size_t description_bytes_max = 4 * 1024;
// Arguments and environment of one server; the kernel takes 128 KiB in one string and 2 MiB in all.
inline constexpr std::size_t command_arguments_max = 256;
inline constexpr std::size_t command_bytes_max = 64 * 1024;
inline constexpr std::size_t environment_variables_max = 256;
inline constexpr std::size_t environment_bytes_max = 128 * 1024;
// What a tool says of itself: a schema that is larger would not fit into any model's context.
inline constexpr std::size_t tool_bytes_max = 256 * 1024;
// The longest timeouts that make sense; they also keep sums of milliseconds far from overflow.
inline constexpr std::uint32_t timeout_ms_max = 24 * 60 * 60 * 1000;
inline constexpr std::uint32_t session_idle_seconds_max = 30 * 24 * 60 * 60;

// --- Management API -----------------------------------------------------------------------------
// A request body of /adapters or /tools; the largest that the limits above allow is well below.
inline constexpr std::size_t api_body_bytes_max = 1024 * 1024;
// Objects within objects in such a body.
inline constexpr std::size_t json_depth_max = 32;
// `limit` of a list, and what a list without `limit` returns at most.
inline constexpr std::size_t list_items_max = 1000;
// Audit records that the store keeps, and their texts all together; the oldest go first. So much is
// checked in about a second when the store is opened.
inline constexpr std::uint64_t audit_records_max = 1'000'000;
inline constexpr std::uint64_t audit_bytes_max = 256 * 1024 * 1024;
// Texts of one page of GET /audit; a page of large documents ends early, with a link to the rest.
inline constexpr std::size_t audit_page_bytes_max = 4 * 1024 * 1024;
// Copies of the database from before a migration or a restore: the newest ones of each kind.
inline constexpr std::size_t automatic_backups_max = 5;
// Pages of the database that are copied between two looks at the progress.
inline constexpr int backup_step_pages = 1024;
// How long the store waits for another process that reads or copies its database.
inline constexpr int database_patience_ms = 5'000;
// A --config file.
inline constexpr std::size_t config_bytes_max = 1024 * 1024;
// Lines that `logs` gives at most, and without `tail`.
inline constexpr std::size_t log_lines_max = 100'000;
inline constexpr std::size_t log_lines_default = 1000;
// How often `--wait` of the command looks at a status, for how long, and for how long at most.
inline constexpr std::uint32_t wait_poll_ms = 250;
inline constexpr std::uint32_t wait_seconds = 300;
inline constexpr std::uint32_t wait_seconds_max = 24 * 60 * 60;
// Requests at work at the same time; live log streams take at most half, so that the others go on.
inline constexpr std::size_t api_threads = 32;
inline constexpr std::size_t log_streams_max = api_threads / 2;

// --- Contract between the planes ----------------------------------------------------------------
// A full snapshot of adapters_max adapters with four instances each is about 16 MiB of JSON.
inline constexpr std::size_t frame_bytes_max = 64 * 1024 * 1024;
// Sealing keys of a snapshot: the current one and those that still open older ids.
inline constexpr std::size_t sealing_keys_max = 16;
// The age at which the store's key gets a successor (--session-key-days). One key is good for 2^32
// seals; within seven days that is 7,000 new sessions in every second.
inline constexpr std::uint32_t session_key_days = 7;
inline constexpr std::uint32_t session_key_days_max = 365;
// A new key of the store only opens for so long before it seals: time for a data plane that is just
// being restarted to come back and learn it.
inline constexpr std::uint64_t sealing_key_lead_ms = 5'000;
// The file of --session-keys: sixteen keys take 3 KiB. It is read again so often that a change is
// known before a key that was added with the default of --activate-after begins to seal.
inline constexpr std::size_t session_keys_bytes_max = 64 * 1024;
inline constexpr std::uint32_t session_keys_poll_ms = 500;
inline constexpr std::uint32_t session_keys_lead_seconds = 2;
inline constexpr std::uint32_t session_keys_lead_seconds_max = 30 * 24 * 60 * 60;
// Ids of sessions for people, and what a data plane puts before them: both are random numbers.
inline constexpr std::size_t session_id_bytes_max = 32;
inline constexpr std::size_t process_id_bytes_max = 16;
// How long a data plane may take to answer a question about its sessions; people wait for it.
inline constexpr std::uint32_t session_question_ms = 2'000;
// How long one page of GET /sessions may take: it asks many data planes, each perhaps often. The
// next page goes on where this one has come to.
inline constexpr std::uint32_t session_list_ms = 5'000;
// Calls that ask data planes at the same time; more get 503, so that other calls find a thread.
inline constexpr std::size_t session_calls_max = api_threads / 4;
// Questions that wait to be sent, all together, and those that wait to be taken by one data plane;
// further ones are as good as unanswered.
inline constexpr std::size_t question_bytes_max = 64 * 1024;
// The name of an instance: a Kubernetes pod's may be this long.
inline constexpr std::size_t instance_name_bytes_max = 253;
// The path of a Unix socket: sockaddr_un without its final zero.
inline constexpr std::size_t socket_path_bytes_max = 107;
// Any other text in a frame: an epoch, a version, an authority, a reason.
inline constexpr std::size_t frame_text_bytes_max = 1024;
// Events waiting in one worker for the link thread; more are dropped and counted.
inline constexpr std::size_t worker_events_max = 4096;
// That a draining instance is idle is said again after the first, because news can be lost, and
// counts for the second, because whoever said it may have found a session since.
inline constexpr std::uint32_t drained_repeat_ms = 1'000;
inline constexpr std::uint32_t drained_news_ms_max = 3'000;
// How long the link waits before it connects again; doubled up to the second value.
inline constexpr std::uint32_t link_retry_ms_min = 20;
inline constexpr std::uint32_t link_retry_ms_max = 160;
// What waits to be sent to a control plane that does not read; then events stay in their queues.
inline constexpr std::size_t link_out_bytes_high = 1024 * 1024;
// The same failure of the same instance is told once in this time.
inline constexpr std::uint32_t failure_repeat_ms = 100;
// Between two writes of the snapshot on disk: at least this, and so many times what the last write
// took, so that large snapshots do not keep the disk busy.
inline constexpr std::uint32_t snapshot_save_interval_ms = 20;
inline constexpr std::uint32_t snapshot_save_rest_factor = 20;

// --- Servers of the control plane --------------------------------------------------------------
// A store that cannot be read is asked again: doubles from first to last. A full disk stays full
// for minutes, a backup holds the lock for moments.
inline constexpr std::uint32_t store_retry_first_ms = 200;
inline constexpr std::uint32_t store_retry_last_ms = 10'000;
// The log of a local server; one older file of this size is kept beside it.
inline constexpr std::uint64_t server_log_bytes_max = 10 * 1024 * 1024;
// Open files of one process of a local server: a bridge has three pipes for each child, and
// connections; and one that leaks them shall not use up those of the machine.
inline constexpr std::uint64_t server_files_max = 64 * 1024;
// Between SIGTERM and SIGKILL of a local server and everything it started.
inline constexpr std::uint32_t server_grace_ms = 5'000;
// Before a server that ended is started again: doubles from first to last, forgotten after health.
inline constexpr std::uint32_t server_restart_first_ms = 200;
inline constexpr std::uint32_t server_restart_last_ms = 30'000;
inline constexpr std::uint32_t server_healthy_resets_ms = 60'000;
// Between looks at a server that answers, and how long it may take to accept a connection.
inline constexpr std::uint32_t probe_interval_ms = 2'000;
inline constexpr std::uint32_t probe_timeout_ms = 2'000;
inline constexpr std::uint32_t probe_failures_max = 3;
// Intervals of probes scatter by so much either way: a thousand servers are not asked in step.
inline constexpr std::uint32_t probe_jitter_percent = 10;
// The head of an answer to a health check; nobody reads what follows it.
inline constexpr std::size_t probe_head_bytes_max = 16 * 1024;
// How long the addresses of a name are good: as long as DNS says, within bounds that keep it from
// being asked all the time, and a move from staying unnoticed; and if it says nothing.
inline constexpr std::uint32_t resolve_ttl_seconds_min = 5;
inline constexpr std::uint32_t resolve_ttl_seconds_max = 300;
inline constexpr std::uint32_t resolve_interval_ms = 30'000;
// Before a name is looked up again that could not be, or whose addresses fail: doubles from first
// to last.
inline constexpr std::uint32_t resolve_retry_first_ms = 1'000;
inline constexpr std::uint32_t resolve_retry_last_ms = 30'000;
// One try to get an answer from a name server, of three.
inline constexpr std::uint32_t resolve_try_ms = 2'000;
// Secrets: names that are file names everywhere; a value that fits into a header beside others; and
// how often the files are looked at, so that a change is known within a second.
inline constexpr std::size_t secret_name_bytes_max = 63;
inline constexpr std::size_t secret_bytes_max = 7 * 1024;
inline constexpr std::size_t secrets_max = 1024;
inline constexpr std::uint32_t secrets_poll_ms = 500;
// An answer of systemd; it takes milliseconds unless the machine is in trouble.
inline constexpr std::uint32_t systemd_call_ms = 10'000;
// The first look at all units, at start.
inline constexpr std::uint32_t systemd_first_look_ms = 10'000;
// Between two tries to reach a bus that went away: doubles from first to last.
inline constexpr std::uint32_t systemd_reconnect_first_ms = 50;
inline constexpr std::uint32_t systemd_reconnect_last_ms = 5'000;
// After this systemd starts a server that ended by itself; a control plane that lives is faster,
// and must have been dead for some time.
inline constexpr std::uint32_t systemd_restart_ms = 30'000;
// Processes and threads of one unit: a bridge has a child for each of its 1,024 sessions at most,
// and a Node process has a dozen threads.
inline constexpr std::uint64_t systemd_tasks_max = 16 * 1024;
// An entry of the journal that is shown; journald cuts lines at 48 KiB by default.
inline constexpr std::size_t journal_line_bytes_max = 1024 * 1024;
// Connected data planes; several only while one replaces another, or share a control plane.
inline constexpr std::size_t data_planes_max = 64;
// Versions that a data plane may be behind and still get a delta.
inline constexpr std::size_t snapshot_history_max = 1024;
// For a hello, and for the answer to a snapshot; every byte taken renews it.
inline constexpr std::uint32_t data_plane_patience_ms = 10'000;

// --- Memory of one worker -----------------------------------------------------------------------
// Large, so that a bulk body costs few completions; small messages share one.
inline constexpr std::size_t receive_buffer_bytes = 32 * 1024;
inline constexpr std::uint16_t receive_buffers = 1024;      // a power of two: the ring's rule
inline constexpr std::uint16_t admin_receive_buffers = 64;  // of the admin worker
// Where every range of received bytes takes a whole buffer (kernels before 6.12).
inline constexpr std::size_t single_use_buffer_bytes = 16 * 1024;
// Buffers that the kernel has at least; it gets more when more connections than these find none.
// What it fills between two turns, and what is being sent meanwhile, is to stay in a core's cache.
inline constexpr std::size_t handed_out_buffers_min = 4;
// Where small slices wait while receive buffers are scarce: as much again, touched when needed.
inline constexpr std::size_t spill_buffer_bytes = 16 * 1024;
inline constexpr std::uint16_t spill_buffers = 2048;
// A slice that is worth copying to free the buffer that it holds: an eighth of one.
inline constexpr std::size_t spill_slice_bytes_max = 4 * 1024;
// Between two looks at what holds receive buffers, while more than half of them are held.
inline constexpr std::uint32_t relief_interval_ms = 100;
// Blocks for heads that are written, or that arrive in pieces. Virtual memory: only touched pages
// are resident.
inline constexpr std::size_t head_block_bytes = head_bytes_max + 8 * 1024;
inline constexpr std::size_t head_blocks = 4096;
// The same for heads that fit in here, as most do: they lie close together.
inline constexpr std::size_t small_head_block_bytes = 1024;
inline constexpr std::size_t small_head_blocks = 4096;
inline constexpr std::size_t connections_per_worker_max = 65536;
inline constexpr std::size_t exchanges_per_worker_max = connections_per_worker_max;
// Pieces that wait in queues, of all connections of a worker together.
inline constexpr std::size_t segments_per_worker_max = 4 * connections_per_worker_max;

// --- Queues -------------------------------------------------------------------------------------
// A connection whose queue holds this much pauses the other side; it resumes at half.
inline constexpr std::size_t out_queue_bytes_high = 256 * 1024;
inline constexpr std::size_t out_queue_bytes_low = out_queue_bytes_high / 2;
inline constexpr std::size_t out_queue_segments_high = 96;
inline constexpr std::size_t out_queue_segments_low = out_queue_segments_high / 2;
// When receive buffers are scarce, a queue may hold this part of what is free: however many are
// slow, something stays free for the others.
inline constexpr std::size_t out_queue_free_part = 64;
inline constexpr std::size_t out_queue_bytes_scarce = 16 * 1024;
// One receive, then: so that a queue is over its limit by no more than this.
inline constexpr std::size_t receive_bytes_scarce = 16 * 1024;
// The same for a connection whose peer has not taken all of the last send.
inline constexpr std::size_t out_queue_bytes_slow = 32 * 1024;
// Received but unprocessed slices of one connection (pipelined requests, a body that waits).
inline constexpr std::size_t in_queue_bytes_high = 128 * 1024;
inline constexpr std::size_t in_queue_segments_high = 64;
// Pieces in one gather send, and bytes after which no further piece is added. What is sent in
// larger lumps waits in the kernel for its pacing, which costs a timer each time.
inline constexpr std::size_t gather_pieces_max = 64;
inline constexpr std::size_t gather_bytes_max = 32 * 1024;
// Long bodies of known length go from socket to socket inside the kernel, once this much is left:
// it costs a few system calls to begin with. One worker does that for so many at a time; others are
// received and sent.
inline constexpr std::size_t splice_body_bytes_min = 128 * 1024;
inline constexpr std::size_t splices_per_worker_max = 64;
// In a pipe at a time: what a pipe holds without being made larger, and what stays in the cache.
inline constexpr std::size_t splice_bytes_max = 64 * 1024;
// Times that a pipe is filled and emptied before others get their turn.
inline constexpr unsigned splice_rounds_max = 4;
inline constexpr std::size_t idle_backend_connections_max = 256;  // per instance and worker
// Instances whose (empty) lists of idle connections a worker remembers before it cleans up.
inline constexpr std::size_t idle_destinations_max = 4096;

// --- Deadlines ----------------------------------------------------------------------------------
inline constexpr std::uint32_t head_timeout_ms = 15'000;         // first byte of a head to its end
inline constexpr std::uint32_t body_idle_timeout_ms = 60'000;    // silence inside a request body
inline constexpr std::uint32_t client_idle_timeout_ms = 75'000;  // between requests
// Node closes idle connections after 5 s; we let go first.
inline constexpr std::uint32_t backend_idle_timeout_ms = 4'000;
inline constexpr std::uint32_t connect_timeout_ms = 5'000;
inline constexpr std::uint32_t first_byte_timeout_ms = 300'000;
// Between looks whether a slow reader has taken its answer, and is idle from then on.
inline constexpr std::uint32_t slow_reader_check_ms = 100;
inline constexpr std::uint32_t send_stall_timeout_ms = 60'000;  // a peer that takes no byte at all
// The same while receive buffers are almost used up.
inline constexpr std::uint32_t send_stall_scarce_ms = 5'000;
inline constexpr std::uint32_t sse_keepalive_ms = 15'000;
inline constexpr std::uint32_t linger_timeout_ms = 2'000;  // reading away what follows a refusal
// Failures in a row after which an instance gets no new work, for how long at first, and how often
// that time doubles while trials fail (up to 80 s).
inline constexpr std::uint32_t ejection_failures = 5;
inline constexpr std::uint32_t ejection_seconds = 5;
inline constexpr std::uint32_t ejection_doublings_max = 4;
// How long a session's request that failed waits for the news whether its instance is gone for good
// (404) or only refuses for the moment (502).
inline constexpr std::uint32_t reroute_wait_ms = 500;
inline constexpr std::uint32_t drain_seconds = 30;
inline constexpr std::uint32_t drain_seconds_max = 86'400;  // what --drain-seconds takes
// The longest time a worker may look for work instead of sleeping (--poll-us).
inline constexpr std::uint32_t poll_us_max = 1'000;
// After those: for clients to take the last answers. Supervisors give two seconds more than asked.
inline constexpr std::uint32_t last_words_ms = 500;

// --- MCP servers of tools/ (the example server, the bridge) -------------------------------------
// One thread per connection at work; an open stream holds one.
inline constexpr std::size_t server_threads_max = 1024;
inline constexpr std::size_t server_sessions_max = 1024;
inline constexpr std::uint32_t server_session_idle_seconds = 1800;
// Longer than a gateway keeps its idle connections (backend_idle_timeout_ms), so that it never
// writes a request into a connection that is being closed.
inline constexpr std::uint32_t server_keep_alive_ms = 6'000;
inline constexpr std::size_t server_batch_messages_max = 100;     // SDK limit
inline constexpr std::size_t server_pending_requests_max = 1024;  // of one session
// Waiting on one stream whose client reads, and on all streams of answers of a session; beyond
// either the server is read no further.
inline constexpr std::size_t server_queue_bytes_high = 1024 * 1024;
inline constexpr std::size_t server_session_queue_bytes_high = stdio_line_bytes_max;
// Waiting for a standalone stream that nobody reads; beyond either the oldest message is dropped.
inline constexpr std::size_t server_standalone_messages_max = 1024;
inline constexpr std::size_t server_standalone_bytes_max = 2 * stdio_line_bytes_max;
// POST bodies of one session that have arrived and wait until the server takes them, and their
// number. More wait for room, then get 503.
inline constexpr std::size_t server_input_bytes_max = 2 * stdio_line_bytes_max;
inline constexpr std::size_t server_input_requests_max = 64;
// The same of all requests that name no session.
inline constexpr std::size_t server_openings_bytes_max = 64 * 1024 * 1024;
// One of those: an initialize request is small, though a client may show its icon in it.
inline constexpr std::size_t server_opening_body_bytes_max = 256 * 1024;
inline constexpr std::uint32_t server_input_wait_ms = 10'000;
// From a head to the end of its body: ten MiB at 175 KB/s.
inline constexpr std::uint32_t server_body_timeout_ms = 60'000;
// Of each connection in the kernel, each way: what else grows to several MiB for one that is not
// read.
inline constexpr std::size_t server_socket_buffer_bytes = 256 * 1024;
// Larger blocks of memory go back to the system as soon as they are free.
inline constexpr std::size_t server_kept_block_bytes_max = 128 * 1024;
// For clients that were refused because the server was full: sessions end every moment.
inline constexpr std::uint32_t server_retry_after_seconds = 1;

// --- The bridge ---------------------------------------------------------------------------------
// Sessions at a time, each with a process: a Node server takes 50 to 100 MiB.
inline constexpr std::size_t bridge_sessions_default = 64;
inline constexpr std::size_t bridge_sessions_max = 4096;  // that may be asked for
// How much longer the bridge of an adapter keeps idle sessions than the gateway does.
inline constexpr std::uint32_t bridge_idle_slack_seconds = 60;
// A child that takes no input for this long fails the request; less than any client's timeout.
inline constexpr std::uint32_t bridge_input_timeout_ms = 10'000;
// Between closing its input, SIGTERM and SIGKILL.
inline constexpr std::uint32_t bridge_child_grace_ms = 2'000;
// How long a new session waits for the place of one that is ending.
inline constexpr std::uint32_t bridge_place_wait_ms = 5'000;
// A child started ahead that ends unused is replaced after the first, then twice as long …
inline constexpr std::uint32_t bridge_restart_first_ms = 200;
inline constexpr std::uint32_t bridge_restart_last_ms = 30'000;
// Of a child's standard error: a line as it is logged, which a pipe takes whole (PIPE_BUF), and
// lines in a second; more are counted.
inline constexpr std::size_t bridge_log_line_bytes_max = 4096;
inline constexpr std::size_t bridge_log_lines_per_second_max = 200;
// A line that is too long is read to its end, lest its session be lost with it; up to this.
inline constexpr std::size_t stdio_line_skip_bytes_max = 16 * stdio_line_bytes_max;

static_assert((receive_buffers & (receive_buffers - 1)) == 0, "the kernel wants a power of two");
static_assert(handed_out_buffers_min <= receive_buffers, "what the kernel gets is there");
static_assert(head_block_bytes >=
                  head_bytes_max + sealed_id_bytes_max + request_headers_bytes_max / 2,
              "a head that arrived fits into a block with what the gateway adds");
static_assert(receive_buffer_bytes * receive_buffers >= 64 * out_queue_bytes_high,
              "sixty-four full queues do not starve a worker");
static_assert(spill_slice_bytes_max * 4 <= spill_buffer_bytes, "little of a buffer is wasted");
static_assert(out_queue_segments_high > gather_pieces_max, "a full gather can be queued meanwhile");
static_assert(api_body_bytes_max >= 2 * (command_bytes_max + environment_bytes_max +
                                         request_headers_bytes_max + description_bytes_max) +
                                        tool_bytes_max,
              "an adapter or a tool fits into a body, even with every character escaped once");
static_assert(sealed_id_bytes_max >=
                  3 + key_id_bytes_max + 1 + (server_session_id_bytes_max + 64) * 4 / 3 + 4,
              "the longest server id fits when sealed");
static_assert(session_keys_poll_ms * 2 < session_keys_lead_seconds * 1000,
              "every gateway has read a new key before one seals with it");
static_assert(issuer_refresh_seconds_min * 1000 >= issuer_refetch_ms,
              "keys are not fetched more often for their age than for those that are missed");
static_assert(issuer_document_bytes_max >= issuer_metadata_bytes_max, "what is kept was read");
static_assert(secret_bytes_max < request_headers_bytes_max, "a secret fits into a header");
static_assert(secrets_poll_ms < 1'000, "a changed secret is known within a second");
static_assert(resolve_ttl_seconds_min * 1000 >= probe_interval_ms,
              "names are not asked for more often than their servers");
static_assert(session_list_ms > session_question_ms,
              "each page gets on by one data plane at least");
static_assert((opened_ids_max & (opened_ids_max - 1)) == 0, "places are found with a mask");
static_assert(token_bytes_max <= head_bytes_max / 2, "a head has room for a token");
static_assert(sessions_max_least <= sessions_max_default &&
                  sessions_max_default <= sessions_max_most,
              "the default can be chosen");
static_assert(use_counters_reserved >= tenants_max + adapters_max &&
                  use_counters_reserved < use_counters_max,
              "each tenant and adapter has a counter, and users have some");
static_assert(user_share_of_sessions >= tenant_share_of_sessions,
              "one user does not have more than a whole tenant");
static_assert(drained_news_ms_max > 2 * drained_repeat_ms, "one lost event does not matter");
static_assert(server_keep_alive_ms > backend_idle_timeout_ms, "the gateway lets go first");
static_assert(server_standalone_bytes_max >= stdio_line_bytes_max, "one message always fits");
static_assert(server_input_bytes_max >= stdio_line_bytes_max, "one body always fits");
static_assert(server_openings_bytes_max >= server_opening_body_bytes_max, "so does an opening");
static_assert(bridge_place_wait_ms > 2 * bridge_child_grace_ms, "the most stubborn child is gone");

}  // namespace mcpgw::limits
