// JSON of Launch and RunState, and state.json on disk. picojson throws nothing that leaves here.
#include "controlplane/shim/run_files.h"

#include <array>
#include <cerrno>
#include <cmath>
#include <optional>

#include <fcntl.h>
#include <picojson.h>
#include <stdio.h>
#include <unistd.h>

#include "common/bytes.h"
#include "common/json_writer.h"

namespace mcpgw::shim {
namespace {

// A state is a few hundred bytes (the shim bounds the reason); what is larger is not one, and could
// be nested deeper than the parser has stack.
constexpr std::size_t kStateBytesMax = 8 * 1024;

constexpr std::array<std::pair<Phase, std::string_view>, 5> kPhases{{
    {Phase::starting, "starting"},
    {Phase::running, "running"},
    {Phase::stopping, "stopping"},
    {Phase::ended, "ended"},
    {Phase::failed, "failed"},
}};

std::string_view phase_name(Phase phase) {
    for (const auto& [value, name] : kPhases)
        if (value == phase) return name;
    return "starting";
}

// Reads members of one object and remembers whether any was missing or of the wrong type.
class Members {
  public:
    explicit Members(std::string_view json) {
        const std::string error = picojson::parse(value_, std::string(json));
        good_ = error.empty() && value_.is<picojson::object>();
    }
    [[nodiscard]] bool good() const { return good_; }

    std::string text(const char* name) {
        const picojson::value* member = find(name);
        if (member == nullptr || !member->is<std::string>()) return fail<std::string>();
        return member->get<std::string>();
    }
    template <class Integer>
    Integer number(const char* name) {
        const picojson::value* member = find(name);
        if (member == nullptr || !member->is<double>()) return fail<Integer>();
        const double value = member->get<double>();
        constexpr double top = 9007199254740992.0;  // 2^53: every whole number below is exact
        if (!(value >= 0) || value >= top || value != std::floor(value)) return fail<Integer>();
        const auto whole = static_cast<std::uint64_t>(value);
        if (!std::in_range<Integer>(whole)) return fail<Integer>();
        return static_cast<Integer>(whole);
    }
    std::vector<std::string> texts(const char* name) {
        const picojson::value* member = find(name);
        if (member == nullptr || !member->is<picojson::array>())
            return fail<std::vector<std::string>>();
        std::vector<std::string> result;
        for (const picojson::value& item : member->get<picojson::array>()) {
            if (!item.is<std::string>()) return fail<std::vector<std::string>>();
            result.push_back(item.get<std::string>());
        }
        return result;
    }

  private:
    const picojson::value* find(const char* name) const {
        if (!good_) return nullptr;
        const auto& object = value_.get<picojson::object>();
        const auto found = object.find(name);
        return found == object.end() ? nullptr : &found->second;
    }
    template <class T>
    T fail() {
        good_ = false;
        return T{};
    }

    picojson::value value_;
    bool good_ = false;
};

std::optional<Phase> phase_of(std::string_view name) {
    for (const auto& [value, text] : kPhases)
        if (text == name) return value;
    return std::nullopt;
}

void write_texts(JsonWriter& out, const std::vector<std::string>& texts) {
    out.array();
    for (const std::string& text : texts)
        out.string(text);
    out.end();
}

// Arguments and values are bytes, JSON is Unicode: what is not ASCII goes through base64url.
std::string armoured(std::string_view bytes) {
    std::string text(base64url_size(bytes.size()), '\0');
    base64url_encode(as_bytes(bytes), text.data());
    return text;
}
std::optional<std::string> disarmoured(std::string_view text) {
    std::string bytes(text.size(), '\0');
    const auto size = base64url_decode(text, reinterpret_cast<std::byte*>(bytes.data()));
    if (!size) return std::nullopt;
    bytes.resize(*size);
    return bytes;
}

Result<> write_all(int fd, std::string_view text, const std::string& path) {
    while (!text.empty()) {
        const ssize_t written = write(fd, text.data(), text.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return std::unexpected(error_from_errno(errno, "cannot write " + path));
        text.remove_prefix(static_cast<std::size_t>(written));
    }
    return {};
}

}  // namespace

std::string encode(const Launch& launch) {
    std::vector<std::string> command;
    for (const std::string& argument : launch.command)
        command.push_back(armoured(argument));
    std::vector<std::string> environment;  // name, value, name, value, ...
    for (const auto& [name, value] : launch.environment) {
        environment.push_back(armoured(name));
        environment.push_back(armoured(value));
    }
    JsonWriter out;
    out.object();
    out.key("uid").string(launch.uid);
    out.key("specHash").string(launch.spec_hash);
    out.key("port").number(std::uint64_t{launch.port});
    out.key("path").string(launch.path);
    out.key("restarts").number(std::uint64_t{launch.restarts});
    out.key("graceMs").number(std::uint64_t{launch.grace_ms});
    out.key("logBytesMax").number(launch.log_bytes_max);
    write_texts(out.key("command"), command);
    write_texts(out.key("environment"), environment);
    out.end();
    return out.take();
}

Result<Launch> decode_launch(std::string_view json) {
    Members members(json);
    Launch launch;
    launch.uid = members.text("uid");
    launch.spec_hash = members.text("specHash");
    launch.port = members.number<std::uint16_t>("port");
    launch.path = members.text("path");
    launch.restarts = members.number<std::uint32_t>("restarts");
    launch.grace_ms = members.number<std::uint32_t>("graceMs");
    launch.log_bytes_max = members.number<std::uint64_t>("logBytesMax");
    const std::vector<std::string> command = members.texts("command");
    const std::vector<std::string> environment = members.texts("environment");
    constexpr std::uint64_t log_bytes_min = 256;  // a stamp and a few words
    if (!members.good() || command.empty() || environment.size() % 2 != 0 ||
        launch.log_bytes_max < log_bytes_min)
        return failure(Code::corrupt, "this is not a launch description");
    for (const std::string& argument : command) {
        std::optional<std::string> bytes = disarmoured(argument);
        if (!bytes) return failure(Code::corrupt, "an argument is not base64url");
        launch.command.push_back(std::move(*bytes));
    }
    for (std::size_t i = 0; i < environment.size(); i += 2) {
        std::optional<std::string> name = disarmoured(environment[i]);
        std::optional<std::string> value = disarmoured(environment[i + 1]);
        if (!name || !value) return failure(Code::corrupt, "a variable is not base64url");
        launch.environment.emplace_back(std::move(*name), std::move(*value));
    }
    return launch;
}

std::string encode(const RunState& state) {
    JsonWriter out;
    out.object();
    out.key("uid").string(state.uid);
    out.key("specHash").string(state.spec_hash);
    out.key("port").number(std::uint64_t{state.port});
    out.key("path").string(state.path);
    out.key("restarts").number(std::uint64_t{state.restarts});
    out.key("phase").string(phase_name(state.phase));
    out.key("shimPid").number(std::int64_t{state.shim_pid});
    out.key("shimStartTicks").number(state.shim_start_ticks);
    out.key("serverPid").number(std::int64_t{state.server_pid});
    out.key("serverStartTicks").number(state.server_start_ticks);
    out.key("startedUnixMs").number(state.started_unix_ms);
    out.key("endedUnixMs").number(state.ended_unix_ms);
    out.key("reason").string(state.reason);
    out.end();
    return out.take();
}

Result<RunState> decode_run_state(std::string_view json) {
    Members members(json);
    RunState state;
    state.uid = members.text("uid");
    state.spec_hash = members.text("specHash");
    state.port = members.number<std::uint16_t>("port");
    state.path = members.text("path");
    state.restarts = members.number<std::uint32_t>("restarts");
    const std::optional<Phase> phase = phase_of(members.text("phase"));
    state.shim_pid = members.number<pid_t>("shimPid");
    state.shim_start_ticks = members.number<std::uint64_t>("shimStartTicks");
    state.server_pid = members.number<pid_t>("serverPid");
    state.server_start_ticks = members.number<std::uint64_t>("serverStartTicks");
    state.started_unix_ms = members.number<std::uint64_t>("startedUnixMs");
    state.ended_unix_ms = members.number<std::uint64_t>("endedUnixMs");
    state.reason = members.text("reason");
    if (!members.good() || !phase || state.uid.empty())
        return failure(Code::corrupt, "this is not the state of an instance");
    state.phase = *phase;
    return state;
}

Result<std::string> read_file(const std::string& path, std::size_t bytes_max) {
    const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return std::unexpected(error_from_errno(errno, "cannot read " + path));
    std::string text;
    std::array<char, 16384> block{};
    for (;;) {
        const ssize_t got = read(fd, block.data(), block.size());
        if (got < 0 && errno == EINTR) continue;
        const int error = errno;
        if (got <= 0) {
            close(fd);
            if (got < 0) return std::unexpected(error_from_errno(error, "cannot read " + path));
            return text;
        }
        text.append(block.data(), static_cast<std::size_t>(got));
        if (text.size() > bytes_max) {
            close(fd);
            return failure(Code::limit_exceeded, path + " is too large");
        }
    }
}

Result<RunState> read_run_state(const std::string& directory) {
    Result<std::string> text = read_file(directory + "/state.json", kStateBytesMax);
    if (!text) return std::unexpected(std::move(text.error()));
    return decode_run_state(*text);
}

Result<> write_run_state(const std::string& directory, const RunState& state) {
    const std::string path = directory + "/state.json";
    const std::string next = path + ".new";
    const int fd = open(next.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) return std::unexpected(error_from_errno(errno, "cannot write " + next));
    Result<> written = write_all(fd, encode(state), next);
    close(fd);
    if (!written) return written;
    if (rename(next.c_str(), path.c_str()) != 0)
        return std::unexpected(error_from_errno(errno, "cannot replace " + path));
    return {};
}

}  // namespace mcpgw::shim
