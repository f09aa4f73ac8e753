// The verbs of `mcp-gateway tokens`.
#include "tools/gateway/tokens.h"

#include <algorithm>
#include <cstdio>
#include <string_view>
#include <utility>

#include <CLI/CLI.hpp>

#include "common/bytes.h"
#include "common/time.h"
#include "controlplane/model/token_wish.h"
#include "tools/gateway/calls.h"
#include "tools/gateway/outcome.h"
#include "tools/gateway/store_verbs.h"
#include "tools/gateway/table.h"

namespace mcpgw::cli {
namespace {

struct TokenWishes {
    GatewayAccess access;
    model::TokenWish token;
    std::string id;
};

std::string words_of(const JsonValue& object, std::string_view key) {
    std::string text;
    const JsonValue* list = object.find(key);
    if (list == nullptr) return text;
    for (const JsonValue& item : list->items)
        text += (text.empty() ? "" : ",") + item.text;
    return text;
}

int create(GatewayClient& client, const TokenWishes& wishes) {
    auto body = model::body_of(wishes.token, unix_millis_now());
    if (!body) return complain(body.error());
    Request request;
    request.method = "POST";
    request.path = "/tokens";
    request.body = std::move(*body);
    const auto response = call(client, request);
    if (!response) return response.error();
    const auto made = parse_json_tree(response->body);
    if (!made) {
        complain("the gateway's answer is no JSON; look at `mcp-gateway tokens list`");
        return kFailed;
    }
    if (wishes.access.as_json) {
        print_json(*made);
        return kSuccess;
    }
    std::fprintf(stderr, "token %s for %s; it is shown only now:\n",
                 for_terminal(made->string_or("id", "")).c_str(), wishes.token.user.c_str());
    print(for_terminal(made->string_or("token", "")) + "\n");
    return kSuccess;
}

int list(GatewayClient& client, const TokenWishes& wishes) {
    const auto all = get_list(client, "/tokens?limit=1000");
    if (!all) return all.error();
    if (wishes.access.as_json)
        print_json(*all);
    else
        print(tokens_table(*all));
    return kSuccess;
}

int revoke(GatewayClient& client, const TokenWishes& wishes) {
    Request request;
    request.method = "DELETE";
    request.path = "/tokens/" + percent_encoded(wishes.id);
    const auto response = call(client, request);
    if (!response) return response.error();
    if (wishes.access.as_json) {
        JsonValue result = json_object();
        add_member(result, "id", json_string(wishes.id));
        add_member(result, "result", json_string("revoked"));
        print_json(result);
    } else {
        print("revoked " + wishes.id + "\n");
    }
    return kSuccess;
}

// Whether `create` is to write into a data directory. The variable alone does not say so: people
// have it set for `up`.
bool names_data_dir(int argc, char** argv) {
    return std::any_of(argv, argv + argc, [](const char* word) {
        const std::string_view text = word;
        return text == "--data-dir" || text.starts_with("--data-dir=");
    });
}

void define_create(CLI::App& app, TokenWishes& wishes) {
    app.fallthrough();
    app.add_option("--user", wishes.token.user, "whom it stands for")->required();
    app.add_option("--roles", wishes.token.roles,
                   "its roles; in development mode those of who asks go before `create`")
        ->delimiter(',');
    app.add_option("--tenant", wishes.token.tenant, "whose quota it uses");
    app.add_option("--scopes", wishes.token.scopes, "its scopes")->delimiter(',');
    app.add_option("--adapters", wishes.token.adapters,
                   "it opens these and nothing else, no management either")
        ->delimiter(',');
    app.add_option("--expires", wishes.token.expires,
                   "an age such as 12h or 30d, or a time (default: never)");
    app.add_option("--data-dir",
                   "write into this data directory, which needs no token; a gateway that runs "
                   "takes it within a second")
        ->type_name("DIR");
}

}  // namespace

std::string tokens_table(const JsonValue& tokens) {
    Table table({"ID", "USER", "ROLES", "TENANT", "SCOPES", "ADAPTERS", "EXPIRES", "CREATED BY"});
    for (const JsonValue& item : tokens.items)
        table.add({std::string(item.string_or("id", "")), std::string(item.string_or("user", "")),
                   words_of(item, "roles"), std::string(item.string_or("tenant", "")),
                   words_of(item, "scopes"), words_of(item, "adapters"),
                   std::string(item.string_or("expiresAt", "never")),
                   std::string(item.string_or("createdBy", ""))});
    return table.empty() ? "no tokens\n" : table.text();
}

int run_tokens(int argc, char** argv) {
    TokenWishes wishes;
    CLI::App app("API tokens for machines. For administrators.", "mcp-gateway tokens");
    add_access_flags(app, wishes.access);
    app.require_subcommand(1);
    CLI::App* creates = app.add_subcommand("create", "make a token, which is printed once");
    define_create(*creates, wishes);
    CLI::App* lists = app.add_subcommand("list", "what tokens stand for")->fallthrough();
    CLI::App* revokes = app.add_subcommand("revoke", "make a token worthless")->fallthrough();
    revokes->add_option("ID", wishes.id, "of the token, as `list` has it")->required();
    try {
        app.parse(argc, argv);
    } catch (const CLI::Success& wish) {
        return app.exit(wish);
    } catch (const CLI::ParseError& mistake) {
        complain(std::string("tokens: ") + mistake.what() + " (see mcp-gateway tokens --help)");
        return kUsage;
    }
    if (creates->parsed() && names_data_dir(argc, argv)) return run_token_verb(argc, argv);
    auto client = GatewayClient::open(wishes.access);
    if (!client) return complain(client.error());
    if (creates->parsed()) return create(*client, wishes);
    return lists->parsed() ? list(*client, wishes) : revoke(*client, wishes);
}

}  // namespace mcpgw::cli
