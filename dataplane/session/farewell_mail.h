// Farewells on their way to a worker: each is a session that has ended here, and whose server is
// still to be told (by a DELETE, which only workers can send).
//
//   janitor: put() ──▶ [ newest ─▶ … ─▶ oldest ] ──take_all()──▶ Batch: pop(), pop() ... a worker
//
// Any number of threads put, any number take; nobody waits. Bounded: beyond
// limits::farewells_waiting_max that were put and not popped, what is put is dropped and counted,
// and its server has to expire it itself.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <utility>

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
    ~FarewellMail() { take_all(); }

    // False: it was dropped.
    bool put(SessionFarewell farewell);
    [[nodiscard]] bool empty() const { return newest_.load(std::memory_order_relaxed) == nullptr; }

  private:
    struct Letter {
        SessionFarewell farewell;
        Letter* older = nullptr;
    };

  public:
    // What one thread has taken; the mail outlives it. What is not popped is dropped with it.
    class Batch {
      public:
        Batch() = default;
        Batch(Batch&& other) noexcept
            : mail_(other.mail_), newest_(std::exchange(other.newest_, nullptr)) {}
        Batch& operator=(Batch&& other) noexcept {
            std::swap(mail_, other.mail_);
            std::swap(newest_, other.newest_);
            return *this;
        }
        ~Batch() { clear(); }

        [[nodiscard]] bool empty() const { return newest_ == nullptr; }
        // The newest first. Not of an empty batch.
        [[nodiscard]] SessionFarewell pop();
        void clear();

      private:
        friend class FarewellMail;
        Batch(FarewellMail& mail, Letter* newest) : mail_(&mail), newest_(newest) {}
        FarewellMail* mail_ = nullptr;
        Letter* newest_ = nullptr;
    };
    Batch take_all() { return {*this, newest_.exchange(nullptr, std::memory_order_acquire)}; }

    [[nodiscard]] std::uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }

  private:
    std::atomic<Letter*> newest_{nullptr};
    std::atomic<std::uint32_t> waiting_{0};
    std::atomic<std::uint64_t> dropped_{0};
};

}  // namespace mcpgw
