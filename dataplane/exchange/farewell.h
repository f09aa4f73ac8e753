// Farewells: the DELETE that tells a server that a session of it has ended, when it was not the
// client who ended it (it expired, or an administrator ended it). Servers without an idle time of
// their own would keep it for ever.
//
//   mail ──take()──▶ waiting ──a place is free──▶ asking ──answer, failure, time-out──▶ done
//
// Of one worker, with limits::farewells_at_once_max requests at a time. Nobody waits for the
// outcome: a server that is gone has no sessions, and one that fails has been told once.
#pragma once

#include <deque>

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

    void on_interim_answer(const http::ResponseHead&) override {}
    void on_response_head(const http::ResponseHead&) override {}
    void on_response_body(flow::BodyPiece) override {}
    void on_response_moved() override {}
    void on_response_end() override { end(); }
    void on_backend_failed(Code, Retry) override { end(); }
    void on_backend_room() override {}

  private:
    Services& services_;
    flow::BackendEnd* backend_ = nullptr;
    io::TimerOf<Farewell, &Farewell::end> timer_{*this};
};

// The farewells of one worker.
class Farewells {
  public:
    explicit Farewells(Services& services) : services_(services) {}
    ~Farewells();

    // Once a tick: buries what is done, and sends what is waiting.
    void advance();
    // Ends all; those that wait are forgotten.
    void end_all();
    [[nodiscard]] bool idle() const { return asking_.empty() && waiting_.empty(); }

  private:
    void bury();
    void send(const SessionFarewell& farewell);

    Services& services_;
    SlotTable<Farewell> table_{limits::farewells_at_once_max};
    List<Farewell, FarewellTag> asking_;
    std::deque<SessionFarewell> waiting_;
};

}  // namespace mcpgw::exchange
