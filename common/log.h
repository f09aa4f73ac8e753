// Log lines of both planes and the tools: one line each, JSON or text, on standard error.
//
//   log_info("snapshot taken", {{"version", 12}, {"adapters", 3}});
//
// Lines are written by a background thread; a full queue drops the oldest line and counts it, so a
// caller never waits. Field values are numbers, booleans or text; text is escaped. Never pass
// tokens, session ids, arguments or data.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>

namespace mcpgw {

enum class LogFormat : std::uint8_t { json, text };
enum class LogLevel : std::uint8_t { debug, info, warn, error };

struct LogField {
    std::string_view key;
    std::variant<std::string_view, std::int64_t, std::uint64_t, double, bool> value;

    LogField(std::string_view k, std::string_view v) : key(k), value(v) {}
    LogField(std::string_view k, const char* v) : key(k), value(std::string_view(v)) {}
    LogField(std::string_view k, const std::string& v) : key(k), value(std::string_view(v)) {}
    LogField(std::string_view k, bool v) : key(k), value(v) {}
    LogField(std::string_view k, double v) : key(k), value(v) {}
    template <class Integer>
        requires std::is_integral_v<Integer>
    LogField(std::string_view k, Integer v) : key(k), value(std::int64_t{0}) {
        if constexpr (std::is_signed_v<Integer>)
            value = static_cast<std::int64_t>(v);
        else
            value = static_cast<std::uint64_t>(v);
    }
};

// Call once at start; before that, lines go out as text at level info. `process` becomes the field
// "process" of every line.
void log_start(std::string_view process, LogFormat format, LogLevel level);
// Writes what is queued; call before exit.
void log_stop();

void log_line(LogLevel level, std::string_view message, std::initializer_list<LogField> fields);

inline void log_debug(std::string_view m, std::initializer_list<LogField> f = {}) {
    log_line(LogLevel::debug, m, f);
}
inline void log_info(std::string_view m, std::initializer_list<LogField> f = {}) {
    log_line(LogLevel::info, m, f);
}
inline void log_warn(std::string_view m, std::initializer_list<LogField> f = {}) {
    log_line(LogLevel::warn, m, f);
}
inline void log_error(std::string_view m, std::initializer_list<LogField> f = {}) {
    log_line(LogLevel::error, m, f);
}

// "json"|"text", "debug"|"info"|"warn"|"error"; anything else gives the fallback.
[[nodiscard]] LogFormat log_format_of(std::string_view name, LogFormat fallback);
[[nodiscard]] LogLevel log_level_of(std::string_view name, LogLevel fallback);

}  // namespace mcpgw
