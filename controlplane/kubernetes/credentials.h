// The credentials of an Access at this moment: what rotates is read again here.
//
// A token file is read for every call; when that fails the last good token stays in force. A
// plug-in's answer is kept until it expires or the server refuses it. Thread-safe: while one thread
// runs the plug-in, the others wait for its outcome, each as long as its own stop token lets it.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <stop_token>
#include <string>

#include "common/result.h"
#include "controlplane/kubernetes/access.h"
#include "controlplane/kubernetes/exec_plugin.h"

namespace mcpgw::kubernetes {

struct Credential {
    std::string token{};  // empty: none
    Pem client_certificate{};
    Pem client_key{};

    bool operator==(const Credential&) const = default;
};

class Credentials {
  public:
    // `access` must outlive this.
    explicit Credentials(const Access& access) : access_(access) {}

    // permission_denied: none can be had; the detail names the file or the plug-in. `stop` ends a
    // plug-in that runs.
    [[nodiscard]] Result<Credential> get(const std::stop_token& stop);
    // The server has refused `refused`: what a plug-in said is forgotten if it was that.
    void reject(const Credential& refused);

  private:
    [[nodiscard]] Result<Credential> from_file();
    [[nodiscard]] Result<Credential> from_plugin(const std::stop_token& stop);
    void keep(const Result<PluginAnswer>& answer);

    const Access& access_;
    std::mutex mutex_;
    std::condition_variable_any ended_;  // a run of the plug-in
    bool is_running_ = false;            // the plug-in
    std::uint64_t runs_ = 0;             // that have ended
    Error run_error_{};                  // of the last one, if it failed
    bool has_run_failed_ = false;
    Credential kept_;
    std::uint64_t kept_until_unix_ms_ = 0;  // of a plug-in; 0: nothing is kept
};

}  // namespace mcpgw::kubernetes
