// What is kept of files and plug-ins, under one mutex.
#include "controlplane/kubernetes/credentials.h"

#include <utility>

#include "common/limits.h"
#include "common/time.h"
#include "controlplane/kubernetes/exec_plugin.h"
#include "controlplane/kubernetes/kubeconfig.h"
#include "controlplane/shim/run_files.h"

namespace mcpgw::kubernetes {
namespace {

// The token of a file, without the line break that editors put at its end.
Result<std::string> read_token(const std::string& path) {
    auto text = shim::read_file(path, limits::kubernetes_token_bytes_max);
    if (!text) return text;
    while (text->ends_with('\n') || text->ends_with('\r') || text->ends_with(' '))
        text->pop_back();
    if (text->empty()) return failure(Code::permission_denied, path + " is empty");
    if (const std::string problem = problem_of_token(*text); !problem.empty())
        return failure(Code::permission_denied, path + " " + problem);
    return text;
}

}  // namespace

Result<Credential> Credentials::get(const std::stop_token& stop) {
    if (access_.exec) return from_plugin(stop);
    if (!access_.token_file.empty()) return from_file();
    return Credential{access_.token, access_.client_certificate, access_.client_key};
}

void Credentials::reject(const Credential& refused) {
    const std::lock_guard lock(mutex_);
    if (refused == kept_) kept_until_unix_ms_ = 0;
}

Result<Credential> Credentials::from_file() {
    const std::lock_guard lock(mutex_);
    auto token = read_token(access_.token_file);
    if (token)
        kept_ = {std::move(*token), access_.client_certificate, access_.client_key};
    else if (kept_.token.empty())
        return failure(Code::permission_denied, token.error().detail);
    return kept_;
}

Result<Credential> Credentials::from_plugin(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    const std::uint64_t runs_before = runs_;
    if (!ended_.wait(lock, stop, [&] { return !is_running_; }))
        return failure(Code::cancelled, "cancelled");
    if (unix_millis_now() < kept_until_unix_ms_) return kept_;
    // One failure counts for everybody who has waited for it; that its caller went away does not.
    if (runs_ != runs_before && has_run_failed_ && run_error_.code != Code::cancelled)
        return std::unexpected(run_error_);
    is_running_ = true;
    lock.unlock();
    const auto answer = run_plugin(access_, stop);
    lock.lock();
    is_running_ = false;
    ++runs_;
    keep(answer);
    ended_.notify_all();
    if (!answer) return std::unexpected(answer.error());
    return kept_;
}

void Credentials::keep(const Result<PluginAnswer>& answer) {
    has_run_failed_ = !answer;
    if (!answer) {
        run_error_ = answer.error();
        return;
    }
    // What the plug-in leaves open stays as the kubeconfig says it.
    const bool has_certificate = !answer->client_certificate.empty();
    kept_ = {answer->token,
             has_certificate ? answer->client_certificate : access_.client_certificate,
             has_certificate ? answer->client_key : access_.client_key};
    kept_until_unix_ms_ = answer->expires_unix_ms;
}

}  // namespace mcpgw::kubernetes
