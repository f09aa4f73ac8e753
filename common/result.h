// Errors as values.
//
// An Error says what went wrong (`code`), on whose side (`side`), whether the same request may be
// tried again (`retry`), and one sentence for people (`detail`, empty on the data path, where the
// sentence is made from the code). Functions that can fail return Result<T>; nothing in common/ or
// dataplane/ throws. The mapping errno -> Error is in common/error_from_errno.cpp, the mapping
// Error -> HTTP and JSON-RPC answer in dataplane/exchange/failure.cpp; nowhere else.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace mcpgw {

enum class Code : std::uint8_t {
    invalid_argument,  // the caller's input breaks a rule; `detail` names it
    not_found,
    conflict,  // exists already, or changed meanwhile
    permission_denied,
    limit_exceeded,  // a limit of limits.h was reached
    unavailable,     // nobody there: refused, unreachable, no ready instance
    timed_out,
    reset,     // the peer broke the connection
    protocol,  // the peer broke the protocol
    cancelled,
    address_in_use,
    unsupported,  // the kernel, or this version, cannot do that
    io,           // a file or device failed
    no_space,     // a file system is full
    corrupt,      // stored or received data fails its own check
    internal,
};

enum class Side : std::uint8_t { client, backend, gateway };
enum class Retry : std::uint8_t { never, if_reused, always };

struct Error {
    Code code = Code::internal;
    Side side = Side::gateway;
    Retry retry = Retry::never;
    std::string detail;
};

template <class T = void>
using Result = std::expected<T, Error>;

// Short form for the usual case: return failure(Code::not_found, "no adapter named x").
[[nodiscard]] inline std::unexpected<Error> failure(Code code, std::string detail,
                                                    Side side = Side::gateway,
                                                    Retry retry = Retry::never) {
    return std::unexpected<Error>(Error{code, side, retry, std::move(detail)});
}

// The name of a code as it appears in logs and metric labels, e.g. "timed_out".
[[nodiscard]] std::string_view code_name(Code code);

// Turns an errno value (positive) into an Error. `what` says what was attempted: the detail becomes
// "<what>: <strerror>".
[[nodiscard]] Error error_from_errno(int error_number, std::string_view what,
                                     Side side = Side::gateway);
// The same with the errno of this moment, to be returned at once.
[[nodiscard]] std::unexpected<Error> errno_failure(std::string_view what);

}  // namespace mcpgw
