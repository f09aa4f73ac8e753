// Looking things up in a parsed head. A head has few fields, so a scan is faster than any index.
//
// Owner: whoever holds the head. What the fields mean is left to http1_head.cpp and the exchanges.
#include "common/protocol/http_message.h"

#include <algorithm>

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

Fields& Fields::operator=(const Fields& other) {
    if (this == &other) return *this;
    count_ = other.count_;
    present_ = other.present_;
    repeated_ = other.repeated_;
    std::copy_n(other.room_.items.begin(), count_, room_.items.begin());
    return *this;
}

bool Fields::add(const Field& field) {
    if (count_ == room_.items.size()) return false;
    room_.items[count_++] = field;
    if (present_.has(field.known)) repeated_.add(field.known);
    present_.add(field.known);
    return true;
}

bool Fields::add(std::string_view name, std::string_view value) {
    return add(Field{name, value, 0, field_name_of(name)});
}

void Fields::clear() {
    count_ = 0;
    present_ = {};
    repeated_ = {};
}

const Field* Fields::find(FieldName known) const {
    check(known != FieldName::other, "a known name is asked for");
    if (!present_.has(known)) return nullptr;
    const auto found = std::ranges::find(all(), known, &Field::known);
    check(found != all().end(), "what is present is found");
    return &*found;
}

const Field* Fields::find(std::string_view name) const {
    const auto found = std::ranges::find_if(
        all(), [name](const Field& field) { return equals_ignoring_case(field.name, name); });
    return found == all().end() ? nullptr : &*found;
}

std::size_t Fields::count_of(std::string_view name) const {
    return static_cast<std::size_t>(std::ranges::count_if(
        all(), [name](const Field& field) { return equals_ignoring_case(field.name, name); }));
}

std::string_view Fields::value_or_empty(FieldName known) const {
    const Field* field = find(known);
    return field == nullptr ? std::string_view{} : field->value;
}

std::string_view Fields::value_or_empty(std::string_view name) const {
    const Field* field = find(name);
    return field == nullptr ? std::string_view{} : field->value;
}

}  // namespace mcpgw::http
