// The names of what is ours in systemd, and the marks that prove it.
//
// Pure. A unit is ours if its environment carries the id of our data directory and a whole set of
// marks; a name alone proves nothing. Everything that must be known to adopt a unit is in its
// marks, which systemd keeps as long as the unit. They are no secrets: every user of the machine
// may read them (the adapter's own variables are in a file, environment_file.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mcpgw::systemd {

// What a unit runs.
struct Marks {
    std::string adapter;
    std::uint32_t ordinal = 0;
    std::string uid;        // of the start that made the unit
    std::string spec_hash;  // deploy::ServerSpec
    std::string path;
    std::uint16_t port = 0;
    std::uint32_t restarts = 0;    // before that start
    std::uint32_t generation = 0;  // deploy::Place
    bool operator==(const Marks&) const = default;
};

// `gateway` is the id of the data directory: 16 hexadecimal digits.
[[nodiscard]] std::string slice_name(std::string_view gateway);
// "mcp-gateway-GATEWAY-x-0"; also what the journal calls it.
[[nodiscard]] std::string instance_label(std::string_view gateway, std::string_view instance);
[[nodiscard]] std::string unit_name(std::string_view gateway, const Marks& marks);
// Of every unit of the gateway.
[[nodiscard]] std::string unit_pattern(std::string_view gateway);
// `pipe` identifies the lifeline.
[[nodiscard]] std::string lifeline_name(std::string_view gateway, std::uint64_t pipe);
[[nodiscard]] std::string state_directory_name(std::string_view gateway, std::string_view instance);
// At most 31 characters, as user names must be.
[[nodiscard]] std::string user_name(std::string_view gateway, std::string_view instance);

// As NAME=value of Environment=.
[[nodiscard]] std::vector<std::string> encode(std::string_view gateway, const Marks& marks);
// Nothing unless the marks are whole and name this gateway.
[[nodiscard]] std::optional<Marks> decode(std::string_view gateway,
                                          const std::vector<std::string>& environment);
// Whether a variable is one of the marks, and so not to be set otherwise.
[[nodiscard]] bool is_mark(std::string_view variable);

}  // namespace mcpgw::systemd
