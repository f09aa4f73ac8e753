// GET, compare, then POST or PUT.
#include "tools/gateway/upsert.h"

#include "common/bytes.h"
#include "common/check.h"
#include "tools/gateway/adapter_check.h"

namespace mcpgw::cli {
namespace {

constexpr long kBadRequest = 400;
constexpr long kNotFound = 404;

std::unexpected<UpsertFailure> failed(const Error& error) {
    return std::unexpected(UpsertFailure{{error.detail, {}}, false});
}
std::unexpected<UpsertFailure> refused(const Response& response) {
    return std::unexpected(UpsertFailure{problem_of(response), response.status == kBadRequest});
}

}  // namespace

std::string_view name_of(Upserted what) {
    switch (what) {
        case Upserted::created:
            return "created";
        case Upserted::updated:
            return "updated";
        case Upserted::unchanged:
            return "unchanged";
    }
    return "";
}

std::expected<Upserted, UpsertFailure> upsert_adapter(GatewayClient& client,
                                                      const JsonValue& adapter) {
    const std::string_view name = adapter.string_or("name", "");
    check(!name.empty(), "the caller has looked for the name");
    Request read;
    read.path = "/adapters/" + percent_encoded(name);
    const auto present = client.call(read);
    if (!present) return failed(present.error());

    Request write;
    write.body = to_json(adapter);
    write.path = read.path;
    write.method = "PUT";
    if (present->status == kNotFound) {
        write.method = "POST";
        write.path = "/adapters";
    } else if (!present->is_good()) {
        return refused(*present);
    } else {
        const auto document = parse_json_tree(present->body);
        if (document && describe_same_adapter(*document, adapter)) return Upserted::unchanged;
        write.if_match = present->header("ETag");
    }
    const auto written = client.call(write);
    if (!written) return failed(written.error());
    if (!written->is_good()) return refused(*written);
    return present->status == kNotFound ? Upserted::created : Upserted::updated;
}

}  // namespace mcpgw::cli
