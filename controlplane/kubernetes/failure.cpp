// One table: HTTP status and reason -> FailureKind; and the sentence that people read.
#include "controlplane/kubernetes/failure.h"

#include <algorithm>
#include <utility>

#include "common/limits.h"
#include "controlplane/kubernetes/tree.h"
#include "controlplane/model/json.h"

namespace mcpgw::kubernetes {
namespace {

FailureKind kind_of(int status, std::string_view reason) {
    switch (status) {
        case 401:
            return FailureKind::unauthorized;
        case 403:
            return FailureKind::forbidden;
        case 404:
            return FailureKind::not_found;
        case 409:
            return reason == "AlreadyExists" ? FailureKind::already_exists : FailureKind::conflict;
        case 410:
            return FailureKind::expired;
        case 422:
            return FailureKind::invalid;
        case 408:
        case 429:
            return FailureKind::retry_later;
        default:
            return status >= 500 ? FailureKind::retry_later : FailureKind::refused;
    }
}

// The namespace is named as what is missing; an unknown type comes as a Status without details, or
// as no Status at all.
Missing missing_of(const picojson::value& details) {
    if (text_at(details, {"kind"}) == "namespaces") return Missing::name_space;
    return text_at(details, {"name"}).empty() ? Missing::type : Missing::object;
}

std::string_view without_detail(FailureKind kind) {
    switch (kind) {
        case FailureKind::unauthorized:
            return "the API server does not take the credentials";
        case FailureKind::forbidden:
            return "the API server does not allow it";
        case FailureKind::not_found:
            return "the API server does not know it";
        case FailureKind::already_exists:
            return "an object of that name exists already";
        case FailureKind::conflict:
            return "the object was changed meanwhile";
        case FailureKind::expired:
            return "the API server does not remember that version any more";
        case FailureKind::invalid:
            return "the API server finds the object invalid";
        case FailureKind::refused:
            return "the API server refuses the request";
        case FailureKind::retry_later:
            return "the API server cannot do it at the moment";
        case FailureKind::transport:
            return "there is no answer from the API server";
        case FailureKind::cancelled:
            return "cancelled";
    }
    return "";
}

// A patch that makes a field ill-typed is answered with the whole object, values of variables and
// all, as the message of this field.
bool quotes_the_object(const Cause& cause) {
    return cause.field == "patch";
}

std::vector<Cause> causes_of(const picojson::value& details) {
    std::vector<Cause> causes;
    for (const picojson::value& item : array_at(details, {"causes"})) {
        if (causes.size() == limits::kubernetes_causes_max) break;
        constexpr std::size_t bytes_max = limits::kubernetes_message_bytes_max / 2;
        Cause cause{bounded_text(text_at(item, {"reason"}), bytes_max),
                    bounded_text(text_at(item, {"field"}), bytes_max),
                    bounded_text(text_at(item, {"message"}), bytes_max)};
        if (quotes_the_object(cause)) cause.message = "the patch does not fit the object";
        causes.push_back(std::move(cause));
    }
    return causes;
}

std::string message_of(const Failure& failure, std::string_view said) {
    const std::string status = " (" + std::to_string(failure.status) +
                               (failure.reason.empty() ? "" : " " + failure.reason) + ")";
    std::string message;
    if (failure.kind == FailureKind::invalid && !failure.causes.empty()) {
        for (const Cause& cause : failure.causes)
            message += (message.empty() ? "" : "; ") +
                       (cause.field.empty() ? "" : cause.field + ": ") + cause.message;
    } else if (failure.status < 500 && failure.kind != FailureKind::unauthorized) {
        message = said;
    }
    message = bounded_text(message, limits::kubernetes_message_bytes_max);
    return message.empty() ? std::string(without_detail(failure.kind)) + status : message;
}

}  // namespace

std::string_view failure_kind_name(FailureKind kind) {
    switch (kind) {
        case FailureKind::unauthorized:
            return "unauthorized";
        case FailureKind::forbidden:
            return "forbidden";
        case FailureKind::not_found:
            return "not_found";
        case FailureKind::already_exists:
            return "already_exists";
        case FailureKind::conflict:
            return "conflict";
        case FailureKind::expired:
            return "expired";
        case FailureKind::invalid:
            return "invalid";
        case FailureKind::refused:
            return "refused";
        case FailureKind::retry_later:
            return "retry_later";
        case FailureKind::transport:
            return "transport";
        case FailureKind::cancelled:
            return "cancelled";
    }
    return "";
}

bool Failure::has_cause(std::string_view cause_reason) const {
    return std::ranges::any_of(causes,
                               [&](const Cause& cause) { return cause.reason == cause_reason; });
}

Failure failure_of(const Answer& answer) {
    Failure failure;
    failure.status = answer.status;
    failure.retry_after_ms = answer.retry_after_ms;
    // Not every body is a Status: proxies and unknown groups answer with plain text, which says
    // nothing that the status does not.
    const auto tree = model::parse_json(answer.body);
    const picojson::value nothing;
    const picojson::value& body = tree && text_at(*tree, {"kind"}) == "Status" ? *tree : nothing;
    const picojson::value& details = node_at(body, {"details"});
    failure.reason = bounded_text(text_at(body, {"reason"}), 64);
    failure.kind = kind_of(answer.status, failure.reason);
    if (failure.kind == FailureKind::not_found) failure.missing = missing_of(details);
    failure.causes = causes_of(details);
    if (failure.retry_after_ms == 0) {
        const std::int64_t seconds = number_at(details, {"retryAfterSeconds"});
        constexpr std::int64_t seconds_max = limits::kubernetes_retry_after_ms_max / 1000;
        failure.retry_after_ms =
            static_cast<std::uint32_t>(std::clamp<std::int64_t>(seconds, 0, seconds_max) * 1000);
    }
    const std::string& said = text_at(body, {"message"});
    failure.message = message_of(failure, said);
    if (answer.status >= 500)
        failure.log_detail = bounded_text(said, limits::kubernetes_message_bytes_max);
    return failure;
}

Failure transport_failure(std::string message, std::string_view log_detail) {
    Failure failure;
    failure.kind = FailureKind::transport;
    failure.message = bounded_text(message, limits::kubernetes_message_bytes_max);
    failure.log_detail = bounded_text(log_detail, limits::kubernetes_message_bytes_max);
    return failure;
}

Failure cancelled_failure() {
    Failure failure;
    failure.kind = FailureKind::cancelled;
    failure.message = without_detail(FailureKind::cancelled);
    return failure;
}

Error error_of(const Failure& failure) {
    Code code = Code::internal;
    switch (failure.kind) {
        case FailureKind::unauthorized:
        case FailureKind::forbidden:
            code = Code::permission_denied;
            break;
        case FailureKind::not_found:
            code = Code::not_found;
            break;
        case FailureKind::already_exists:
        case FailureKind::conflict:
        case FailureKind::expired:
            code = Code::conflict;
            break;
        case FailureKind::invalid:
        case FailureKind::refused:
            code = Code::invalid_argument;
            break;
        case FailureKind::retry_later:
        case FailureKind::transport:
            code = Code::unavailable;
            break;
        case FailureKind::cancelled:
            code = Code::cancelled;
            break;
    }
    return Error{code, Side::backend, failure.is_passing() ? Retry::always : Retry::never,
                 failure.message};
}

std::string bounded_text(std::string_view text, std::size_t bytes_max) {
    std::string result(text.substr(0, bytes_max));
    if (text.size() > bytes_max) {
        // Not in the middle of a character: bytes that go on are 10xxxxxx.
        std::size_t end = bytes_max > 3 ? bytes_max - 3 : 0;
        while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U)
            --end;
        result.resize(end);
        result += "...";
    }
    for (char& c : result)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
    return result;
}

}  // namespace mcpgw::kubernetes
