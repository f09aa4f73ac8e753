// What a refused head or body is called: the status that answers it and a sentence for people.
//
// The sentences end up in error bodies and logs, so they name the rule and never the input.
#include "common/check.h"
#include "common/protocol/http1_body.h"
#include "common/protocol/http1_head.h"

namespace mcpgw::http {

std::uint16_t status_of(HeadError error) {
    check(error != HeadError::none, "only an error has a status");
    switch (error) {
        case HeadError::target_too_long:
            return 414;
        case HeadError::unsupported_expectation:
            return 417;
        case HeadError::too_many_fields:
        case HeadError::head_too_large:
            return 431;
        case HeadError::unknown_transfer_coding:
        case HeadError::unsupported_method:
            return 501;
        case HeadError::version_not_supported:
            return 505;
        case HeadError::none:
        case HeadError::bad_line_ending:
        case HeadError::bad_request_line:
        case HeadError::bad_status_line:
        case HeadError::bad_target:
        case HeadError::bad_version:
        case HeadError::bad_field_name:
        case HeadError::bad_field_value:
        case HeadError::obs_fold:
        case HeadError::bad_content_length:
        case HeadError::conflicting_content_length:
        case HeadError::content_length_with_transfer_encoding:
        case HeadError::body_without_end:
        case HeadError::transfer_encoding_in_http10:
        case HeadError::missing_host:
        case HeadError::repeated_host:
        case HeadError::bad_host:
            return 400;
    }
    check_failed("an error of the enumeration", std::source_location::current());
}

std::string_view sentence_of(HeadError error) {
    switch (error) {
        case HeadError::none:
            return "the head is well formed";
        case HeadError::bad_line_ending:
            return "a line does not end with CR LF";
        case HeadError::bad_request_line:
            return "the request line is not method, target and version";
        case HeadError::bad_status_line:
            return "the status line is malformed";
        case HeadError::bad_target:
            return "the request target is malformed";
        case HeadError::target_too_long:
            return "the request target is too long";
        case HeadError::bad_version:
            return "the first line does not name an HTTP version";
        case HeadError::version_not_supported:
            return "only HTTP/1.0 and HTTP/1.1 are spoken here";
        case HeadError::bad_field_name:
            return "a header field has no valid name";
        case HeadError::bad_field_value:
            return "the head holds a control character";
        case HeadError::obs_fold:
            return "a header field is folded over several lines";
        case HeadError::too_many_fields:
            return "the head has too many fields";
        case HeadError::head_too_large:
            return "the head is too large";
        case HeadError::bad_content_length:
            return "Content-Length is not a number";
        case HeadError::conflicting_content_length:
            return "Content-Length is given more than once";
        case HeadError::content_length_with_transfer_encoding:
            return "Content-Length and Transfer-Encoding exclude each other";
        case HeadError::unknown_transfer_coding:
            return "the only transfer coding understood is chunked";
        case HeadError::body_without_end:
            return "the last transfer coding has to be chunked";
        case HeadError::transfer_encoding_in_http10:
            return "HTTP/1.0 knows no Transfer-Encoding";
        case HeadError::missing_host:
            return "HTTP/1.1 needs a Host field";
        case HeadError::repeated_host:
            return "Host is given more than once";
        case HeadError::bad_host:
            return "Host is not a host with an optional port";
        case HeadError::unsupported_expectation:
            return "the only expectation understood is 100-continue";
        case HeadError::unsupported_method:
            return "this method is not supported";
    }
    check_failed("an error of the enumeration", std::source_location::current());
}

std::string_view sentence_of(BodyError error) {
    switch (error) {
        case BodyError::none:
            return "the body is well formed";
        case BodyError::bad_chunk_size:
            return "a chunk size is not a hexadecimal number";
        case BodyError::chunk_size_overflow:
            return "a chunk size has too many digits";
        case BodyError::bad_chunk_extension:
            return "a chunk extension is malformed";
        case BodyError::bad_chunk_end:
            return "a chunk does not end with CR LF";
        case BodyError::chunk_line_too_long:
            return "a chunk-size line is too long";
        case BodyError::bad_trailer:
            return "a trailer field is malformed";
        case BodyError::trailer_too_large:
            return "the trailer section is too large";
        case BodyError::too_large:
            return "the body is too large";
        case BodyError::cut_short:
            return "the connection ended inside the body";
    }
    check_failed("an error of the enumeration", std::source_location::current());
}

}  // namespace mcpgw::http
