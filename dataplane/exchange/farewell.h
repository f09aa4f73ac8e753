// Farewells: the DELETE that tells a server that a session of it has ended, when it was not the
// client who ended it (it expired, or an administrator ended it). Servers without an idle time of
// their own would keep it for ever.
//
//   mail ──take_all()──▶ batch ──a place is free──▶ asking ──answer, failure, time-out──▶ done
//
// Of one worker, with limits::farewells_at_once_max requests at a time. Nobody waits for the
// outcome: a server that is gone has no sessions, one that fails has been told once, and one that
// does not answer in time is not asked again for a while, so that others come to their turn.
#pragma once

#include <array>
#include <cstdint>

#include "dataplane/exchange/services.h"
#include "dataplane/flow/ends.h"

namespace mcpgw::exchange {

struct FarewellTag;

class Farewell final : public flow::BackendEvents, public ListNode<FarewellTag> {
  public:
    explicit Farewell(Services& services) : services_(services) {}
    Farewell(const Farewell&) = delete;
    Farewell& operator=(const Farewell&) = delete;
    ~Farewell();

    // False: there is no connection for it, and it is done.
    [[nodiscard]] bool send(const Adapter& adapter, const Instance& instance,
                            const SessionFarewell& farewell);
    void end();
    [[nodiscard]] bool done() const { return backend_ == nullptr; }
    [[nodiscard]] bool timed_out() const { return timed_out_; }
    [[nodiscard]] std::uint64_t instance() const { return instance_; }

    void on_interim_answer(const http::ResponseHead&) override {}
    void on_response_head(const http::ResponseHead&) override {}
    void on_response_body(flow::BodyPiece) override {}
    void on_response_moved(std::uint64_t) override {}
    void on_response_end() override { end(); }
    void on_backend_failed(Code, Retry retry) override;
    void on_backend_room() override {}

  private:
    void on_timer();

    Services& services_;
    flow::BackendEnd* backend_ = nullptr;
    std::uint64_t instance_ = 0;
    bool repeated_ = false;
    bool timed_out_ = false;
    io::TimerOf<Farewell, &Farewell::on_timer> timer_{*this};
};

// The farewells of one worker.
class Farewells {
  public:
    explicit Farewells(Services& services) : services_(services) {}
    ~Farewells();

    // Once a tick: buries what is done, and sends some of what is waiting.
    void advance();
    // Ends all; those that wait are forgotten.
    void end_all();

  private:
    // An instance that has let a farewell wait for its whole time.
    struct Silent {
        std::uint64_t instance = 0;
        Nanos until = 0;
    };

    void bury();
    void send(const SessionFarewell& farewell);
    [[nodiscard]] bool is_silent(std::uint64_t instance) const;

    Services& services_;
    SlotTable<Farewell> table_{limits::farewells_at_once_max};
    List<Farewell, FarewellTag> asking_;
    FarewellMail::Batch waiting_;
    std::array<Silent, limits::farewell_silent_max> silent_{};
    std::size_t next_silent_ = 0;
};

}  // namespace mcpgw::exchange
