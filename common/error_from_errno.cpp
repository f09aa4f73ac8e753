// The one table from errno to Error, and the names of codes.
//
// Rooms that meet an errno come here; no other file decides what a system error means.
#include <cerrno>
#include <cstring>

#include "common/result.h"

namespace mcpgw {
namespace {

Code code_of(int error_number) {
    switch (error_number) {
        case ECONNREFUSED:
        case EHOSTUNREACH:
        case ENETUNREACH:
        case EHOSTDOWN:
        case EADDRNOTAVAIL:
            return Code::unavailable;
        case ETIMEDOUT:
        case ETIME:
            return Code::timed_out;
        case ECONNRESET:
        case ECONNABORTED:
        case EPIPE:
        case ENOTCONN:
            return Code::reset;
        case ECANCELED:
            return Code::cancelled;
        case EADDRINUSE:
            return Code::address_in_use;
        case EACCES:
        case EPERM:
        case EROFS:
            return Code::permission_denied;
        case ENOENT:
        case ENOTDIR:
            return Code::not_found;
        case EEXIST:
            return Code::conflict;
        case EINVAL:
        case ENAMETOOLONG:
            return Code::invalid_argument;
        case ENOMEM:
        case ENFILE:
        case EMFILE:
        case ENOBUFS:
            return Code::limit_exceeded;
        case ENOSYS:
        case EOPNOTSUPP:
        case EAFNOSUPPORT:
            return Code::unsupported;
        case EIO:
            return Code::io;
        case ENOSPC:
        case EDQUOT:
            return Code::no_space;
        default:
            return Code::internal;
    }
}

}  // namespace

std::string_view code_name(Code code) {
    switch (code) {
        case Code::invalid_argument:
            return "invalid_argument";
        case Code::not_found:
            return "not_found";
        case Code::conflict:
            return "conflict";
        case Code::permission_denied:
            return "permission_denied";
        case Code::limit_exceeded:
            return "limit_exceeded";
        case Code::unavailable:
            return "unavailable";
        case Code::timed_out:
            return "timed_out";
        case Code::reset:
            return "reset";
        case Code::protocol:
            return "protocol";
        case Code::cancelled:
            return "cancelled";
        case Code::address_in_use:
            return "address_in_use";
        case Code::unsupported:
            return "unsupported";
        case Code::io:
            return "io";
        case Code::no_space:
            return "no_space";
        case Code::corrupt:
            return "corrupt";
        case Code::internal:
            return "internal";
    }
    return "internal";
}

Error error_from_errno(int error_number, std::string_view what, Side side) {
    std::string detail(what);
    detail += ": ";
    detail += std::strerror(error_number);
    return Error{code_of(error_number), side, Retry::never, std::move(detail)};
}

std::unexpected<Error> errno_failure(std::string_view what) {
    return std::unexpected(error_from_errno(errno, what));
}

}  // namespace mcpgw
