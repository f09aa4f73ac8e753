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
    return failure(Code::unavailable, "a data plane that was asked does not answer");
}

}  // namespace

std::uint64_t SessionAsker::begin(const std::string& process) {
    const std::scoped_lock lock(mutex_);
    questions_.emplace(++last_request_, Question{process, false, {}, {}, {}});
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
    news_.wait_for(lock, std::chrono::nanoseconds(left), [&question] {
        return question.is_lost || question.page || question.ended || question.usage;
    });
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

Result<contract::UsagePage> SessionAsker::usage(const std::string& process,
                                                contract::UsageQuery query, Nanos until) {
    query.request = begin(process);
    Question question = ask(query.request, contract::encode(query), until);
    if (!question.usage) return no_answer();
    return std::move(*question.usage);
}

// The number of the question that it answers.
Result<std::uint64_t> SessionAsker::read_answer(const std::string& json, Question& answer) {
    const auto keep = [](auto&& decoded, auto& part) -> Result<std::uint64_t> {
        if (!decoded) return std::unexpected(decoded.error());
        part = std::move(*decoded);
        return part->request;
    };
    const std::string type = contract::type_of(json);
    if (type == "usage_page") return keep(contract::decode_usage_page(json), answer.usage);
    if (type == "session_ended") return keep(contract::decode_session_ended(json), answer.ended);
    return keep(contract::decode_sessions_page(json), answer.page);
}

void SessionAsker::take_answer(const std::string& process, const std::string& json) {
    Question answer;
    const Result<std::uint64_t> request = read_answer(json, answer);
    if (!request) {
        log_error("a data plane gave an answer that cannot be understood",
                  {{"process", process}, {"why", request.error().detail}});
        return;
    }
    const std::scoped_lock lock(mutex_);
    const auto found = questions_.find(*request);
    if (found == questions_.end() || found->second.process != process) return;
    found->second.page = std::move(answer.page);
    found->second.ended = std::move(answer.ended);
    found->second.usage = std::move(answer.usage);
    news_.notify_all();
}

void SessionAsker::take_loss(const std::string& process) {
    const std::scoped_lock lock(mutex_);
    for (auto& [request, question] : questions_)
        if (question.process == process) question.is_lost = true;
    news_.notify_all();
}

}  // namespace mcpgw::publish
