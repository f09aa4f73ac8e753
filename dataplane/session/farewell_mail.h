// Farewells on their way to a worker: each is a session that has ended here, and whose server is
// still to be told (by a DELETE, which only workers can send).
//
//   janitor: put() ──▶ [ newest ─▶ … ─▶ oldest ] ──▶ take_all(): any worker
//
// Any number of threads put, any number take; nobody waits. Bounded: what is put beyond
// limits::farewells_waiting_max is dropped and counted, and its server has to expire it itself.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/limits.h"

namespace mcpgw {

struct SessionFarewell {
    std::string adapter;         // its name
    std::uint64_t instance = 0;  // Instance::id
    std::string server_id;       // what the server knows the session by
    std::string user;
};

class FarewellMail {
  public:
    FarewellMail() = default;
    FarewellMail(const FarewellMail&) = delete;
    FarewellMail& operator=(const FarewellMail&) = delete;
    ~FarewellMail() { static_cast<void>(take_all()); }

    // False: it was dropped.
    bool put(SessionFarewell farewell);
    [[nodiscard]] bool empty() const { return newest_.load(std::memory_order_relaxed) == nullptr; }
    // The oldest first.
    [[nodiscard]] std::vector<SessionFarewell> take_all();
    [[nodiscard]] std::uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }

  private:
    struct Letter {
        SessionFarewell farewell;
        Letter* older = nullptr;
    };
    std::atomic<Letter*> newest_{nullptr};
    std::atomic<std::uint32_t> waiting_{0};
    std::atomic<std::uint64_t> dropped_{0};
};

}  // namespace mcpgw
