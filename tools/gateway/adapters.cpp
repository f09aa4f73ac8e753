// The verbs of `mcp-gateway adapters`, each one or two requests to the management routes.
#include "tools/gateway/adapters.h"

#include <cstdio>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include "common/bytes.h"
#include "tools/gateway/adapter_check.h"
#include "tools/gateway/calls.h"
#include "tools/gateway/outcome.h"
#include "tools/gateway/server_file.h"
#include "tools/gateway/text_file.h"
#include "tools/gateway/upsert.h"

namespace mcpgw::cli {
namespace {

struct LogWishes {
    std::optional<std::uint32_t> instance;
    std::optional<std::uint32_t> tail;
    std::string since;
    bool follow = false;
    bool previous = false;
};

struct Wishes {
    GatewayAccess access;
    std::string name;
    std::string file;
    LogWishes logs;
};

std::string path_of(const Wishes& wishes) {
    return "/adapters/" + percent_encoded(wishes.name);
}

int list(GatewayClient& client, const Wishes& wishes) {
    const auto all = get_list(client, "/adapters");
    if (!all) return all.error();
    if (wishes.access.as_json)
        print_json(*all);
    else
        print(adapters_table(*all));
    return kSuccess;
}

int show(GatewayClient& client, const Wishes& wishes, const std::string& path,
         std::string (*text)(const JsonValue&)) {
    const auto document = get_document(client, path);
    if (!document) return document.error();
    if (wishes.access.as_json)
        print_json(*document);
    else
        print(text(*document));
    return kSuccess;
}

int remove(GatewayClient& client, const Wishes& wishes) {
    Request request;
    request.method = "DELETE";
    request.path = path_of(wishes);
    const auto response = call(client, request);
    if (!response) return response.error();
    if (wishes.access.as_json) {
        JsonValue result = json_object();
        add_member(result, "name", json_string(wishes.name));
        add_member(result, "result", json_string("deleted"));
        print_json(result);
    } else {
        print("deleted " + wishes.name + "\n");
    }
    return kSuccess;
}

int logs(GatewayClient& client, const Wishes& wishes) {
    const LogWishes& logs = wishes.logs;
    std::string query;
    const auto add = [&query](std::string_view key, const std::string& value) {
        query += (query.empty() ? "?" : "&") + std::string(key) + "=" + percent_encoded(value);
    };
    if (logs.instance) add("instance", std::to_string(*logs.instance));
    if (logs.tail) add("tail", std::to_string(*logs.tail));
    if (!logs.since.empty()) add("since", logs.since);
    if (logs.follow) add("follow", "true");
    if (logs.previous) add("previous", "true");
    Request request;
    request.path = path_of(wishes) + "/logs" + query;
    request.sink = print;
    const auto response = call(client, request);
    return response ? kSuccess : response.error();
}

// The adapters of a file, each with a name; the exit status after complaints.
std::expected<std::vector<JsonValue>, int> read_adapters(const std::string& path) {
    const auto text = read_text_file(path);
    if (!text) return std::unexpected(complain(text.error()));
    const std::string file = name_of_file(path);
    auto document = parse_json_tree(*text);
    if (!document) {
        complain(std::string_view(describe(file, document.error())));
        return std::unexpected(kUsage);
    }
    std::vector<JsonValue> adapters;
    if (document->is(JsonValue::Kind::array))
        adapters = std::move(document->items);
    else
        adapters.push_back(std::move(*document));
    bool is_good = true;
    for (const JsonValue& adapter : adapters) {
        if (!adapter.string_or("name", "").empty()) continue;
        const char* const what = is_server_file(adapter)
                                     ? "a list of servers: use `mcp-gateway import`"
                                     : "an adapter is an object with a \"name\"";
        complain(std::string_view(describe(file, {adapter.at, what})));
        is_good = false;
    }
    if (is_good) return adapters;
    return std::unexpected(kUsage);
}

void complain_about(const UpsertFailure& failure, const JsonValue& adapter,
                    const std::string& file) {
    const std::string name(adapter.string_or("name", ""));
    if (failure.problem.fields.empty()) {
        complain(name + ": " + failure.problem.sentence);
        return;
    }
    for (const ProblemField& field : failure.problem.fields)
        complain(std::string_view(describe(
            file, {locate(adapter, field.field), name + ": " + field.field + " " + field.what})));
}

int apply(GatewayClient& client, const Wishes& wishes) {
    const auto adapters = read_adapters(wishes.file);
    if (!adapters) return adapters.error();
    int status = kSuccess;
    JsonValue results = json_array();
    for (const JsonValue& adapter : *adapters) {
        const auto done = upsert_adapter(client, adapter);
        const std::string name(adapter.string_or("name", ""));
        if (!done) {
            complain_about(done.error(), adapter, name_of_file(wishes.file));
            if (status != kFailed) status = done.error().is_invalid ? kUsage : kFailed;
        } else if (!wishes.access.as_json) {
            print(name + " " + std::string(name_of(*done)) + "\n");
        }
        JsonValue result = json_object();
        add_member(result, "name", json_string(name));
        add_member(result, "result", json_string(done ? name_of(*done) : "failed"));
        if (!done) add_member(result, "error", json_string(to_text(done.error().problem)));
        results.items.push_back(std::move(result));
    }
    if (wishes.access.as_json) print_json(results);
    return status;
}

using Verb = int (*)(GatewayClient&, const Wishes&);

struct Verbs {
    std::vector<std::pair<CLI::App*, Verb>> all;

    CLI::App* add(CLI::App& app, const char* name, const char* help, Verb verb) {
        CLI::App* command = app.add_subcommand(name, help)->fallthrough();
        all.emplace_back(command, verb);
        return command;
    }
};

void define(CLI::App& app, Wishes& wishes, Verbs& verbs) {
    add_access_flags(app, wishes.access);
    app.require_subcommand(1);
    const auto named = [&wishes](CLI::App* command) {
        command->add_option("NAME", wishes.name, "of the adapter")->required();
        return command;
    };
    verbs.add(app, "list", "all adapters that you may see", list);
    named(verbs.add(app, "get", "one adapter", [](GatewayClient& c, const Wishes& w) {
        return show(c, w, path_of(w), adapter_text);
    }));
    verbs.add(app, "apply", "create or replace what a file describes", apply)
        ->add_option("-f,--file", wishes.file, "one adapter or an array of them, - for stdin")
        ->required();
    named(verbs.add(app, "status", "what runs of it", [](GatewayClient& c, const Wishes& w) {
        return show(c, w, path_of(w) + "/status", status_text);
    }));
    CLI::App* log = named(verbs.add(app, "logs", "what an instance wrote", logs));
    log->add_option("--instance", wishes.logs.instance, "number of the instance (default 0)");
    log->add_option("--tail", wishes.logs.tail, "so many last lines (default 1000)");
    log->add_option("--since", wishes.logs.since, "not older than this time (RFC 3339)");
    log->add_flag("--follow", wishes.logs.follow, "go on as lines are written");
    log->add_flag("--previous", wishes.logs.previous, "of the run before this one");
    named(verbs.add(app, "delete", "delete it", remove));
}

}  // namespace

int run_adapters(int argc, char** argv) {
    Wishes wishes;
    Verbs verbs;
    CLI::App app("Adapters: the MCP servers behind the gateway.", "mcp-gateway adapters");
    define(app, wishes, verbs);
    try {
        app.parse(argc, argv);
    } catch (const CLI::Success& wish) {
        return app.exit(wish);
    } catch (const CLI::ParseError& mistake) {
        complain(std::string("adapters: ") + mistake.what() + " (see mcp-gateway adapters --help)");
        return kUsage;
    }
    auto client = GatewayClient::open(wishes.access);
    if (!client) return complain(client.error());
    for (const auto& [command, verb] : verbs.all)
        if (command->parsed()) return verb(*client, wishes);
    return kUsage;
}

}  // namespace mcpgw::cli
