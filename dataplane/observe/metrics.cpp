// The words that counters wear as label values.
#include "dataplane/observe/metrics.h"

namespace mcpgw {

std::string_view label_of(ConnectionSide side) {
    switch (side) {
        case ConnectionSide::client:
            return "client";
        case ConnectionSide::backend:
            return "backend";
    }
    return "";
}

std::string_view label_of(Direction direction) {
    switch (direction) {
        case Direction::client_in:
            return "client_in";
        case Direction::client_out:
            return "client_out";
        case Direction::backend_in:
            return "backend_in";
        case Direction::backend_out:
            return "backend_out";
    }
    return "";
}

std::string_view label_of(RejectReason reason) {
    switch (reason) {
        case RejectReason::bad_request:
            return "bad_request";
        case RejectReason::head_too_large:
            return "head_too_large";
        case RejectReason::body_too_large:
            return "body_too_large";
        case RejectReason::target_too_long:
            return "target_too_long";
        case RejectReason::head_too_slow:
            return "head_too_slow";
        case RejectReason::client_too_slow:
            return "client_too_slow";
        case RejectReason::host_not_allowed:
            return "host_not_allowed";
        case RejectReason::origin_not_allowed:
            return "origin_not_allowed";
        case RejectReason::unauthenticated:
            return "unauthenticated";
        case RejectReason::forbidden:
            return "forbidden";
        case RejectReason::not_found:
            return "not_found";
        case RejectReason::method_not_allowed:
            return "method_not_allowed";
        case RejectReason::session_not_found:
            return "session_not_found";
        case RejectReason::rate_limited:
            return "rate_limited";
        case RejectReason::quota_exhausted:
            return "quota_exhausted";
        case RejectReason::sessions_full:
            return "sessions_full";
        case RejectReason::streams_full:
            return "streams_full";
        case RejectReason::connections_full:
            return "connections_full";
        case RejectReason::address_connections_full:
            return "address_connections_full";
        case RejectReason::exchanges_full:
            return "exchanges_full";
        case RejectReason::no_ready_instance:
            return "no_ready_instance";
        case RejectReason::draining:
            return "draining";
    }
    return "";
}

std::string_view label_of(Resource resource) {
    switch (resource) {
        case Resource::receive_buffers:
            return "receive_buffers";
        case Resource::spill:
            return "spill";
        case Resource::segments:
            return "segments";
        case Resource::blocks:
            return "blocks";
        case Resource::backend_connections:
            return "backend_connections";
    }
    return "";
}

std::string_view label_of(RetryReason reason) {
    switch (reason) {
        case RetryReason::stale_connection:
            return "stale_connection";
        case RetryReason::connect_failed:
            return "connect_failed";
    }
    return "";
}

std::string_view label_of(LimitKind kind) {
    switch (kind) {
        case LimitKind::quota:
            return "quota";
        case LimitKind::rate:
            return "rate";
        case LimitKind::sessions:
            return "sessions";
        case LimitKind::streams:
            return "streams";
    }
    return "";
}

std::string_view label_of(LimitScope scope) {
    switch (scope) {
        case LimitScope::tenant:
            return "tenant";
        case LimitScope::tenant_user:
            return "tenant_user";
        case LimitScope::adapter:
            return "adapter";
        case LimitScope::adapter_user:
            return "adapter_user";
    }
    return "";
}

}  // namespace mcpgw
