// Events of the data plane as JSON.
#include "common/contract/events.h"

#include "common/bytes.h"
#include "common/contract/decoding.h"
#include "common/json_writer.h"
#include "common/limits.h"
#include "common/protocol/mcp.h"

namespace mcpgw::contract {

namespace {

std::string read_adapter(ObjectReader& in) {
    std::string name(in.text("adapter", limits::name_bytes_max));
    if (!mcp::is_resource_name(name)) in.refuse("adapter", "is not a resource name");
    return name;
}

}  // namespace

std::string encode(const InstanceDrained& event) {
    JsonWriter out;
    out.object().key("type").string("instance_drained");
    out.key("adapter").string(event.adapter);
    out.key("instance").string(to_hex(event.instance));
    out.key("version").number(event.version).end();
    return out.take();
}

Result<InstanceDrained> decode_instance_drained(std::string_view json) {
    return decode<InstanceDrained>(json, "instance_drained", [](ObjectReader& in) {
        InstanceDrained out;
        out.adapter = read_adapter(in);
        out.instance = in.identity("instance");
        out.version = in.number("version", {.min = 1});
        return out;
    });
}

std::string encode(const UnknownKey& event) {
    JsonWriter out;
    out.object().key("type").string("unknown_key").key("issuer").string(event.issuer).end();
    return out.take();
}

Result<UnknownKey> decode_unknown_key(std::string_view json) {
    return decode<UnknownKey>(json, "unknown_key", [](ObjectReader& in) {
        return UnknownKey{std::string(in.text("issuer", limits::issuer_bytes_max))};
    });
}

std::string encode(const InstanceFailure& event) {
    JsonWriter out;
    out.object().key("type").string("instance_failure");
    out.key("adapter").string(event.adapter);
    out.key("instance").string(to_hex(event.instance));
    out.key("reason").string(event.reason).end();
    return out.take();
}

Result<InstanceFailure> decode_instance_failure(std::string_view json) {
    return decode<InstanceFailure>(json, "instance_failure", [](ObjectReader& in) {
        InstanceFailure out;
        out.adapter = read_adapter(in);
        out.instance = in.identity("instance");
        out.reason = in.text("reason", limits::frame_text_bytes_max);
        return out;
    });
}

}  // namespace mcpgw::contract
