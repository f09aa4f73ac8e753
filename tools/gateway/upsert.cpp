// GET, compare, then POST or PUT.
#include "tools/gateway/upsert.h"

#include "common/bytes.h"
#include "common/check.h"
#include "tools/gateway/resource_check.h"

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

std::expected<Upserted, UpsertFailure> upsert(GatewayClient& client, model::Kind kind,
                                              const JsonValue& document) {
    const std::string_view name = document.string_or("name", "");
    const std::string collection(words_of(kind).collection);
    check(!name.empty(), "the caller has looked for the name");
    Request read;
    read.path = collection + "/" + percent_encoded(name);
    const auto present = client.call(read);
    if (!present) return failed(present.error());

    Request write;
    write.body = to_json(document);
    write.path = read.path;
    write.method = "PUT";
    if (present->status == kNotFound) {
        write.method = "POST";
        write.path = collection;
    } else if (!present->is_good()) {
        return refused(*present);
    } else {
        const auto stored = parse_json_tree(present->body);
        if (stored && describe_the_same(kind, *stored, document)) return Upserted::unchanged;
        write.if_match = present->header("ETag");
    }
    const auto written = client.call(write);
    if (!written) return failed(written.error());
    if (!written->is_good()) return refused(*written);
    return present->status == kNotFound ? Upserted::created : Upserted::updated;
}

}  // namespace mcpgw::cli
