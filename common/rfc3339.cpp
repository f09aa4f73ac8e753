// Times as people and files write them (declared in time.h). They are read from left to right,
// field by field.
#include <array>
#include <chrono>
#include <cstdio>

#include <time.h>

#include "common/bytes.h"
#include "common/time.h"

namespace mcpgw {
namespace {

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

std::string rfc3339(std::uint64_t unix_millis) {
    const auto seconds = static_cast<time_t>(unix_millis / 1000);
    tm parts{};
    gmtime_r(&seconds, &parts);
    std::array<char, 64> text{};
    const int size =
        std::snprintf(text.data(), text.size(), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ",
                      parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour,
                      parts.tm_min, parts.tm_sec, static_cast<int>(unix_millis % 1000));
    return {text.data(), static_cast<std::size_t>(size)};
}

std::optional<std::uint64_t> unix_millis_of_rfc3339(std::string_view text) {
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

}  // namespace mcpgw
