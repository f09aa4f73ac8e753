// Every request of a run: what it asks, what its server will answer, and what became of it.
//
//   waiting ──▶ answered   exactly what the server sent reached the client
//          ├──▶ refused    the gateway answered itself, properly
//          ├──▶ cut        the client's connection ended before the answer did
//          └──▶ given_up   the client left
//
// A request that is not answered needs an excuse that fits: something that was done to it on
// purpose, or that happened to its server, its route or the machine during its life. The ledger is
// the judge: it knows both ends and believes neither the gateway nor its metrics.
#pragma once

#include <cstdint>
#include <cstdio>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tests/sim/world.h"

namespace mcpgw::sim {

// Why a request may end without its answer; bits.
namespace excuse {
inline constexpr unsigned client = 1;       // its client misbehaves or leaves
inline constexpr unsigned server = 2;       // its server fails before the answer begins
inline constexpr unsigned answer_cut = 4;   // its server fails after the answer has begun
inline constexpr unsigned slow_server = 8;  // later than a deadline of the adapter
inline constexpr unsigned table = 16;       // its instance or adapter has gone
inline constexpr unsigned hardship = 32;    // buffers or descriptors ran out
inline constexpr unsigned draining = 64;    // the worker ends
inline constexpr unsigned frozen = 128;     // the machine stood still: any deadline may have passed
inline constexpr unsigned closing = 256;    // sent on a connection that was already to end
inline constexpr unsigned session_over = 512;  // of a session that its client had ended
}  // namespace excuse

struct AnswerPlan {
    enum class Framing : std::uint8_t { none, length, chunked, until_close };
    enum class Fault : std::uint8_t {
        none,
        silent,        // no answer at all, the connection stays
        end_before,    // the connection ends before the answer
        end_inside,    // ... after fault_at bytes of the body
        broken_head,   // not HTTP
        broken_chunk,  // a chunk without its end
    };
    struct Piece {
        std::size_t end;  // of the body
        Nanos pause;      // before it
    };
    int status = 200;
    Framing framing = Framing::length;
    Fault fault = Fault::none;
    std::size_t fault_at = 0;
    bool by_reset = false;  // how a fault ends the connection
    bool early = false;     // begun before the request's body has been read
    bool closes = false;    // Connection: close
    bool is_stream = false;
    unsigned interim = 0;  // 1xx answers before it
    std::size_t result_end =
        0;  // of a stream: where the result of the request is complete; 0: never
    Nanos think = 0;
    std::string body;
    std::vector<Piece> pieces;
};

// What a client has got from an initialize.
struct Session {
    std::string sealed;
    std::string server_id;
    std::uint64_t instance = 0;
    bool ended = false;         // DELETE was sent
    bool surely_ended = false;  // ... and answered
};

struct Ask {
    enum class Fate : std::uint8_t { waiting, answered, refused, cut, given_up };
    enum class Framing : std::uint8_t { none, length, chunked };

    std::uint32_t id = 0;
    std::uint32_t client = 0;
    std::string method = "POST";
    std::string target;
    std::string adapter;  // empty: the gateway answers itself
    std::string lines;    // further header lines
    std::string body;
    Framing framing = Framing::none;
    std::string jsonrpc_id;  // what an error of the gateway must name
    int own_status = 0;      // of the gateway's own answer, where it is certain; 0: forwarded
    bool http10 = false;
    bool modern = false;  // 2026-07-28: without sessions, and it ends with its connection
    bool expects_continue = false;
    bool opens_session = false;
    bool ends_session = false;
    AnswerPlan answer;
    Session session;             // in which it is sent; `sealed` empty: none
    std::uint64_t instance = 0;  // that has got it

    Fate fate = Fate::waiting;
    unsigned excuses = 0;
    unsigned deliveries = 0;  // complete heads that servers have got
    bool sent = false;        // any byte of it
    int status = 0;           // seen by the client
    Nanos sent_at = 0;
    Nanos written_at = 0;            // when the last byte so far of it left the client
    Nanos delivered_at = 0;          // when the server last got a byte of it
    std::size_t sent_by_client = 0;  // bytes that left it, as long as it sends nothing else
    std::size_t got_by_server = 0;   // bytes of the body
    std::size_t sent_by_server = 0;  // bytes of the answer
    std::size_t got_by_client = 0;   // bytes of the answer's body
};

class Ledger {
  public:
    explicit Ledger(World& world) : world_(world) {}

    Ask& open();
    [[nodiscard]] Ask* find(std::string_view id_text);
    [[nodiscard]] std::size_t waiting() const { return waiting_; }
    [[nodiscard]] const std::deque<Ask>& all() const { return asks_; }

    void mark_sent(Ask& ask);
    // Something happens to everything that is on its way.
    void excuse_all(unsigned excuses);
    void excuse_adapter(const std::string& adapter, unsigned excuses);
    // From now on new requests have these excuses.
    void excuse_from_now_on(unsigned excuses) { standing_ |= excuses; }
    // A server of the adapter failed on a connection that served nobody: whoever is sent on it
    // within a moment meets the failure.
    void trouble_at(const std::string& adapter);

    // Buffers or descriptors have run out.
    void meet_hardship();
    [[nodiscard]] Nanos last_hardship() const { return last_hardship_; }

    // Server side: a complete head has come.
    void deliver(Ask& ask, std::uint64_t instance);

    // Client side: the end of the request, judged.
    void answered(Ask& ask);
    void refused(Ask& ask, int status);
    void cut(Ask& ask);
    void given_up(Ask& ask);
    // Whether the gateway may have refused it, although a server has got it.
    [[nodiscard]] bool has_reason_to_refuse(const Ask& ask) const;
    [[nodiscard]] std::uint64_t answers_with(int status) const;
    // Those that wait, for whoever looks for the one that waits too long.
    void print_waiting(std::FILE* out) const;
    // What the gateway and the pipes around it may hold of one request or answer.
    void set_held_max(std::size_t bytes) { held_max_ = bytes; }
    void check_held(const Ask& ask) const;
    // The longest time something may take that should happen at once.
    void set_slack(Nanos slack) { slack_ = slack; }
    [[nodiscard]] Nanos slack() const { return slack_; }

  private:
    void close(Ask& ask, Ask::Fate fate);
    [[nodiscard]] unsigned excuses_of(const Ask& ask) const;

    World& world_;
    std::deque<Ask> asks_;
    std::map<std::string, Nanos> trouble_;
    std::map<int, std::uint64_t> statuses_;
    std::size_t waiting_ = 0;
    unsigned standing_ = 0;
    Nanos last_hardship_ = 0;
    std::size_t held_max_ = SIZE_MAX;
    Nanos slack_ = kSecond;
};

// Fails the run with the request's number in the sentence.
[[noreturn]] void fail_ask(const Ask& ask, const std::string& what);

}  // namespace mcpgw::sim
