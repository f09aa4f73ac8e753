// Looks after the sealing keys while the gateway runs: tells the publisher which keys there are and
// which one seals, whenever that changes.
//
//   key file, every half second ──┐
//   store, with keys that it adds ─┴──▶ ring ── time passes ──▶ keys_at(now) ──▶ publish
//
// One thread; `look` is what it does again and again, and takes the time from its caller. Keys that
// cannot be read leave those in force, and the log says so once. That a key is known everywhere
// before it seals is the publisher's business.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "common/contract/snapshot.h"
#include "common/result.h"
#include "controlplane/keys/key_ring.h"
#include "controlplane/store/store.h"

namespace mcpgw::publish {

// Where the ring comes from: as it shall be at `now_unix_ms`. Called on the feed's thread.
using KeySource = std::function<Result<keys::KeyRing>(std::uint64_t now_unix_ms)>;

// The file of --session-keys.
[[nodiscard]] KeySource keys_of_file(std::string path);
// The store's own keys. When the youngest has reached the age, a new one is added, which begins to
// seal limits::sealing_key_lead_ms later.
[[nodiscard]] KeySource keys_of_store(store::Store& store, std::uint64_t age_ms_max);

struct KeyFeedOptions {
    keys::KeyRing ring;  // in force at start, not empty
    KeySource source;
    bool shared = false;  // other gateways have these keys, too
    std::function<void(std::vector<contract::SealingKey>)> publish;
    std::uint64_t look_interval_ms = 0;
    std::function<std::uint64_t()> unix_millis;
};

class KeyFeed {
  public:
    explicit KeyFeed(KeyFeedOptions options);
    KeyFeed(const KeyFeed&) = delete;
    KeyFeed& operator=(const KeyFeed&) = delete;
    ~KeyFeed();  // stops

    void start();
    void stop();

    // One look; answers after how many milliseconds the next is due. Not beside start().
    std::uint64_t look(std::uint64_t now_unix_ms);

  private:
    void run();
    void refresh(std::uint64_t now_unix_ms);

    const KeyFeedOptions options_;
    keys::KeyRing ring_;
    std::vector<contract::SealingKey> published_;
    std::string complaint_;  // that was logged and still holds
    std::mutex mutex_;       // guards stopping_
    std::condition_variable stopped_;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace mcpgw::publish
