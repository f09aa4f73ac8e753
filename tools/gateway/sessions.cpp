// The verbs of `mcp-gateway sessions`.
#include "tools/gateway/sessions.h"

#include <utility>

#include <CLI/CLI.hpp>

#include "common/bytes.h"
#include "tools/gateway/calls.h"
#include "tools/gateway/outcome.h"
#include "tools/gateway/table.h"

namespace mcpgw::cli {
namespace {

struct SessionWishes {
    GatewayAccess access;
    std::string id;
    std::string adapter;
    std::string instance;
    std::string user;
    std::string tenant;
};

// Texts as they are, everything else as JSON; another version of the gateway may say less.
std::string cell(const JsonValue& object, std::string_view key) {
    const JsonValue* value = object.find(key);
    if (value == nullptr || value->is(JsonValue::Kind::null)) return "";
    return value->is(JsonValue::Kind::string) ? value->text : to_json(*value);
}

int list(GatewayClient& client, const SessionWishes& wishes) {
    std::string path = "/sessions?limit=1000";
    for (const auto& [name, value] :
         {std::pair("adapter", &wishes.adapter), std::pair("instance", &wishes.instance),
          std::pair("user", &wishes.user), std::pair("tenant", &wishes.tenant)})
        if (!value->empty()) path += "&" + std::string(name) + "=" + percent_encoded(*value);
    const auto all = get_list(client, path);
    if (!all) return all.error();
    if (wishes.access.as_json)
        print_json(*all);
    else
        print(sessions_table(*all));
    return kSuccess;
}

int end(GatewayClient& client, const SessionWishes& wishes) {
    Request request;
    request.method = "DELETE";
    request.path = "/sessions/" + percent_encoded(wishes.id);
    const auto response = call(client, request);
    if (!response) return response.error();
    if (wishes.access.as_json) {
        JsonValue result = json_object();
        add_member(result, "id", json_string(wishes.id));
        add_member(result, "result", json_string("ended"));
        print_json(result);
    } else {
        print("ended " + wishes.id + "\n");
    }
    return kSuccess;
}

}  // namespace

std::string sessions_table(const JsonValue& sessions) {
    Table table({"ID", "ADAPTER", "INSTANCE", "USER", "TENANT", "CREATED", "LAST USED", "STREAMS",
                 "REQUESTS"});
    for (const JsonValue& item : sessions.items)
        table.add({cell(item, "id"), cell(item, "adapter"), cell(item, "instance"),
                   cell(item, "user"), cell(item, "tenant"), cell(item, "createdAt"),
                   cell(item, "lastUsedAt"), cell(item, "streams"), cell(item, "requests")});
    return table.empty() ? "no sessions\n" : table.text();
}

int run_sessions(int argc, char** argv) {
    SessionWishes wishes;
    CLI::App app("Sessions: who talks to which instance.", "mcp-gateway sessions");
    add_access_flags(app, wishes.access);
    app.require_subcommand(1);
    CLI::App* lists = app.add_subcommand("list", "all sessions that you may see")->fallthrough();
    lists->add_option("--adapter", wishes.adapter, "of this adapter only");
    lists->add_option("--instance", wishes.instance, "of this instance only");
    lists->add_option("--user", wishes.user, "of this user only");
    lists->add_option("--tenant", wishes.tenant, "of this tenant only");
    CLI::App* ends =
        app.add_subcommand("end", "end a session, as if its client had")->fallthrough();
    ends->add_option("ID", wishes.id, "of the session, as `list` has it")->required();
    try {
        app.parse(argc, argv);
    } catch (const CLI::Success& wish) {
        return app.exit(wish);
    } catch (const CLI::ParseError& mistake) {
        complain(std::string("sessions: ") + mistake.what() + " (see mcp-gateway sessions --help)");
        return kUsage;
    }
    auto client = GatewayClient::open(wishes.access);
    if (!client) return complain(client.error());
    return lists->parsed() ? list(*client, wishes) : end(*client, wishes);
}

}  // namespace mcpgw::cli
