// Kinds, ranges and unknown members of one JSON object.
#include "controlplane/model/field_reader.h"

#include <cmath>

namespace mcpgw::model {
namespace {

const picojson::object kNothing;

}  // namespace

FieldReader::FieldReader(const picojson::value& value, std::string path, FieldErrors& errors)
    : path_(std::move(path)), errors_(errors) {
    if (value.is<picojson::object>()) {
        object_ = &value.get<picojson::object>();
        return;
    }
    object_ = &kNothing;
    errors_[path_].emplace_back("must be a JSON object");
}

std::string FieldReader::path_of(std::string_view key) const {
    if (path_.empty()) return std::string(key);
    return path_ + "." + std::string(key);
}

const picojson::value* FieldReader::take(std::string_view key) {
    const auto known = known_.emplace(key).first;
    const auto member = object_->find(*known);
    return member == object_->end() ? nullptr : &member->second;
}

bool FieldReader::has(std::string_view key) {
    return take(key) != nullptr;
}

void FieldReader::complain(std::string_view key, std::string what) {
    errors_[path_of(key)].push_back(std::move(what));
}

void FieldReader::judge(std::string_view key, const char* complaint) {
    if (complaint != nullptr) complain(key, complaint);
}

bool FieldReader::string(std::string_view key, std::string& out) {
    const picojson::value* member = take(key);
    if (member == nullptr) return false;
    if (!member->is<std::string>()) {
        complain(key, "must be a string");
        return false;
    }
    out = member->get<std::string>();
    return true;
}

bool FieldReader::boolean(std::string_view key, bool& out) {
    const picojson::value* member = take(key);
    if (member == nullptr) return false;
    if (!member->is<bool>()) {
        complain(key, "must be true or false");
        return false;
    }
    out = member->get<bool>();
    return true;
}

bool FieldReader::strings(std::string_view key, std::vector<std::string>& out) {
    const picojson::value* member = take(key);
    if (member == nullptr) return false;
    if (!member->is<picojson::array>()) {
        complain(key, "must be an array of strings");
        return false;
    }
    std::vector<std::string> items;
    bool good = true;
    const auto& array = member->get<picojson::array>();
    for (std::size_t i = 0; i < array.size(); ++i) {
        if (array[i].is<std::string>()) {
            items.push_back(array[i].get<std::string>());
        } else {
            complain(std::string(key) + "[" + std::to_string(i) + "]", "must be a string");
            good = false;
        }
    }
    if (good) out = std::move(items);
    return good;
}

bool FieldReader::read_integer(std::string_view key, IntegerRange range, std::uint64_t& out) {
    const picojson::value* member = take(key);
    if (member == nullptr) return false;
    const double number = member->is<double>() ? member->get<double>() : std::nan("");
    const bool good = std::trunc(number) == number && number >= static_cast<double>(range.min) &&
                      number <= static_cast<double>(range.max);
    if (!good) {
        complain(key, "must be an integer from " + std::to_string(range.min) + " to " +
                          std::to_string(range.max));
        return false;
    }
    out = static_cast<std::uint64_t>(number);
    return true;
}

bool FieldReader::word(std::string_view key, const std::vector<std::string_view>& words,
                       std::size_t& out) {
    std::string text;
    const picojson::value* member = take(key);
    if (member == nullptr) return false;
    if (member->is<std::string>()) text = member->get<std::string>();
    std::string choices;
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (words[i] == text) {
            out = i;
            return true;
        }
        choices.append(i == 0 ? "" : ", ").append(words[i]);
    }
    complain(key, "must be one of " + choices);
    return false;
}

void FieldReader::refuse_unknown() {
    for (const auto& [key, member] : *object_)
        if (!known_.contains(key)) complain(key, "is not a known field");
}

}  // namespace mcpgw::model
