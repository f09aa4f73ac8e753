// How a table reaches the workers: one atomic pointer, and one announcement per reader.
//
//   link thread   publish(new)  ── current_ ──▶  refresh(w) by worker w, once a tick
//                 frees what no announcement names      leave(w) before it sleeps in the kernel
//
// A reader announces the table it uses in its own slot (a hazard pointer); the link thread frees a
// replaced table when no slot names it. A reader that sleeps has announced nothing, so reclamation
// never waits for a sleeper. Lock-free; refresh without a change is two loads.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <vector>

#include "dataplane/route/route_table.h"

namespace mcpgw {

class Publication {
  public:
    // Readers 0...workers-1 are the workers; four more belong to threads that are not.
    explicit Publication(std::size_t workers);
    Publication(const Publication&) = delete;
    Publication& operator=(const Publication&) = delete;
    // Every reader has left for good.
    ~Publication();

    // Link thread: makes the table the current one and frees those that every reader has left.
    void publish(std::unique_ptr<const RouteTable> table);
    // Link thread: frees what readers have left since; returns how many tables still wait.
    std::size_t reclaim();

    // Reader: the current table, valid until the same reader's next refresh or leave; nullptr
    // before the first publish.
    [[nodiscard]] const RouteTable* refresh(std::size_t reader);
    // Reader: holds nothing from now on (it goes to sleep, or stops).
    void leave(std::size_t reader);

    // Any thread: no worker routes by an older table than this one, which is the current one, or
    // will from now on. What workers did by older tables is visible to the caller.
    [[nodiscard]] bool is_taken(const RouteTable* table) const;

    [[nodiscard]] std::size_t workers() const { return slots_.size() - 4; }
    [[nodiscard]] std::size_t list_reader() const { return slots_.size() - 4; }  // of sessions
    [[nodiscard]] std::size_t janitor_reader() const { return slots_.size() - 3; }
    [[nodiscard]] std::size_t admin_reader() const { return slots_.size() - 2; }  // metrics, debug
    [[nodiscard]] std::size_t saver_reader() const { return slots_.size() - 1; }  // link's own

  private:
    friend class PublicationProbe;  // publication_test.cpp: meets a publish between two steps
    // Announces `table`, or what has replaced it meanwhile, and returns what is announced.
    [[nodiscard]] const RouteTable* hold(std::size_t reader, const RouteTable* table);

    struct alignas(64) Slot {
        std::atomic<const RouteTable*> held{nullptr};
    };

    alignas(64) std::atomic<const RouteTable*> current_{nullptr};
    std::vector<Slot> slots_;
    std::vector<std::unique_ptr<const RouteTable>> retired_;  // link thread only
};

}  // namespace mcpgw
