// Answers of the usual kinds.
#include "controlplane/api/answer.h"

#include "common/json_writer.h"
#include "common/log.h"

namespace mcpgw::api {
namespace {

int status_of(Code code) {
    switch (code) {
        case Code::invalid_argument:
            return 400;
        case Code::not_found:
            return 404;
        case Code::conflict:
            return 409;
        case Code::permission_denied:
            return 403;
        case Code::unsupported:
            return 422;
        case Code::limit_exceeded:
        case Code::unavailable:
        case Code::timed_out:
        case Code::io:
        case Code::corrupt:
            return 503;
        case Code::no_space:
            return 507;
        case Code::reset:
        case Code::protocol:
        case Code::cancelled:
        case Code::address_in_use:
        case Code::internal:
            return 500;
    }
    return 500;
}

// What went wrong inside (paths, the database's words) is for the log, not for clients; they are
// told what they can do. nullptr: the detail of the error is meant for them.
const char* sentence_instead(Code code) {
    switch (code) {
        case Code::no_space:
            return "the gateway's disk is full, so this was not done; what is served goes on";
        case Code::io:
            return "the gateway cannot read or write its disk, so this was not done; its log says "
                   "why";
        case Code::corrupt:
            return "the gateway's database is damaged, so this was not done; its log says what and "
                   "where, and a backup can be restored";
        default:
            return status_of(code) == 500 ? "the control plane could not do that; its log says why"
                                          : nullptr;
    }
}

}  // namespace

const std::string* Call::parameter(std::string_view name) const {
    for (const auto& [key, value] : query)
        if (key == name) return &value;
    return nullptr;
}

std::string_view status_text(int status) {
    switch (status) {
        case 400:
            return "Bad Request";
        case 401:
            return "Unauthorized";
        case 403:
            return "Forbidden";
        case 404:
            return "Not Found";
        case 405:
            return "Method Not Allowed";
        case 409:
            return "Conflict";
        case 412:
            return "Precondition Failed";
        case 413:
            return "Content Too Large";
        case 414:
            return "URI Too Long";
        case 415:
            return "Unsupported Media Type";
        case 422:
            return "Unprocessable Content";
        case 500:
            return "Internal Server Error";
        case 503:
            return "Service Unavailable";
        case 507:
            return "Insufficient Storage";
        default:
            return "Error";
    }
}

Answer json_answer(int status, std::string body) {
    Answer answer;
    answer.status = status;
    answer.content_type = "application/json";
    answer.body = std::move(body);
    return answer;
}

Answer problem(int status, std::string_view detail) {
    return problem(status, detail, {});
}

Answer problem(int status, std::string_view detail, const model::FieldErrors& errors) {
    JsonWriter out;
    out.object();
    out.key("type").string("about:blank");
    out.key("title").string(status_text(status));
    out.key("status").number(status);
    out.key("detail").string(detail);
    if (!errors.empty()) {
        out.key("errors").object();
        for (const auto& [field, complaints] : errors) {
            out.key(field).array();
            for (const std::string& complaint : complaints)
                out.string(complaint);
            out.end();
        }
        out.end();
    }
    out.end();
    Answer answer = json_answer(status, out.take());
    answer.content_type = "application/problem+json";
    return answer;
}

Answer problem_of(const Error& error) {
    const char* sentence = sentence_instead(error.code);
    return problem(status_of(error.code), sentence != nullptr ? sentence : error.detail);
}

Answer answer_of(const Error& error) {
    Answer answer = problem_of(error);
    if (answer.status >= 500)
        log_error("a management request failed",
                  {{"code", code_name(error.code)}, {"detail", error.detail}});
    return answer;
}

Answer no_such_path() {
    return problem(404, "there is nothing at this path");
}

Answer wrong_parameters(const model::FieldErrors& errors) {
    return problem(400, "the query has parameters that are wrong", errors);
}

Answer wrong_method(std::string_view allowed) {
    Answer answer =
        problem(405, "this path does not take this method; it takes " + std::string(allowed));
    answer.headers.emplace_back("Allow", allowed);
    return answer;
}

}  // namespace mcpgw::api
