// Adapters and tools as JSON, in and out (CONTRACT section 4).
//
// Reading checks every rule and reports all mistakes at once. The members that the gateway itself
// sets (id, createdBy, createdAt, lastUpdatedAt, version) may stand in a body, so that what GET
// returned can be edited and PUT, but they are not read. Whether this gateway can run what is
// described is not decided here.
#pragma once

#include <string>
#include <string_view>

#include <picojson.h>

#include "common/json_writer.h"
#include "controlplane/model/adapter.h"
#include "controlplane/model/field_reader.h"

namespace mcpgw::model {

struct AdapterReading {
    Adapter adapter;  // only good if `errors` is empty
    FieldErrors errors;
};
// `text` is what the document was read from: a part of a tool is kept as it was written.
[[nodiscard]] AdapterReading read_resource(Kind kind, const picojson::value& document,
                                           std::string_view text);
[[nodiscard]] AdapterReading read_adapter(const picojson::value& document);

// Readers see "***" for the values of environment variables and of request headers.
enum class Audience : std::uint8_t { reader, writer };
void write_adapter(JsonWriter& out, const Adapter& adapter, Audience audience);

[[nodiscard]] std::string_view transport_name(Transport transport);

}  // namespace mcpgw::model
