// What exchanges of one worker use: the rooms below them, the table of this tick, the settings.
//
// The worker owns it and renews `table` once a tick. Shared between workers are the settings, which
// do not change, and what SharedSessions holds, which is lock-free.
#pragma once

#include <array>
#include <span>
#include <string>
#include <vector>

#include "common/bytes.h"
#include "common/protocol/http_message.h"
#include "common/protocol/jsonrpc_peek.h"
#include "dataplane/auth/assertion.h"
#include "dataplane/auth/authenticator.h"
#include "dataplane/auth/origin.h"
#include "dataplane/backend/pool.h"
#include "dataplane/exchange/awaited_batch.h"
#include "dataplane/exchange/visible_tools.h"
#include "dataplane/limit/limiter.h"
#include "dataplane/link/event_queue.h"
#include "dataplane/observe/request_log.h"
#include "dataplane/route/route_table.h"
#include "dataplane/route/target.h"
#include "dataplane/session/seal.h"
#include "dataplane/session/shared_sessions.h"
#include "dataplane/transport/peer_address.h"

namespace mcpgw::exchange {

class Exchange;
struct NewsTag;
struct KeyTag;

// A request whose token is signed with a key that nobody knows yet: it waits for another access
// object, which may have the key.
struct AwaitedKey : ListNode<KeyTag> {
    explicit AwaitedKey(Exchange& whose) : exchange(whose) {}
    Exchange& exchange;
};

// An issuer that was asked for, and when.
struct AskedIssuer {
    std::uint64_t hash = 0;  // fnv1a of its name; 0: none
    Nanos at = 0;
};

// A request that is being routed: kept until it is on its way and can go nowhere else.
struct PendingHead {
    explicit PendingHead(transport::SegmentPool& segments) : held(segments) {}

    http::RequestHead head;
    Target target;  // of its path
    transport::PeerAddress client_address;
    io::Slice slice;                  // either the head lies in a receive buffer,
    io::Block block;                  // or it came in pieces and was put together here
    transport::OwnSegmentQueue held;  // what has come of its body before it went on its way
    AwaitedBatch* batch = nullptr;    // if the body is one
    AwaitedKey* key = nullptr;        // while it is waited for
};

// An HTTP+SSE stream (MCP 2024-11-05) whose endpoint event is still to come: the fields of its
// head, a line each, then what has come of the stream.
struct AwaitedEndpoint {
    std::uint16_t field_bytes = 0;
    std::uint16_t bytes = 0;
    std::array<char, limits::endpoint_wait_bytes_max> text;

    // False, and nothing is kept, when there is no room.
    [[nodiscard]] bool append(std::string_view piece) {
        if (piece.size() > text.size() - bytes) return false;
        piece.copy(text.data() + bytes, piece.size());
        bytes = static_cast<std::uint16_t>(bytes + piece.size());
        return true;
    }
    [[nodiscard]] std::string_view fields() const { return {text.data(), field_bytes}; }
    [[nodiscard]] std::string_view stream() const {
        return std::string_view(text.data(), bytes).substr(field_bytes);
    }
};

// The origin of a page that may read the answer.
struct AwaitedOrigin {
    explicit AwaitedOrigin(std::string_view origin) {
        bytes = static_cast<std::uint16_t>(origin.copy(text.data(), text.size()));
    }
    [[nodiscard]] std::string_view view() const { return {text.data(), bytes}; }

    std::uint16_t bytes;
    std::array<char, limits::origin_bytes_max> text;
};

// What a request on its way keeps until the answer's head has passed.
struct AwaitedAnswer : ListNode<NewsTag> {
    explicit AwaitedAnswer(Exchange& whose) : exchange(whose) {}
    // The answer may bring a session id of the server, which is sealed for this user.
    void may_open_for(const auth::Identity& identity) {
        may_open = true;
        principal_bytes = static_cast<std::uint16_t>(
            identity.user.copy(text.data(), limits::principal_bytes_max));
        tenant_bytes = static_cast<std::uint16_t>(
            identity.tenant.copy(text.data() + principal_bytes, limits::tenant_bytes_max));
    }
    [[nodiscard]] std::string_view principal() const { return {text.data(), principal_bytes}; }
    // The caller's.
    [[nodiscard]] std::string_view tenant() const {
        return {text.data() + principal_bytes, tenant_bytes};
    }

    Exchange& exchange;
    EndedSessions::Mark session_mark = 0;
    AwaitedBatch* batch = nullptr;
    AwaitedOrigin* origin = nullptr;      // only of browsers
    AwaitedEndpoint* endpoint = nullptr;  // from the head of an HTTP+SSE stream to its first event
    limit::Standing standing;             // what the client is told of its limits
    std::uint32_t first_byte_ms = limits::first_byte_timeout_ms;
    bool may_open = false;
    bool initializes = false;
    bool opens_sse = false;
    std::uint16_t principal_bytes = 0;
    std::uint16_t tenant_bytes = 0;
    std::array<char, limits::principal_bytes_max + limits::tenant_bytes_max> text;
};

// The id of a request whose result an event stream still owes.
struct AwaitedId {
    explicit AwaitedId(std::string_view id) {
        bytes = static_cast<std::uint16_t>(id.copy(text.data(), text.size()));
    }
    [[nodiscard]] std::string_view view() const { return {text.data(), bytes}; }

    jsonrpc::Peek* event = nullptr;  // looks at the event that is passing
    AwaitedBatch* batch = nullptr;   // instead of the one id: the request was a batch
    // Instead of one id, those that were posted to this HTTP+SSE session; 0: it is none.
    PostedIds::Session session = 0;
    std::uint16_t bytes;
    std::array<char, limits::jsonrpc_id_bytes_max> text;
};

// Of client connections; all in milliseconds.
struct ClientDeadlines {
    std::uint32_t head_ms = limits::head_timeout_ms;
    std::uint32_t body_idle_ms = limits::body_idle_timeout_ms;
    std::uint32_t idle_ms = limits::client_idle_timeout_ms;
    std::uint32_t stall_ms = limits::send_stall_timeout_ms;
    std::uint32_t linger_ms = limits::linger_timeout_ms;
};

enum class AuthMode : std::uint8_t { dev, oidc };

// The same for all workers; set at start.
struct Settings {
    AuthMode auth = AuthMode::dev;
    std::string public_url;  // as auth::PublicUrl::normalised makes it; empty: see there
    std::vector<transport::Network> trusted_proxies;
    std::vector<std::string> allowed_hosts;
    std::vector<std::string> allowed_origins;
    std::string admin_role = "mcp.admin";
    std::string assertion_issuer = "mcp-gateway";  // who speaks in identity assertions
    std::uint32_t sessions_per_user_max = 0;       // 0: no limit
    std::size_t head_bytes_max = limits::head_bytes_max;
    std::size_t body_bytes_max = limits::body_bytes_max;
    ClientDeadlines deadlines;
    backend::Destination control_plane;  // its API socket
};

[[nodiscard]] inline auth::OriginRules origin_rules(const Settings& settings,
                                                    bool loopback_listener) {
    return {loopback_listener, settings.allowed_hosts, settings.allowed_origins,
            settings.public_url};
}

// What the session table counts a user or a tenant by; 0 for nobody, who is not counted.
[[nodiscard]] inline std::uint64_t session_name_of(std::string_view text) {
    return text.empty() ? 0 : fnv1a(text) | 1U;
}

// Pages of the admin listener; only the admin worker has them.
class AdminPages {
  public:
    [[nodiscard]] virtual std::string metrics() = 0;
    [[nodiscard]] virtual std::string debug_state() = 0;
    [[nodiscard]] virtual bool draining() const = 0;  // the process, not the admin worker

  protected:
    ~AdminPages() = default;
};

// Random numbers for choosing instances and trace ids: fast and not for secrets (splitmix64).
class Random {
  public:
    explicit Random(std::uint64_t seed) : state_(seed) {}
    std::uint64_t next() {
        state_ += 0x9E3779B97F4A7C15ULL;
        std::uint64_t z = state_;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
        return z ^ (z >> 31);
    }

  private:
    std::uint64_t state_;
};

// Where the connections of an instance go.
[[nodiscard]] inline backend::Destination backend_of(const Adapter& adapter,
                                                     const Instance& instance) {
    backend::Destination destination;
    destination.key = instance.id;
    destination.address = instance.address;
    destination.address_bytes = instance.address_bytes;
    destination.connect_timeout_ms = adapter.timeouts.connect_ms;
    return destination;
}

// What few exchanges have, so that the others need one pointer for all of it.
struct Extras {
    VisibleTools* visible_tools = nullptr;         // tools are left out of its answer
    limit::StreamPlaces* stream_places = nullptr;  // a limit of streams holds for it
};

struct Services {
    // Of the monotonic clock: what sessions and the health of instances are measured in.
    [[nodiscard]] std::uint32_t now_seconds() const {
        return static_cast<std::uint32_t>(context.now / kSecond);
    }

    transport::Context& context;
    backend::Pool& pool;
    const Settings& settings;
    SharedSessions& sessions;           // shared by all workers
    EventQueue* events = nullptr;       // nullptr on the admin worker
    AdminPages* admin_pages = nullptr;  // nullptr on all but the admin worker
    limit::Limiter* limiter = nullptr;  // shared by all workers; nullptr: nothing is limited
    RequestQueue* audit = nullptr;      // nullptr: there is no audit log
    const RouteTable* table = nullptr;  // of this tick; nullptr before the first snapshot
    Sealer sealer;
    SlotTable<jsonrpc::Peek> peeks{2 * limits::exchanges_per_worker_max};
    SlotTable<PendingHead> heads{limits::exchanges_per_worker_max};
    SlotTable<AwaitedAnswer> awaited_answers{limits::exchanges_per_worker_max};
    SlotTable<AwaitedOrigin> awaited_origins{limits::exchanges_per_worker_max};
    SlotTable<AwaitedId> awaited_ids{limits::exchanges_per_worker_max};
    SlotTable<AwaitedBatch> awaited_batches{limits::awaited_batches_max};
    SlotTable<AwaitedEndpoint> awaited_endpoints{limits::endpoint_waits_max};
    SlotTable<Extras> extras{limits::exchanges_per_worker_max};
    SlotTable<limit::StreamPlaces> stream_places{limits::exchanges_per_worker_max};
    SlotTable<RequestRecord> records{limits::exchanges_per_worker_max};
    SlotTable<VisibleTools> visible_tools{limits::exchanges_per_worker_max};
    List<AwaitedAnswer, NewsTag> awaiting_news;
    auth::Authenticator tokens{};
    SlotTable<AwaitedKey> awaited_keys{limits::awaited_keys_max};
    List<AwaitedKey, KeyTag> awaiting_key{};
    std::array<AskedIssuer, limits::issuers_max> asked_issuers{};
    Random random;
    bool draining = false;
    auth::Assertions assertions = {};
};

}  // namespace mcpgw::exchange
