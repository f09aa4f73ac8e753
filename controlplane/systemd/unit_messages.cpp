// One function for each type of value.
#include "controlplane/systemd/unit_messages.h"

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string_view>

namespace mcpgw::systemd {
namespace {

constexpr const char* kUnitsPath = "/org/freedesktop/systemd1/unit";

bool good(int result) {
    return result >= 0;
}

bool append_strings(sd_bus_message* m, const std::vector<std::string>& all) {
    if (!good(sd_bus_message_open_container(m, SD_BUS_TYPE_ARRAY, "s"))) return false;
    for (const std::string& one : all)
        if (!good(sd_bus_message_append(m, "s", one.c_str()))) return false;
    return good(sd_bus_message_close_container(m));
}

bool append_command(sd_bus_message* m, const Command& command) {
    return good(sd_bus_message_open_container(m, SD_BUS_TYPE_VARIANT, "a(sasb)")) &&
           good(sd_bus_message_open_container(m, SD_BUS_TYPE_ARRAY, "(sasb)")) &&
           good(sd_bus_message_open_container(m, SD_BUS_TYPE_STRUCT, "sasb")) &&
           good(sd_bus_message_append(m, "s", command.program.c_str())) &&
           append_strings(m, command.arguments) && good(sd_bus_message_append(m, "b", 0)) &&
           good(sd_bus_message_close_container(m)) && good(sd_bus_message_close_container(m)) &&
           good(sd_bus_message_close_container(m));
}

bool append_families(sd_bus_message* m, const AllowedFamilies& families) {
    return good(sd_bus_message_open_container(m, SD_BUS_TYPE_VARIANT, "(bas)")) &&
           good(sd_bus_message_open_container(m, SD_BUS_TYPE_STRUCT, "bas")) &&
           good(sd_bus_message_append(m, "b", 1)) && append_strings(m, families.names) &&
           good(sd_bus_message_close_container(m)) && good(sd_bus_message_close_container(m));
}

struct ValueWriter {
    sd_bus_message* m;

    bool operator()(bool value) const {
        return good(sd_bus_message_append(m, "v", "b", value ? 1 : 0));
    }
    bool operator()(std::uint32_t value) const {
        return good(sd_bus_message_append(m, "v", "u", value));
    }
    bool operator()(std::uint64_t value) const {
        return good(sd_bus_message_append(m, "v", "t", value));
    }
    bool operator()(const std::string& value) const {
        return good(sd_bus_message_append(m, "v", "s", value.c_str()));
    }
    bool operator()(const std::vector<std::string>& value) const {
        return good(sd_bus_message_open_container(m, SD_BUS_TYPE_VARIANT, "as")) &&
               append_strings(m, value) && good(sd_bus_message_close_container(m));
    }
    bool operator()(const Command& value) const { return append_command(m, value); }
    bool operator()(const EnvironmentFile& value) const {
        return good(sd_bus_message_append(m, "v", "a(sb)", 1, value.path.c_str(), 0));
    }
    bool operator()(const AllowedFamilies& value) const { return append_families(m, value); }
    bool operator()(const Bind& value) const {
        return good(sd_bus_message_append(m, "v", "a(ssbt)", 1, value.path.c_str(),
                                          value.path.c_str(), 0, std::uint64_t{0}));
    }
};

bool read_text(sd_bus_message* m, std::string& out) {
    const char* text = nullptr;
    if (!good(sd_bus_message_read(m, "v", "s", &text))) return false;
    out = text;
    return true;
}

bool read_job(sd_bus_message* m, std::uint32_t& out) {
    const char* path = nullptr;
    return good(sd_bus_message_read(m, "v", "(uo)", &out, &path));
}

bool read_strings(sd_bus_message* m, std::vector<std::string>& out) {
    if (!good(sd_bus_message_enter_container(m, SD_BUS_TYPE_VARIANT, "as"))) return false;
    char** all = nullptr;
    if (!good(sd_bus_message_read_strv(m, &all))) return false;
    out.clear();
    for (char** one = all; one != nullptr && *one != nullptr; ++one) {
        out.emplace_back(*one);
        std::free(*one);
    }
    std::free(all);
    return good(sd_bus_message_exit_container(m));
}

// One value of a{sv}.
bool read_value(sd_bus_message* m, std::string_view name, UnitState& state,
                std::vector<std::string>* environment) {
    if (name == "ActiveState") return read_text(m, state.active_state);
    if (name == "SubState") return read_text(m, state.sub_state);
    if (name == "Result") return read_text(m, state.result);
    if (name == "Job") return read_job(m, state.job);
    if (name == "NRestarts") return good(sd_bus_message_read(m, "v", "u", &state.n_restarts));
    if (name == "ExecMainCode") return good(sd_bus_message_read(m, "v", "i", &state.main_code));
    if (name == "ExecMainStatus") return good(sd_bus_message_read(m, "v", "i", &state.main_status));
    if (name == "Environment" && environment != nullptr) return read_strings(m, *environment);
    return good(sd_bus_message_skip(m, "v"));
}

}  // namespace

bool append_start(sd_bus_message* call, const std::string& unit, const Properties& properties) {
    if (!good(sd_bus_message_append(call, "ss", unit.c_str(), "replace")) ||
        !good(sd_bus_message_open_container(call, SD_BUS_TYPE_ARRAY, "(sv)")))
        return false;
    for (const Property& property : properties)
        if (!good(sd_bus_message_open_container(call, SD_BUS_TYPE_STRUCT, "sv")) ||
            !good(sd_bus_message_append(call, "s", property.name.c_str())) ||
            !std::visit(ValueWriter{call}, property.value) ||
            !good(sd_bus_message_close_container(call)))
            return false;
    return good(sd_bus_message_close_container(call)) &&
           good(sd_bus_message_append(call, "a(sa(sv))", 0));
}

bool read_properties(sd_bus_message* message, UnitState& state,
                     std::vector<std::string>* environment) {
    if (!good(sd_bus_message_enter_container(message, SD_BUS_TYPE_ARRAY, "{sv}"))) return false;
    for (;;) {
        const int entered = sd_bus_message_enter_container(message, SD_BUS_TYPE_DICT_ENTRY, "sv");
        if (entered < 0) return false;
        if (entered == 0) break;
        const char* name = nullptr;
        if (!good(sd_bus_message_read(message, "s", &name)) ||
            !read_value(message, name, state, environment) ||
            !good(sd_bus_message_exit_container(message)))
            return false;
    }
    return good(sd_bus_message_exit_container(message));
}

bool read_change(sd_bus_message* signal, UnitState& state) {
    const char* interface = nullptr;
    return good(sd_bus_message_read(signal, "s", &interface)) &&
           read_properties(signal, state, nullptr);
}

bool read_list(sd_bus_message* answer, std::vector<ListedUnit>& units) {
    if (!good(sd_bus_message_enter_container(answer, SD_BUS_TYPE_ARRAY, "(ssssssouso)")))
        return false;
    for (;;) {
        const char* name = nullptr;
        const char* path = nullptr;
        const char* other = nullptr;
        std::uint32_t number = 0;
        const int got = sd_bus_message_read(answer, "(ssssssouso)", &name, &other, &other, &other,
                                            &other, &other, &path, &number, &other, &other);
        if (got < 0) return false;
        if (got == 0) return true;
        units.push_back({name, path});
    }
}

std::string path_of(const std::string& unit) {
    char* path = nullptr;
    if (sd_bus_path_encode(kUnitsPath, unit.c_str(), &path) < 0) return {};
    std::string result = path;
    std::free(path);
    return result;
}

}  // namespace mcpgw::systemd
