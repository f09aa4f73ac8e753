// Events of the data plane as JSON.
#include "common/contract/events.h"

#include "common/bytes.h"
#include "common/contract/decoding.h"
#include "common/json_writer.h"
#include "common/limits.h"
#include "common/protocol/mcp.h"

namespace mcpgw::contract {

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
        out.adapter = in.text("adapter", limits::name_bytes_max);
        if (!mcp::is_resource_name(out.adapter)) in.refuse("adapter", "is not a resource name");
        out.instance = in.identity("instance");
        out.reason = in.text("reason", limits::frame_text_bytes_max);
        return out;
    });
}

}  // namespace mcpgw::contract
