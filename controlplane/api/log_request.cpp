// Parameters of a log request, one by one.
#include "controlplane/api/log_request.h"

#include <charconv>

#include "common/limits.h"
#include "common/time.h"

namespace mcpgw::api {
namespace {

bool read_number(std::string_view text, std::uint64_t max, std::uint64_t& out) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    return error == std::errc() && end == text.data() + text.size() && out <= max;
}

void read_flag(const Call& call, const char* name, bool& out, model::FieldErrors& errors) {
    const std::string* text = call.parameter(name);
    if (text == nullptr) return;
    if (*text == "true" || *text == "1")
        out = true;
    else if (*text == "false" || *text == "0")
        out = false;
    else
        errors[name].emplace_back("must be true or false");
}

// How long ago, in milliseconds: a number of seconds, or a number with a unit.
std::optional<std::uint64_t> read_age(std::string_view text) {
    std::uint64_t unit_ms = 1000;
    if (text.ends_with('s')) {
        text.remove_suffix(1);
    } else if (text.ends_with('m')) {
        unit_ms = 60'000;
        text.remove_suffix(1);
    } else if (text.ends_with('h')) {
        unit_ms = 3'600'000;
        text.remove_suffix(1);
    } else if (text.ends_with('d')) {
        unit_ms = 86'400'000;
        text.remove_suffix(1);
    }
    std::uint64_t number = 0;
    if (!read_number(text, UINT32_MAX, number)) return std::nullopt;
    return number * unit_ms;
}

}  // namespace

deploy::LogQuery read_log_query(const Call& call, std::uint64_t now_unix_ms,
                                model::FieldErrors& errors) {
    deploy::LogQuery query;
    std::uint64_t number = 0;
    if (const std::string* text = call.parameter("instance")) {
        if (read_number(*text, UINT32_MAX, number))
            query.instance = static_cast<std::uint32_t>(number);
        else
            errors["instance"].emplace_back("must be an integer from 0");
    }
    query.tail = limits::log_lines_default;
    if (const std::string* text = call.parameter("tail")) {
        if (read_number(*text, limits::log_lines_max, number))
            query.tail = number;
        else
            errors["tail"].emplace_back("must be an integer from 0 to 100000");
    }
    if (const std::string* text = call.parameter("since"); text != nullptr && !text->empty()) {
        if (const auto age = read_age(*text))
            query.since_unix_ms = *age < now_unix_ms ? now_unix_ms - *age : 0;
        else if (const auto time = unix_millis_of_rfc3339(*text))
            query.since_unix_ms = *time;
        else
            errors["since"].emplace_back(
                "must be an RFC 3339 time, or an age such as 90s, 15m, 2h or 1d");
    }
    read_flag(call, "follow", query.follow, errors);
    read_flag(call, "previous", query.previous, errors);
    return query;
}

}  // namespace mcpgw::api
