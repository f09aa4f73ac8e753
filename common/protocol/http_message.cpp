// Looking things up in a parsed head. A head has few fields, so a scan is faster than any index.
//
// Owner: whoever holds the head. What the fields mean is left to http1_head.cpp and the exchanges.
#include "common/protocol/http_message.h"

#include "common/bytes.h"
#include "common/check.h"

namespace mcpgw::http {

std::string_view method_name(Method method) {
    switch (method) {
        case Method::get:
            return "GET";
        case Method::head:
            return "HEAD";
        case Method::post:
            return "POST";
        case Method::put:
            return "PUT";
        case Method::del:
            return "DELETE";
        case Method::options:
            return "OPTIONS";
        case Method::patch:
            return "PATCH";
        case Method::other:
            return "other";
    }
    check_failed("a method of the enumeration", std::source_location::current());
}

const Field* Fields::find(std::string_view name) const {
    check(count <= items.size(), "the count stays inside the array");
    for (const Field& field : all())
        if (equals_ignoring_case(field.name, name)) return &field;
    return nullptr;
}

std::size_t Fields::count_of(std::string_view name) const {
    check(count <= items.size(), "the count stays inside the array");
    std::size_t found = 0;
    for (const Field& field : all())
        if (equals_ignoring_case(field.name, name)) ++found;
    return found;
}

std::string_view Fields::value_or_empty(std::string_view name) const {
    const Field* field = find(name);
    return field == nullptr ? std::string_view{} : field->value;
}

}  // namespace mcpgw::http
