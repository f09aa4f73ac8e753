// Parameters of a log request, one by one.
#include "controlplane/api/log_request.h"

#include <charconv>
#include <chrono>

#include "common/bytes.h"
#include "common/limits.h"

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

// Takes exactly `digits` digits and then `follow` ('\0': nothing) off the text.
std::optional<int> take_digits(std::string_view& text, std::size_t digits, char follow) {
    int value = 0;
    if (text.size() < digits) return std::nullopt;
    for (std::size_t i = 0; i < digits; ++i) {
        if (text[i] < '0' || text[i] > '9') return std::nullopt;
        value = value * 10 + (text[i] - '0');
    }
    text.remove_prefix(digits);
    if (follow == '\0') return value;
    if (text.empty() || to_lower(text.front()) != follow) return std::nullopt;
    text.remove_prefix(1);
    return value;
}

// ".123456" -> 123; what is finer than a millisecond is cut off. Nothing if there is no digit.
std::optional<int> take_fraction_ms(std::string_view& text) {
    if (text.empty() || text.front() != '.') return 0;
    text.remove_prefix(1);
    int value = 0;
    int weight = 100;
    bool any = false;
    while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
        value += weight * (text.front() - '0');
        weight /= 10;
        any = true;
        text.remove_prefix(1);
    }
    if (!any) return std::nullopt;
    return value;
}

// "Z", "+01:00", "-05:30": minutes to subtract. Must be all of the text.
std::optional<int> take_offset_minutes(std::string_view text) {
    if (text == "Z" || text == "z") return 0;
    if (text.size() != 6 || (text[0] != '+' && text[0] != '-')) return std::nullopt;
    const int sign = text[0] == '+' ? 1 : -1;
    text.remove_prefix(1);
    const auto hours = take_digits(text, 2, ':');
    const auto minutes = take_digits(text, 2, '\0');
    if (!hours || !minutes || *hours > 23 || *minutes > 59) return std::nullopt;
    return sign * (*hours * 60 + *minutes);
}

}  // namespace

std::optional<std::uint64_t> unix_ms_of_rfc3339(std::string_view text) {
    const auto year = take_digits(text, 4, '-');
    const auto month = year ? take_digits(text, 2, '-') : std::nullopt;
    const auto day = month ? take_digits(text, 2, 't') : std::nullopt;
    const auto hour = day ? take_digits(text, 2, ':') : std::nullopt;
    const auto minute = hour ? take_digits(text, 2, ':') : std::nullopt;
    const auto second = minute ? take_digits(text, 2, '\0') : std::nullopt;
    const auto milliseconds = second ? take_fraction_ms(text) : std::nullopt;
    const auto offset = milliseconds ? take_offset_minutes(text) : std::nullopt;
    if (!offset || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
    const std::chrono::year_month_day date{std::chrono::year(*year),
                                           std::chrono::month(static_cast<unsigned>(*month)),
                                           std::chrono::day(static_cast<unsigned>(*day))};
    if (!date.ok()) return std::nullopt;
    const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
    const std::int64_t minutes = (days * 24 + *hour) * 60 + *minute - *offset;
    const std::int64_t total = (minutes * 60 + *second) * 1000 + *milliseconds;
    if (total < 0) return std::nullopt;
    return static_cast<std::uint64_t>(total);
}

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
        else if (const auto time = unix_ms_of_rfc3339(*text))
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
