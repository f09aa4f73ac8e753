// Puts together who may come in, what they may use and how much, and tells the publisher.
//
//   options -------+
//   issuers (keys) +--> Access --(if it differs)--> publish
//   store ---------+     tokens, tenants, assertion keys
//
// It looks when somebody says that there is news (wake), and often enough that a token which the
// command has written into the database beside us counts within a second. It also makes, rotates
// and drops the keys of identity assertions, once an adapter wants any. What cannot be read leaves
// the last Access in force; the log says so once.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "common/contract/access.h"
#include "common/result.h"
#include "controlplane/store/access_store.h"

namespace mcpgw::publish {

struct AccessFeedOptions {
    store::AccessStore* store = nullptr;  // outlives the feed
    // What flags say; issuers, tokens, tenants and assertion keys are filled in.
    contract::Access fixed;
    std::function<std::vector<contract::Issuer>()> issuers;
    std::function<void(contract::Access)> publish;
    std::function<std::uint64_t()> unix_millis;
};

class AccessFeed {
  public:
    explicit AccessFeed(AccessFeedOptions options);
    AccessFeed(const AccessFeed&) = delete;
    AccessFeed& operator=(const AccessFeed&) = delete;
    ~AccessFeed();  // stops

    void start();
    void stop();

    // Any thread: something has changed, and is looked at soon.
    void wake();
    // Any thread: an adapter has identityAssertion.
    void want_assertions();

    // What is true now. Not beside start().
    [[nodiscard]] Result<contract::Access> build(std::uint64_t now_unix_ms);
    // One look: publishes what differs from the last one. `is_told`: somebody has said that there
    // is news. Not beside start().
    void look(std::uint64_t now_unix_ms, bool is_told);

  private:
    void run();
    [[nodiscard]] Result<keys::AssertionRing> assertion_keys(std::uint64_t now_unix_ms);
    void complain(const Error& error);

    const AccessFeedOptions options_;
    std::atomic<bool> wants_assertions_ = false;
    std::mutex mutex_;  // guards stopping_ and has_news_
    std::condition_variable news_;
    bool stopping_ = false;
    bool has_news_ = false;
    std::thread thread_;
    // The thread's own.
    std::optional<contract::Access> published_;
    std::optional<std::uint64_t> foreign_changes_;
    std::uint64_t built_unix_ms_ = 0;
    std::string complaint_;  // that was logged and still holds
};

}  // namespace mcpgw::publish
