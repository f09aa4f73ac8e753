// Look, compare, read what has changed.
#include "controlplane/secrets/secret_store.h"

#include <chrono>
#include <utility>

#include "common/bytes.h"
#include "common/check.h"
#include "common/limits.h"
#include "common/log.h"
#include "controlplane/model/rules.h"

namespace mcpgw::secrets {
namespace {

bool is_same(const Result<std::string>& one, const Result<std::string>& other) {
    if (one.has_value() != other.has_value()) return false;
    return one ? *one == *other : one.error().detail == other.error().detail;
}

}  // namespace

std::string variable_of(std::string_view name) {
    std::string variable = "MCP_GATEWAY_SECRET_";
    for (const char c : name) {
        const char lower = to_lower(c);
        const bool is_letter = lower >= 'a' && lower <= 'z';
        const bool is_digit = c >= '0' && c <= '9';
        variable += is_letter ? static_cast<char>(lower - 'a' + 'A') : is_digit ? c : '_';
    }
    return variable;
}

SecretStore::SecretStore(SecretStoreOptions options) : options_(std::move(options)) {
    check(options_.variable != nullptr, "there is an environment");
    maybe(look());
}

SecretStore::~SecretStore() {
    stop();
}

void SecretStore::start() {
    check(!thread_.joinable() && options_.on_change != nullptr, "started once, for somebody");
    thread_ = std::thread([this] { run(); });
}

void SecretStore::stop() {
    if (!thread_.joinable()) return;
    {
        const std::scoped_lock lock(mutex_);
        stopping_ = true;
    }
    stopped_.notify_all();
    thread_.join();
}

void SecretStore::run() {
    const std::chrono::milliseconds rest(limits::secrets_poll_ms);
    std::unique_lock lock(mutex_);
    while (!stopping_) {
        lock.unlock();
        if (look()) options_.on_change();
        lock.lock();
        stopped_.wait_for(lock, rest, [this] { return stopping_; });
    }
}

bool SecretStore::look() {
    const Result<std::vector<std::string>> names = list_secrets(options_.directory);
    // What was known is as good as ever while nobody can say otherwise.
    if (!names) return false;
    // Its mode decides about every file.
    const FileMark directory = mark_of(options_.directory);
    const bool same_directory = directory.mode == std::exchange(directory_, directory).mode;
    std::map<std::string, Known, std::less<>> known;
    {
        const std::scoped_lock lock(mutex_);
        known = known_;
    }
    std::map<std::string, Known, std::less<>> found;
    bool is_news = false;
    for (const std::string& name : *names) {
        const FileMark mark = mark_of(options_.directory + "/" + name);
        const auto before = known.find(name);
        if (before != known.end() && before->second.mark == mark && same_directory) {
            found.insert(*before);
            continue;
        }
        Result<std::string> value = read_secret(options_.directory, name);
        if (!value && value.error().code == Code::not_found) continue;  // it has just gone
        if (before == known.end() || !is_same(before->second.value, value)) {
            is_news = true;
            if (value)
                log_info("secret read", {{"name", name}});
            else
                log_warn("secret refused", {{"name", name}, {"why", value.error().detail}});
        }
        found.insert_or_assign(name, Known{mark, std::move(value)});
    }
    for (const auto& [name, one] : known)
        if (!found.contains(name)) {
            is_news = true;
            log_info("secret gone", {{"name", name}});
        }
    const std::scoped_lock lock(mutex_);
    known_ = std::move(found);
    return is_news;
}

Result<std::string> SecretStore::value(std::string_view name) const {
    const std::string text(name);
    {
        const std::scoped_lock lock(mutex_);
        if (const auto found = known_.find(name); found != known_.end()) {
            if (found->second.value) return found->second.value;
            return failure(found->second.value.error().code,
                           "secret " + text + " is refused: " + found->second.value.error().detail);
        }
    }
    const std::string variable = variable_of(name);
    const char* value = options_.variable(variable.c_str());
    if (value == nullptr)
        return failure(
            Code::not_found,
            "secret " + text + " is missing; set it with `mcp-gateway secrets set " + text + "`");
    const std::string_view trimmed = without_line_end(value);
    if (const auto* complaint = model::secret_value_complaint(trimmed))
        return failure(Code::invalid_argument, "secret " + text + " is refused: the value of " +
                                                   variable + " " + complaint);
    return std::string(trimmed);
}

}  // namespace mcpgw::secrets
