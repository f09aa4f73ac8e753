// Every limit of the product, with its unit in the name and its reason beside it.
//
// A limit that a flag can change is the default of that flag. Relations that must hold between
// limits are asserted at the end, so that nobody can change one and forget the other.
#pragma once

#include <cstddef>
#include <cstdint>

namespace mcpgw::limits {

// --- HTTP ---------------------------------------------------------------------------------------
// A request or response head: request line, headers, and the final empty line. 64 KiB is four times
// what Node accepts, so the gateway is never the narrower one.
inline constexpr std::size_t head_bytes_max = 64 * 1024;
// Header fields in one head; more is an attack or a mistake.
inline constexpr std::size_t header_fields_max = 128;
// A request target; longer ones get 414.
inline constexpr std::size_t target_bytes_max = 8 * 1024;
// A trailer section after a chunked body.
inline constexpr std::size_t trailer_bytes_max = 8 * 1024;
// One chunk-size line including extensions (RFC 9112 section 7.1.1 asks for a limit).
inline constexpr std::size_t chunk_line_bytes_max = 256;
// Request bodies: the limit of the official SDKs.
inline constexpr std::size_t body_bytes_max = 4 * 1024 * 1024;
// A request body is looked at (method, id, name) in its first bytes only until this many arrived;
// then the request is routed with what is known.
inline constexpr std::size_t peek_hold_bytes_max = 64 * 1024;

// --- MCP ----------------------------------------------------------------------------------------
// Session ids of servers: CONTRACT section 5.
inline constexpr std::size_t server_session_id_bytes_max = 1024;
// A JSON-RPC id as written in the message; longer ones are answered with null.
inline constexpr std::size_t jsonrpc_id_bytes_max = 256;
// A method or tool name that is kept for metrics and routing; longer ones count as "other".
inline constexpr std::size_t mcp_name_bytes_max = 256;
// A sealed id: "v1." + key id + "." + base64url(nonce + plaintext + tag).
inline constexpr std::size_t sealed_id_bytes_max = 1536;
inline constexpr std::size_t key_id_bytes_max = 16;
// A line of a stdio server (SDK limit).
inline constexpr std::size_t stdio_line_bytes_max = 10 * 1024 * 1024;

// --- Resources ----------------------------------------------------------------------------------
inline constexpr std::size_t adapters_max = 16 * 1024;
inline constexpr std::size_t instances_per_adapter_max = 1000;
inline constexpr std::size_t name_bytes_max = 50;
inline constexpr std::size_t principal_bytes_max = 256;
inline constexpr std::size_t roles_bytes_max = 2048;
inline constexpr std::size_t request_headers_max = 32;
inline constexpr std::size_t request_headers_bytes_max = 8 * 1024;

// --- Contract between the planes ------------------------------------------------------------------
// A full snapshot of adapters_max adapters with four instances each is about 16 MiB of JSON.
inline constexpr std::size_t frame_bytes_max = 64 * 1024 * 1024;
// Events waiting in one worker for the link thread; more are dropped and counted.
inline constexpr std::size_t worker_events_max = 4096;

// --- Memory of one worker -----------------------------------------------------------------------
inline constexpr std::size_t receive_buffer_bytes = 16 * 1024;
inline constexpr std::uint16_t receive_buffers = 2048;  // a power of two: the ring's rule
// Blocks for heads that are written, or that arrive in pieces. Virtual memory: only touched pages
// are resident.
inline constexpr std::size_t head_block_bytes = head_bytes_max + 8 * 1024;
inline constexpr std::size_t head_blocks = 4096;
inline constexpr std::size_t connections_per_worker_max = 65536;
inline constexpr std::size_t exchanges_per_worker_max = connections_per_worker_max;

// --- Queues -------------------------------------------------------------------------------------
// A connection whose queue holds this much pauses the other side; it resumes at half.
inline constexpr std::size_t out_queue_bytes_high = 256 * 1024;
inline constexpr std::size_t out_queue_bytes_low = out_queue_bytes_high / 2;
inline constexpr std::size_t out_queue_segments_high = 96;
inline constexpr std::size_t out_queue_segments_low = out_queue_segments_high / 2;
// Received but unprocessed slices of one connection (pipelined requests, a body that waits).
inline constexpr std::size_t in_queue_bytes_high = 128 * 1024;
// Pieces in one gather send.
inline constexpr std::size_t gather_pieces_max = 64;
// Idle keep-alive connections kept per instance and worker.
inline constexpr std::size_t idle_backend_connections_max = 256;

// --- Deadlines ----------------------------------------------------------------------------------
inline constexpr std::uint32_t head_timeout_ms = 15'000;         // first byte of a head to its end
inline constexpr std::uint32_t body_idle_timeout_ms = 60'000;    // silence inside a request body
inline constexpr std::uint32_t client_idle_timeout_ms = 75'000;  // between requests
// Node closes idle connections after 5 s; we let go first.
inline constexpr std::uint32_t backend_idle_timeout_ms = 4'000;
inline constexpr std::uint32_t connect_timeout_ms = 5'000;
inline constexpr std::uint32_t first_byte_timeout_ms = 300'000;
inline constexpr std::uint32_t send_stall_timeout_ms = 60'000;   // a peer that takes no byte at all
inline constexpr std::uint32_t sse_keepalive_ms = 15'000;
inline constexpr std::uint32_t linger_timeout_ms = 2'000;  // reading away what follows a refusal
// How long a session's request waits for the news whether its instance is gone for good (404) or
// only refuses for the moment (502).
inline constexpr std::uint32_t reroute_wait_ms = 500;
inline constexpr std::uint32_t drain_seconds = 30;

static_assert((receive_buffers & (receive_buffers - 1)) == 0, "the kernel wants a power of two");
static_assert(head_block_bytes >= head_bytes_max + sealed_id_bytes_max + request_headers_bytes_max / 2,
              "a head that arrived fits into a block with what the gateway adds");
static_assert(receive_buffer_bytes * receive_buffers >= 64 * out_queue_bytes_high,
              "sixty-four full queues do not starve a worker");
static_assert(out_queue_segments_high > gather_pieces_max, "a full gather can be queued meanwhile");
static_assert(sealed_id_bytes_max >=
                  3 + key_id_bytes_max + 1 + (server_session_id_bytes_max + 64) * 4 / 3 + 4,
              "the longest server id fits when sealed");

}  // namespace mcpgw::limits
