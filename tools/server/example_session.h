// The bundled example server: what one session of it answers.
//
// Tools: whoami (which instance and process), count (a counter of this session, which shows whether
// a session stays on its instance), sleep, progress and echo. No tool blocks: what takes time is
// left to the Scheduler, so requests of one session run side by side.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "tools/server/scheduler.h"
#include "tools/server/session.h"

namespace mcpgw::server {

inline constexpr std::int64_t kSleepMsMax = 600'000;
inline constexpr std::int64_t kProgressStepsMax = 10'000;

// What all sessions of one example server have in common.
struct ExampleServer {
    std::string instance;
    Scheduler scheduler;
};

class ExampleSession final : public SessionHandler {
  public:
    ExampleSession(std::shared_ptr<ExampleServer> server, const std::shared_ptr<Session>& session)
        : server_(std::move(server)), session_(session) {}

    Result<> receive(const Message& message, Deadline until) override;
    void end() override {}

  private:
    void answer(const Message& request, std::string_view result_json);
    void refuse(const Message& request, int code, std::string_view why);
    void initialize(const Message& request);
    void call(const Message& request);
    void whoami(const Message& request);
    void count(const Message& request);
    void sleep(const Message& request, std::int64_t ms);
    void progress(const Message& request, std::int64_t steps);

    const std::shared_ptr<ExampleServer> server_;
    const std::weak_ptr<Session> session_;
    std::atomic<std::int64_t> count_ = 0;
};

}  // namespace mcpgw::server
