// A list of questions under one lock.
#include "controlplane/publish/session_asker.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "common/contract/frames.h"
#include "common/log.h"

namespace mcpgw::publish {
namespace {

std::unexpected<Error> no_answer() {
    return failure(Code::unavailable, "the data plane that knows the session does not answer");
}

}  // namespace

std::uint64_t SessionAsker::begin(const std::string& process) {
    const std::scoped_lock lock(mutex_);
    questions_.emplace(++last_request_, Question{process, false, {}, {}});
    return last_request_;
}

SessionAsker::Question SessionAsker::ask(std::uint64_t request, std::string json, Nanos until) {
    std::unique_lock lock(mutex_);
    Question& question = questions_.at(request);
    const std::string process = question.process;
    lock.unlock();
    const bool sent = send_(process, std::move(json));
    const Nanos now = monotonic_now();
    const Nanos left = std::min(patience_ms_ * kMillisecond, until - std::min(until, now));
    lock.lock();
    question.is_lost = question.is_lost || !sent;
    news_.wait_for(lock, std::chrono::nanoseconds(left),
                   [&question] { return question.is_lost || question.page || question.ended; });
    Question taken = std::move(question);
    questions_.erase(request);
    return taken;
}

Result<contract::SessionsPage> SessionAsker::page(const std::string& process,
                                                  contract::SessionsQuery query, Nanos until) {
    query.request = begin(process);
    Question question = ask(query.request, contract::encode(query), until);
    if (!question.page || question.page->items.size() > query.limit) return no_answer();
    return std::move(*question.page);
}

Result<contract::SessionEnded> SessionAsker::end(const std::string& process,
                                                 contract::SessionEnd wish) {
    wish.request = begin(process);
    Question question = ask(wish.request, contract::encode(wish), kNever);
    if (!question.ended) return no_answer();
    return std::move(*question.ended);
}

void SessionAsker::take_answer(const std::string& process, const std::string& json) {
    auto page = contract::decode_sessions_page(json);
    auto ended = contract::decode_session_ended(json);
    if (!page && !ended) {
        const bool is_page = contract::type_of(json) == "sessions_page";
        log_error("a data plane gave an answer that cannot be understood",
                  {{"process", process}, {"why", (is_page ? page.error() : ended.error()).detail}});
        return;
    }
    const std::scoped_lock lock(mutex_);
    const auto found = questions_.find(page ? page->request : ended->request);
    if (found == questions_.end() || found->second.process != process) return;
    if (page)
        found->second.page = std::move(*page);
    else
        found->second.ended = std::move(*ended);
    news_.notify_all();
}

void SessionAsker::take_loss(const std::string& process) {
    const std::scoped_lock lock(mutex_);
    for (auto& [request, question] : questions_)
        if (question.process == process) question.is_lost = true;
    news_.notify_all();
}

}  // namespace mcpgw::publish
