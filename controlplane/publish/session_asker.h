// Asks data planes about their sessions and their tenants' usage, and waits for the answers
// (contract/sessions.h, contract/usage.h).
//
//   thread of the API:  page(), end() ──send──▶ publisher ──▶ data plane
//          ▲ woken                                                 │
//          └────────── take_answer(), take_loss() ◀── publisher ◀──┘
//
// A question that is not answered in time, or whose data plane leaves, is `unavailable`. An answer
// counts only if it comes from whom was asked; a late one is dropped. Knows no socket: how a
// question is sent is told at the start.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "common/contract/sessions.h"
#include "common/contract/usage.h"
#include "common/limits.h"
#include "common/result.h"
#include "common/time.h"

namespace mcpgw::publish {

class SessionAsker {
  public:
    // False: it cannot be sent.
    using Send = std::function<bool(const std::string& process, std::string json)>;

    explicit SessionAsker(Send send, std::uint32_t patience_ms = limits::session_question_ms)
        : send_(std::move(send)), patience_ms_(patience_ms) {}
    SessionAsker(const SessionAsker&) = delete;
    SessionAsker& operator=(const SessionAsker&) = delete;

    // Any thread; they wait, and no longer than until then. The member `request` is filled in here.
    [[nodiscard]] Result<contract::SessionsPage> page(const std::string& process,
                                                      contract::SessionsQuery query,
                                                      Nanos until = kNever);
    // Whether there was such a session, and what it was.
    [[nodiscard]] Result<contract::SessionEnded> end(const std::string& process,
                                                     contract::SessionEnd wish);

    // What its tenants have used there.
    [[nodiscard]] Result<contract::UsagePage> usage(const std::string& process,
                                                    contract::UsageQuery query,
                                                    Nanos until = kNever);

    // What came from this data plane, and that it has left. Any thread; they do not wait.
    void take_answer(const std::string& process, const std::string& json);
    void take_loss(const std::string& process);

  private:
    struct Question {
        std::string process;
        bool is_lost = false;
        std::optional<contract::SessionsPage> page;
        std::optional<contract::SessionEnded> ended;
        std::optional<contract::UsagePage> usage;
    };

    [[nodiscard]] static Result<std::uint64_t> read_answer(const std::string& json,
                                                           Question& answer);
    [[nodiscard]] std::uint64_t begin(const std::string& process);
    // Sends the question that has begun; returns it with its answer, taken off the list.
    [[nodiscard]] Question ask(std::uint64_t request, std::string json, Nanos until);

    const Send send_;
    const std::uint32_t patience_ms_;
    std::mutex mutex_;  // guards what follows
    std::condition_variable news_;
    std::uint64_t last_request_ = 0;
    std::map<std::uint64_t, Question> questions_;
};

}  // namespace mcpgw::publish
