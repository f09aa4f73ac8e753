// spdlog behind the facade of log.h; the only file that knows it. Compiled with exceptions, which
// spdlog needs; none leaves (its own error handler swallows them).
#include "common/log.h"

#include <memory>

#include <spdlog/async.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "common/json_writer.h"
#include "common/time.h"

namespace mcpgw {
namespace {

constexpr std::size_t kQueuedLinesMax = 8192;

struct Logger {
    std::string process = "mcp-gateway";
    LogFormat format = LogFormat::text;
    LogLevel level = LogLevel::info;
    std::shared_ptr<spdlog::logger> sink;
};

Logger& logger() {
    static Logger instance;
    return instance;
}

std::string_view level_name(LogLevel level) {
    switch (level) {
        case LogLevel::debug:
            return "debug";
        case LogLevel::info:
            return "info";
        case LogLevel::warn:
            return "warn";
        case LogLevel::error:
            return "error";
    }
    return "info";
}

void write_value(JsonWriter& out, const LogField& field) {
    std::visit(
        [&out](auto value) {
            using Value = decltype(value);
            if constexpr (std::is_same_v<Value, std::string_view>)
                out.string(value);
            else if constexpr (std::is_same_v<Value, bool>)
                out.boolean(value);
            else
                out.number(value);
        },
        field.value);
}

std::string json_line(LogLevel level, std::string_view message,
                      std::initializer_list<LogField> fields) {
    JsonWriter out;
    out.object();
    out.key("time").string(rfc3339(unix_millis_now()));
    out.key("level").string(level_name(level));
    out.key("process").string(logger().process);
    out.key("message").string(message);
    for (const LogField& field : fields)
        write_value(out.key(field.key), field);
    out.end();
    return out.take();
}

std::string text_line(LogLevel level, std::string_view message,
                      std::initializer_list<LogField> fields) {
    std::string line = rfc3339(unix_millis_now());
    line.append(" ").append(level_name(level)).append(" ").append(logger().process).append(": ");
    for (const char c : message)  // a line stays a line whatever is in it
        line.push_back(static_cast<unsigned char>(c) < 0x20 ? ' ' : c);
    for (const LogField& field : fields) {
        JsonWriter value;
        write_value(value, field);
        line.append(" ").append(field.key).append("=").append(value.take());
    }
    return line;
}

}  // namespace

void log_start(std::string_view process, LogFormat format, LogLevel level) {
    Logger& self = logger();
    self.process = process;
    self.format = format;
    self.level = level;
    spdlog::init_thread_pool(kQueuedLinesMax, 1);
    self.sink = std::make_shared<spdlog::async_logger>(
        "mcp-gateway", std::make_shared<spdlog::sinks::stderr_sink_mt>(), spdlog::thread_pool(),
        spdlog::async_overflow_policy::overrun_oldest);
    self.sink->set_pattern("%v");
    self.sink->set_level(spdlog::level::trace);
    self.sink->flush_on(spdlog::level::trace);
}

void log_stop() {
    spdlog::shutdown();  // the writing thread ends before what it writes to goes
    logger().sink.reset();
}

void log_line(LogLevel level, std::string_view message, std::initializer_list<LogField> fields) {
    const Logger& self = logger();
    if (level < self.level) return;
    const std::string line = self.format == LogFormat::json ? json_line(level, message, fields)
                                                            : text_line(level, message, fields);
    if (self.sink != nullptr)
        self.sink->info(spdlog::string_view_t(line.data(), line.size()));
    else
        std::fprintf(stderr, "%s\n", line.c_str());
}

LogFormat log_format_of(std::string_view name, LogFormat fallback) {
    if (name == "json") return LogFormat::json;
    if (name == "text") return LogFormat::text;
    return fallback;
}

LogLevel log_level_of(std::string_view name, LogLevel fallback) {
    for (const LogLevel level : {LogLevel::debug, LogLevel::info, LogLevel::warn, LogLevel::error})
        if (level_name(level) == name) return level;
    return fallback;
}

}  // namespace mcpgw
