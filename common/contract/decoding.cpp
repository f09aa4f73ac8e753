// Members of a frame, checked one at a time.
#include "common/contract/decoding.h"

#include <algorithm>

#include "common/bytes.h"
#include "common/limits.h"
#include "common/protocol/http1_head.h"

namespace mcpgw::contract {

namespace dom = simdjson::dom;

std::string Place::text() const {
    std::string text = outer == nullptr ? std::string() : outer->text();
    if (outer == nullptr) return text;
    if (member.empty()) return text + "[" + std::to_string(index) + "]";
    if (!text.empty()) text += ".";
    return text.append(member);
}

void Problem::note(const Place& place, std::string_view what) {
    if (found()) return;
    detail_ = place.text();
    if (!detail_.empty()) detail_ += ": ";
    detail_ += what;
}

ObjectReader::ObjectReader(dom::element element, const Place& place, Problem& problem)
    : place_(place), problem_(problem) {
    if (element.get(object_) != simdjson::SUCCESS) problem.note(place, "is not an object");
}

void ObjectReader::refuse(std::string_view member, std::string_view what) {
    problem_.note({&place_, member}, what);
}

bool ObjectReader::find(std::string_view member, dom::element& out) const {
    return !failed() && object_.at_key(member).get(out) == simdjson::SUCCESS;
}

bool ObjectReader::find_array(std::string_view member, std::size_t count_max, dom::array& out) {
    dom::element element;
    if (!find(member, element))
        refuse(member, "is missing");
    else if (element.get(out) != simdjson::SUCCESS)
        refuse(member, "is not an array");
    else if (out.size() > count_max)
        refuse(member, "has more than " + std::to_string(count_max) + " elements");
    return !failed();
}

std::string_view ObjectReader::text_of(dom::element element, const Place& place) {
    std::string_view text;
    if (element.get(text) != simdjson::SUCCESS) {
        problem_.note(place, "is not a string");
        return {};
    }
    const auto is_control = [](char c) { return (c >= 0 && c < 0x20) || c == 0x7f; };
    if (text.empty())
        problem_.note(place, "is empty");
    else if (std::any_of(text.begin(), text.end(), is_control))
        problem_.note(place, "has a control character");
    return problem_.found() ? std::string_view() : text;
}

std::string_view ObjectReader::text(std::string_view member, std::size_t bytes_max) {
    dom::element element;
    if (!find(member, element)) {
        refuse(member, "is missing");
        return {};
    }
    const std::string_view text = text_of(element, {&place_, member});
    if (text.size() <= bytes_max) return text;
    refuse(member, "is longer than " + std::to_string(bytes_max) + " bytes");
    return {};
}

std::string_view ObjectReader::optional_text(std::string_view member, std::size_t bytes_max) {
    dom::element element;
    std::string_view text;
    if (!find(member, element)) return {};
    if (element.get(text) == simdjson::SUCCESS && text.empty()) return {};
    return this->text(member, bytes_max);
}

std::uint64_t ObjectReader::number(std::string_view member, Range range) {
    dom::element element;
    std::uint64_t value = 0;
    if (!find(member, element))
        refuse(member, "is missing");
    else if (element.get(value) != simdjson::SUCCESS)
        refuse(member, "is not a whole number of at most 64 bits");
    else if (value < range.min || value > range.max)
        refuse(member,
               "is not within " + std::to_string(range.min) + "..." + std::to_string(range.max));
    return failed() ? 0 : value;
}

std::uint64_t ObjectReader::number_or(std::string_view member, Range range,
                                      std::uint64_t fallback) {
    dom::element element;
    return find(member, element) ? number(member, range) : fallback;
}

bool ObjectReader::boolean(std::string_view member) {
    dom::element element;
    bool value = false;
    if (!find(member, element))
        refuse(member, "is missing");
    else if (element.get(value) != simdjson::SUCCESS)
        refuse(member, "is neither true nor false");
    return value;
}

bool ObjectReader::has(std::string_view member) const {
    dom::element element;
    return find(member, element);
}

bool ObjectReader::optional_boolean(std::string_view member) {
    dom::element element;
    return find(member, element) && boolean(member);
}

std::uint64_t ObjectReader::identity(std::string_view member) {
    const std::uint64_t value = from_hex(text(member, 16)).value_or(0);
    if (value == 0) refuse(member, "is not 16 hexadecimal digits other than 0");
    return value;
}

Frame::Frame(std::string_view json, std::string_view type) {
    const simdjson::error_code error = parser_.parse(json.data(), json.size()).get(root_);
    if (error != simdjson::SUCCESS) {
        problem_.note(place_, std::string("is not JSON: ") + simdjson::error_message(error));
        return;
    }
    ObjectReader reader(root_, place_, problem_);
    const std::string_view found = reader.text("type", limits::frame_text_bytes_max);
    if (!problem_.found() && found != type)
        reader.refuse("type", "is not \"" + std::string(type) + "\"");
}

std::string read_visible(ObjectReader& in, std::string_view member, std::size_t bytes_max) {
    const std::string_view text = in.text(member, bytes_max);
    if (!http::is_visible_ascii(text)) in.refuse(member, "is not visible ASCII");
    return std::string(text);
}

}  // namespace mcpgw::contract
