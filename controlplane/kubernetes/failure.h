// What an answer that is not a success means, or that there is none: for programs and for people.
//
// Decided by HTTP status and `reason` of the Status object, never by its message. Texts are bounded
// and carry no control characters. What a 5xx answer says goes to the operator's log only: it may
// show addresses inside the cluster. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"

namespace mcpgw::kubernetes {

struct Answer {
    int status = 0;
    std::string body{};
    std::uint32_t retry_after_ms = 0;     // 0: the server has not said
    std::vector<std::string> warnings{};  // texts of `Warning: 299` fields, bounded
};

enum class FailureKind : std::uint8_t {
    unauthorized,    // 401: the credentials are not taken (any more)
    forbidden,       // 403: RBAC, quota, a namespace that is being deleted; see `causes`
    not_found,       // 404: see `missing`
    already_exists,  // 409 AlreadyExists: create met an object of that name
    conflict,        // 409, any other: changed meanwhile, precondition, foreign field manager
    expired,         // 410: list again from the start
    invalid,         // 422: the object breaks rules, see `causes`
    refused,         // any other 3xx or 4xx: asking again the same way will not help
    retry_later,     // 408, 429, 5xx: ask again after a while, at least retry_after_ms
    transport,       // no answer, or only a part: unreachable, TLS, time limit, broken, too large
    cancelled,       // we did not want to wait any longer
};
[[nodiscard]] std::string_view failure_kind_name(FailureKind kind);  // "already_exists"

// Of a 404.
enum class Missing : std::uint8_t {
    object,      // the object itself
    name_space,  // the namespace that it would be in
    type,        // the server does not know such resources (or the path)
};

struct Cause {
    std::string reason{};  // "FieldValueInvalid", "FieldManagerConflict", "NamespaceTerminating"
    std::string field{};   // "spec.replicas"
    std::string message{};
};

struct Failure {
    FailureKind kind = FailureKind::transport;
    int status = 0;  // 0: no answer
    Missing missing = Missing::object;
    bool is_too_large = false;       // transport: the answer exceeds our limit; ask for less
    bool may_have_happened = false;  // transport: the server may have done what it was asked for
    std::uint32_t retry_after_ms = 0;
    std::string reason{};   // of the Status object, e.g. "AlreadyExists"; may be empty
    std::string message{};  // one sentence for people, never empty, without addresses
    // What the server or the connection said to that, for the log of the operator only: it may show
    // addresses inside the cluster. May be empty.
    std::string log_detail{};
    std::vector<Cause> causes{};

    [[nodiscard]] bool has_cause(std::string_view cause_reason) const;
    // Worth asking again, unchanged, after a pause.
    [[nodiscard]] bool is_passing() const {
        return kind == FailureKind::retry_later || kind == FailureKind::transport;
    }
};

// What an answer outside 2xx means. Also takes the Status of an ERROR event: then `status` of the
// answer is its code.
[[nodiscard]] Failure failure_of(const Answer& answer);
[[nodiscard]] Failure transport_failure(std::string message, std::string_view log_detail = {});
[[nodiscard]] Failure cancelled_failure();
// For callers that speak Result: kind -> Code, message -> detail.
[[nodiscard]] Error error_of(const Failure& failure);

// At most `bytes_max` bytes of the text, cut between characters and with "..." if anything is left
// out; control characters become spaces.
[[nodiscard]] std::string bounded_text(std::string_view text, std::size_t bytes_max);

}  // namespace mcpgw::kubernetes
