// The secrets that are in force: files of the data directory, and variables of the environment.
//
// A file wins over a variable, MCP_GATEWAY_SECRET_NAME (upper case, '_' for what a variable's name
// cannot have). Files are looked at every limits::secrets_poll_ms by a thread of the store's own,
// and only read when they have changed; the variables stay what they were at the start. Values
// leave this object through `value` alone, and never in an error or a log line.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "common/result.h"
#include "controlplane/secrets/secret_files.h"

namespace mcpgw::secrets {

struct SecretStoreOptions {
    std::string directory;  // directory_in(data_dir)
    // Null if there is no such variable.
    std::function<const char*(const char* name)> variable;
    // On the thread of the store: values are others than before, or can (not) be had any more.
    std::function<void()> on_change;
};

class SecretStore {
  public:
    // Has looked once when it returns.
    explicit SecretStore(SecretStoreOptions options);
    SecretStore(const SecretStore&) = delete;
    SecretStore& operator=(const SecretStore&) = delete;
    ~SecretStore();  // stops

    void start();
    void stop();

    // Any thread. The error is a sentence about this secret that says what to do.
    [[nodiscard]] Result<std::string> value(std::string_view name) const;

    // One look; says whether anything has changed. Not beside start().
    bool look();

  private:
    struct Known {
        FileMark mark;
        Result<std::string> value;
    };
    void run();

    const SecretStoreOptions options_;
    FileMark directory_;
    mutable std::mutex mutex_;  // guards known_, stopping_
    std::map<std::string, Known, std::less<>> known_;
    std::condition_variable stopped_;
    bool stopping_ = false;
    std::thread thread_;
};

// "MCP_GATEWAY_SECRET_PROD_KEY" for "prod-key".
[[nodiscard]] std::string variable_of(std::string_view name);

}  // namespace mcpgw::secrets
