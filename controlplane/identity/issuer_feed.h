// Keeps the keys of one issuer fresh: fetches them, keeps the last good ones, says what changed.
//
//   due --> metadata, then keys --good--> published and saved; due again when they are old
//                          \----bad---> what is in force stays; due again after 1 s, 2 s, … 60 s
//
// A token with an unknown key makes the next fetch due at once, but not twice in a minute, however
// many there are. An issuer that cannot be reached keeps its keys, also over a restart (`save`).
// One thread for each issuer, so that one that does not answer delays nobody else.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>

#include "common/contract/access.h"
#include "common/result.h"
#include "common/time.h"
#include "controlplane/identity/fetch.h"
#include "controlplane/store/access_store.h"

namespace mcpgw::identity {

// When an issuer is asked next. Pure: the caller tells the time.
class RefreshPlan {
  public:
    [[nodiscard]] Nanos next() const { return next_; }
    void succeeded(Nanos now, std::optional<std::uint32_t> max_age_seconds);
    void failed(Nanos now);
    // Somebody has seen a key that is not known. True: that brings the next time forward.
    bool missed_a_key(Nanos now);

  private:
    Nanos next_ = 0;
    unsigned failures_ = 0;             // in a row
    std::optional<Nanos> last_missed_;  // for which the issuer was, or will be, asked
};

struct IssuerFeedOptions {
    std::string issuer;
    bool keeps_metadata = false;  // for clients that ask the gateway for it
    std::function<Result<Fetched>(const std::string& url, const std::stop_token& stop)> fetch =
        [](const std::string& url, const std::stop_token& stop) {
            return identity::fetch(url, stop);
        };
    // The last good documents. What fails here is logged.
    std::function<Result<>(const store::IssuerDocuments&)> save;
    std::function<void()> on_change;  // issuer() has news; on the feed's thread
    std::function<Nanos()> now = monotonic_now;
};

class IssuerFeed {
  public:
    explicit IssuerFeed(IssuerFeedOptions options);
    IssuerFeed(const IssuerFeed&) = delete;
    IssuerFeed& operator=(const IssuerFeed&) = delete;
    ~IssuerFeed();  // stops

    // What was saved when the issuer could be reached last. Before start().
    void load(const store::IssuerDocuments& documents);
    void start();
    void stop();

    // Any thread.
    void missed_a_key();
    [[nodiscard]] contract::Issuer issuer() const;

    // Asks the issuer if it is time for that; when it will be time again. Not beside start().
    Nanos look(const std::stop_token& stop);

  private:
    struct News {
        store::IssuerDocuments documents;
        std::optional<std::uint32_t> max_age_seconds;
    };
    void run(const std::stop_token& stop);
    [[nodiscard]] Result<News> ask(const std::stop_token& stop) const;
    [[nodiscard]] Result<> take(const store::IssuerDocuments& documents);
    void complain(const std::string& why);

    const IssuerFeedOptions options_;
    mutable std::mutex mutex_;  // guards plan_ and issuer_
    std::condition_variable_any news_;
    RefreshPlan plan_;
    contract::Issuer issuer_;
    // The thread's own.
    store::IssuerDocuments documents_;
    std::string complaint_;  // that was logged and still holds
    std::jthread thread_;
};

}  // namespace mcpgw::identity
