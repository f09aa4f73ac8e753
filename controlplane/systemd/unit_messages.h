// Units as D-Bus messages: properties written, states read.
//
// Knows types and names of org.freedesktop.systemd1 and nothing else. A message that does not look
// as documented is refused as a whole.
#pragma once

#include <string>
#include <vector>

#include "controlplane/systemd/bus.h"
#include "controlplane/systemd/unit_properties.h"
#include "controlplane/systemd/unit_state.h"

namespace mcpgw::systemd {

// The arguments of StartTransientUnit(name, "replace", properties, no further units):
// a stop of the slice that is on its way gives way to the start.
[[nodiscard]] bool append_start(sd_bus_message* call, const std::string& unit,
                                const Properties& properties);

// Reads a{sv}; what is there replaces what is known. `environment` may be null.
[[nodiscard]] bool read_properties(sd_bus_message* message, UnitState& state,
                                   std::vector<std::string>* environment);

// PropertiesChanged(s, a{sv}, as).
[[nodiscard]] bool read_change(sd_bus_message* signal, UnitState& state);

struct ListedUnit {
    std::string name;
    std::string path;
};
// The answer of ListUnitsByPatterns: a(ssssssouso).
[[nodiscard]] bool read_list(sd_bus_message* answer, std::vector<ListedUnit>& units);

// The object path of a unit, loaded or not.
[[nodiscard]] std::string path_of(const std::string& unit);

}  // namespace mcpgw::systemd
