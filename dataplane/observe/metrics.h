// Counters of one worker: written by that worker alone, read by the admin side at any time.
//
// A single writer needs no read-modify-write instruction: an addition is a relaxed load and a
// relaxed store. Everything has a fixed size and is made before traffic; recording never allocates,
// and what does not fit into a series table is counted in its overflow. A reader may see one
// counter a moment ahead of another. Rendering is in prometheus.h.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "common/result.h"
#include "common/time.h"

namespace mcpgw {

class Counter {
  public:
    void add(std::uint64_t n = 1) {
        value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
    }
    [[nodiscard]] std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

  private:
    std::atomic<std::uint64_t> value_{0};
};

class Gauge {
  public:
    void add(std::int64_t n = 1) { set(value() + n); }
    void sub(std::int64_t n = 1) { set(value() - n); }
    void set(std::int64_t n) { value_.store(n, std::memory_order_relaxed); }
    [[nodiscard]] std::int64_t value() const { return value_.load(std::memory_order_relaxed); }

  private:
    std::atomic<std::int64_t> value_{0};
};

// One item per enumerator; `last` names the last one.
template <class Enum, class Item>
class PerEnum {
  public:
    static constexpr std::size_t kSize = static_cast<std::size_t>(Enum::last) + 1;
    [[nodiscard]] Item& operator[](Enum e) { return items_[static_cast<std::size_t>(e)]; }
    [[nodiscard]] const Item& operator[](Enum e) const {
        return items_[static_cast<std::size_t>(e)];
    }

  private:
    std::array<Item, kSize> items_;
};

enum class ConnectionSide : std::uint8_t { client, backend, last = backend };
enum class Direction : std::uint8_t {
    client_in,
    client_out,
    backend_in,
    backend_out,
    last = backend_out
};
// Why the gateway itself refused a request or a connection.
enum class RejectReason : std::uint8_t {
    bad_request,  // HTTP or JSON-RPC that breaks the rules
    head_too_large,
    body_too_large,
    target_too_long,
    head_too_slow,
    client_too_slow,  // in its body, or in taking the answer
    host_not_allowed,
    origin_not_allowed,
    unauthenticated,
    forbidden,
    not_found,  // no such path or adapter
    method_not_allowed,
    session_not_found,
    rate_limited,
    quota_exhausted,
    sessions_full,
    streams_full,
    connections_full,
    address_connections_full,
    exchanges_full,
    no_ready_instance,
    draining,
    last = draining
};
// Limits of use: what is limited, and whose limit it is. The file of counters keeps the numbers of
// LimitScope.
enum class LimitKind : std::uint8_t { quota, rate, sessions, streams, last = streams };
enum class LimitScope : std::uint8_t {
    tenant,
    tenant_user,  // one user of a tenant
    adapter,
    adapter_user,  // one user at an adapter
    last = adapter_user
};
// What can be used up; each is taken at start or bounded.
enum class Resource : std::uint8_t {
    receive_buffers,
    spill,
    segments,
    blocks,
    backend_connections,
    last = backend_connections
};
// Why a request went out a second time.
enum class RetryReason : std::uint8_t {
    stale_connection,  // the server was closing an idle connection
    connect_failed,    // another instance was asked instead
    last = connect_failed
};
[[nodiscard]] std::string_view label_of(ConnectionSide side);
[[nodiscard]] std::string_view label_of(Direction direction);
[[nodiscard]] std::string_view label_of(RejectReason reason);
[[nodiscard]] std::string_view label_of(RetryReason reason);
[[nodiscard]] std::string_view label_of(Resource resource);
[[nodiscard]] std::string_view label_of(LimitKind kind);
[[nodiscard]] std::string_view label_of(LimitScope scope);

// Durations in buckets whose upper bounds are powers of two of nanoseconds (inclusive).
template <unsigned kFirstExponent, unsigned kLastExponent>
class Histogram {
  public:
    static constexpr std::size_t kBounds = kLastExponent - kFirstExponent + 1;

    void record(Nanos duration) {
        buckets_[bucket_of(duration)].add();
        sum_nanos_.add(duration);
    }
    [[nodiscard]] static constexpr std::size_t bucket_of(Nanos duration) {
        const auto exponent =
            static_cast<unsigned>(duration <= 1 ? 0 : std::bit_width(duration - 1));
        if (exponent <= kFirstExponent) return 0;
        return exponent > kLastExponent ? kBounds : exponent - kFirstExponent;
    }
    [[nodiscard]] static constexpr Nanos bound(std::size_t bucket) {
        return Nanos{1} << (kFirstExponent + bucket);
    }
    // Bucket kBounds counts what is over the last bound.
    [[nodiscard]] std::uint64_t count(std::size_t bucket) const { return buckets_[bucket].value(); }
    [[nodiscard]] std::uint64_t sum_nanos() const { return sum_nanos_.value(); }

  private:
    std::array<Counter, kBounds + 1> buckets_;
    Counter sum_nanos_;
};
using DurationHistogram = Histogram<16, 39>;  // 65.5 us ... 550 s
using OverheadHistogram = Histogram<10, 30>;  // 1.02 us ... 1.07 s

// Counters by a 32-bit key in a table of fixed capacity (open addressing, at most three quarters
// full). New keys beyond that are counted in overflow().
template <std::size_t kCells>
class SeriesTable {
  public:
    void add(std::uint32_t key, std::uint64_t n = 1) {
        Cell* cell = cell_of(key);
        if (cell == nullptr)
            overflow_.add(n);
        else
            cell->count.add(n);
    }
    // Calls visit(key, count) for each series; any thread.
    template <class Visit>
    void for_each(Visit&& visit) const {
        for (const Cell& cell : cells_) {
            const std::uint64_t marked = cell.marked_key.load(std::memory_order_acquire);
            if (marked != 0) visit(static_cast<std::uint32_t>(marked), cell.count.value());
        }
    }
    [[nodiscard]] std::uint64_t overflow() const { return overflow_.value(); }

  private:
    static_assert((kCells & (kCells - 1)) == 0, "cells are found with a mask");
    static constexpr std::uint64_t kUsed = std::uint64_t{1} << 32;
    struct Cell {
        std::atomic<std::uint64_t> marked_key{0};  // kUsed | key; 0: free
        Counter count;
    };

    Cell* cell_of(std::uint32_t key) {
        const std::uint64_t marked = kUsed | key;
        std::size_t i =
            static_cast<std::size_t>((key * 0x9E3779B97F4A7C15ULL) >> 32) & (kCells - 1);
        while (true) {
            Cell& cell = cells_[i];
            const std::uint64_t found = cell.marked_key.load(std::memory_order_relaxed);
            if (found == marked) return &cell;
            if (found == 0) {
                if (used_ >= kCells / 4 * 3) return nullptr;
                ++used_;
                cell.marked_key.store(marked, std::memory_order_release);
                return &cell;
            }
            i = (i + 1) & (kCells - 1);
        }
    }

    std::array<Cell, kCells> cells_;
    Counter overflow_;
    std::size_t used_ = 0;  // the writer's own
};

// Large (about 600 KiB): one per worker, on the heap, made at start.
struct alignas(64) WorkerMetrics {
    PerEnum<ConnectionSide, Gauge> connections_active;
    Counter connections_accepted;
    Gauge streams_active;
    Counter backend_connects;
    PerEnum<RetryReason, Counter> backend_retries;
    Counter ejections;  // of instances that failed again and again
    PerEnum<Direction, Counter> bytes;
    Counter payload_copied_bytes;
    Counter spliced_bytes;
    Gauge buffers_in_use;
    Counter reliefs;  // times when more than half of the buffers were held
    PerEnum<Resource, Counter> exhausted;
    PerEnum<RejectReason, Counter> rejected;
    PerEnum<LimitKind, PerEnum<LimitScope, Counter>> limit_refusals;
    Counter limit_uncounted;  // users for whom there was no counter
    Counter sessions_opened;
    Counter sessions_forgotten;  // the server answered 404
    DurationHistogram first_byte;
    DurationHistogram total;
    OverheadHistogram overhead;
    SeriesTable<32768> requests;       // key: request_key
    SeriesTable<4096> backend_errors;  // key: backend_error_key

    // One finished request. `slot`: Adapter::metrics_slot or a constant of metrics_slot; `method`:
    // mcp::method_index; `status`: as sent to the client, 0 when nothing was sent.
    void record_request(std::uint16_t slot, std::uint8_t method, std::uint16_t status) {
        requests.add(request_key(slot, method, status));
    }
    // From the end of the request head to the first byte of the answer, and to its end.
    void record_first_byte(Nanos duration) { first_byte.record(duration); }
    void record_total(Nanos duration) { total.record(duration); }
    // Time a request spent inside the gateway: without waiting for client or backend.
    void record_overhead(Nanos duration) { overhead.record(duration); }
    void record_backend_error(std::uint16_t slot, Code reason) {
        backend_errors.add(backend_error_key(slot, reason));
    }

    // 15 bits of slot (limits::adapters_max fits), 7 of method, 10 of status.
    [[nodiscard]] static constexpr std::uint32_t request_key(std::uint16_t slot,
                                                             std::uint8_t method,
                                                             std::uint16_t status) {
        return (slot & 0x7fffU) << 17 | (method & 0x7fU) << 10 | (status & 0x3ffU);
    }
    [[nodiscard]] static constexpr std::uint16_t slot_of_request(std::uint32_t key) {
        return static_cast<std::uint16_t>(key >> 17);
    }
    [[nodiscard]] static constexpr std::uint8_t method_of_request(std::uint32_t key) {
        return static_cast<std::uint8_t>(key >> 10 & 0x7fU);
    }
    [[nodiscard]] static constexpr std::uint16_t status_of_request(std::uint32_t key) {
        return static_cast<std::uint16_t>(key & 0x3ffU);
    }
    [[nodiscard]] static constexpr std::uint32_t backend_error_key(std::uint16_t slot,
                                                                   Code reason) {
        return static_cast<std::uint32_t>(slot) << 8 | static_cast<std::uint32_t>(reason);
    }
    [[nodiscard]] static constexpr std::uint16_t slot_of_backend_error(std::uint32_t key) {
        return static_cast<std::uint16_t>(key >> 8);
    }
    [[nodiscard]] static constexpr Code reason_of_backend_error(std::uint32_t key) {
        return static_cast<Code>(key & 0xffU);
    }
};

}  // namespace mcpgw
