// The verbs of `mcp-gateway adapters` and `mcp-gateway tools`, which differ in their words.
#include "tools/gateway/resources.h"

#include <cstdio>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include "common/bytes.h"
#include "common/limits.h"
#include "common/time.h"
#include "tools/gateway/calls.h"
#include "tools/gateway/outcome.h"
#include "tools/gateway/resource_check.h"
#include "tools/gateway/server_file.h"
#include "tools/gateway/text_file.h"
#include "tools/gateway/upsert.h"
#include "tools/gateway/wait.h"

namespace mcpgw::cli {
namespace {

// Of --timeout, as kubectl writes them.
const std::map<std::string, std::uint32_t> kTimeUnits = {{"s", 1}, {"m", 60}, {"h", 3600}};

struct LogWishes {
    std::optional<std::uint32_t> instance;
    std::optional<std::uint32_t> tail;
    std::string since;
    bool follow = false;
    bool previous = false;
};

struct ResourceWishes {
    model::Kind kind = model::Kind::adapter;
    GatewayAccess access;
    std::string name;
    std::string file;
    LogWishes logs;
    bool waits = false;
    std::uint32_t timeout_seconds = limits::wait_seconds;
};

std::string collection_of(const ResourceWishes& wishes) {
    return std::string(words_of(wishes.kind).collection);
}
std::string path_of(const ResourceWishes& wishes) {
    return collection_of(wishes) + "/" + percent_encoded(wishes.name);
}

int list(GatewayClient& client, const ResourceWishes& wishes) {
    const auto all = get_list(client, collection_of(wishes));
    if (!all) return all.error();
    if (wishes.access.as_json)
        print_json(*all);
    else
        print(resources_table(wishes.kind, *all));
    return kSuccess;
}

int show(GatewayClient& client, const ResourceWishes& wishes, const std::string& path,
         std::string (*text)(const JsonValue&)) {
    const auto document = get_document(client, path);
    if (!document) return document.error();
    if (wishes.access.as_json)
        print_json(*document);
    else
        print(text(*document));
    return kSuccess;
}

Waited wait_for(GatewayClient& client, const ResourceWishes& wishes, const std::string& name,
                Nanos until) {
    return wait_until_ready(client, {wishes.kind, name, until, wishes.timeout_seconds});
}
Nanos deadline_of(const ResourceWishes& wishes) {
    return monotonic_now() + wishes.timeout_seconds * kSecond;
}

int status(GatewayClient& client, const ResourceWishes& wishes) {
    if (!wishes.waits) return show(client, wishes, path_of(wishes) + "/status", status_text);
    const Waited waited = wait_for(client, wishes, wishes.name, deadline_of(wishes));
    if (waited.status.is(JsonValue::Kind::null)) return waited.exit_status;
    if (wishes.access.as_json)
        print_json(waited.status);
    else
        print(status_text(waited.status));
    return waited.exit_status;
}

int remove(GatewayClient& client, const ResourceWishes& wishes) {
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

int logs(GatewayClient& client, const ResourceWishes& wishes) {
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

// The adapters or tools of a file, each with a name; the exit status after complaints.
std::expected<std::vector<JsonValue>, int> read_documents(const ResourceWishes& wishes) {
    const std::string& path = wishes.file;
    const auto text = read_text_file(path);
    if (!text) return std::unexpected(complain(text.error()));
    const std::string file = name_of_file(path);
    auto document = parse_json_tree(*text);
    if (!document) {
        complain(std::string_view(describe(file, document.error())));
        return std::unexpected(kUsage);
    }
    std::vector<JsonValue> documents;
    if (document->is(JsonValue::Kind::array))
        documents = std::move(document->items);
    else
        documents.push_back(std::move(*document));
    bool is_good = true;
    for (const JsonValue& one : documents) {
        if (!one.string_or("name", "").empty()) continue;
        const std::string what = is_server_file(one) ? "a list of servers: use `mcp-gateway import`"
                                                     : std::string(words_of(wishes.kind).with_an) +
                                                           " is an object with a \"name\"";
        complain(std::string_view(describe(file, {one.at, what})));
        is_good = false;
    }
    if (is_good) return documents;
    return std::unexpected(kUsage);
}

void complain_about(const UpsertFailure& failure, const JsonValue& document,
                    const std::string& file) {
    const std::string name(document.string_or("name", ""));
    if (failure.problem.fields.empty()) {
        complain(name + ": " + failure.problem.sentence);
        return;
    }
    for (const ProblemField& field : failure.problem.fields)
        complain(std::string_view(describe(
            file, {locate(document, field.field), name + ": " + field.field + " " + field.what})));
}

// What has become of one document.
struct Applied {
    std::string name;
    std::string_view result;
    std::string error;  // empty if there is none
    JsonValue status;   // null unless it was waited for
};

Applied apply_one(GatewayClient& client, const ResourceWishes& wishes, const JsonValue& document,
                  int& exit_status) {
    Applied applied;
    applied.name = document.string_or("name", "");
    const auto done = upsert(client, wishes.kind, document);
    if (done) {
        applied.result = name_of(*done);
        return applied;
    }
    applied.result = "failed";
    applied.error = to_text(done.error().problem);
    complain_about(done.error(), document, name_of_file(wishes.file));
    if (exit_status != kFailed) exit_status = done.error().is_invalid ? kUsage : kFailed;
    return applied;
}

JsonValue result_of(const Applied& applied) {
    JsonValue result = json_object();
    add_member(result, "name", json_string(applied.name));
    add_member(result, "result", json_string(applied.result));
    if (!applied.error.empty()) add_member(result, "error", json_string(applied.error));
    if (!applied.status.is(JsonValue::Kind::null)) add_member(result, "status", applied.status);
    return result;
}

int apply(GatewayClient& client, const ResourceWishes& wishes) {
    const auto documents = read_documents(wishes);
    if (!documents) return documents.error();
    int exit_status = kSuccess;
    std::vector<Applied> all;
    for (const JsonValue& document : *documents) {
        all.push_back(apply_one(client, wishes, document, exit_status));
        if (!wishes.access.as_json && all.back().error.empty())
            print(all.back().name + " " + std::string(all.back().result) + "\n");
    }
    // All are under way before the first is waited for, and the time is that of all.
    const Nanos until = deadline_of(wishes);
    for (Applied& applied : all) {
        if (!wishes.waits || !applied.error.empty()) continue;
        Waited waited = wait_for(client, wishes, applied.name, until);
        applied.status = std::move(waited.status);
        if (waited.exit_status != kSuccess) exit_status = kFailed;
        if (!wishes.access.as_json && waited.exit_status == kSuccess)
            print(applied.name + " ready\n");
    }
    JsonValue results = json_array();
    for (const Applied& applied : all)
        results.items.push_back(result_of(applied));
    if (wishes.access.as_json) print_json(results);
    return exit_status;
}

using ResourceVerb = int (*)(GatewayClient&, const ResourceWishes&);

struct ResourceVerbs {
    std::vector<std::pair<CLI::App*, ResourceVerb>> all;

    CLI::App* add(CLI::App& app, const char* name, const char* help, ResourceVerb verb) {
        CLI::App* command = app.add_subcommand(name, help)->fallthrough();
        all.emplace_back(command, verb);
        return command;
    }
};

void define(CLI::App& app, ResourceWishes& wishes, ResourceVerbs& verbs) {
    const model::KindWords& words = words_of(wishes.kind);
    const std::string noun(words.noun);
    add_access_flags(app, wishes.access);
    app.require_subcommand(1);
    const auto named = [&](CLI::App* command) {
        command->add_option("NAME", wishes.name, "of the " + noun)->required();
        return command;
    };
    const auto waiting = [&](CLI::App* command) {
        CLI::Option* wait =
            command->add_flag("--wait", wishes.waits, "until all of it is ready, showing progress");
        command->add_option("--timeout", wishes.timeout_seconds, "of --wait: 300, 90s, 5m, 1h")
            ->transform(CLI::AsNumberWithUnit(kTimeUnits))
            ->check(CLI::Range(0U, limits::wait_seconds_max))
            ->needs(wait);
    };
    verbs.add(app, "list", ("all " + std::string(words.plural) + " that you may see").c_str(),
              list);
    named(verbs.add(app, "get", ("one " + noun).c_str(),
                    [](GatewayClient& c, const ResourceWishes& w) {
                        return show(c, w, path_of(w), resource_text);
                    }));
    CLI::App* applies = verbs.add(app, "apply", "create or replace what a file describes", apply);
    applies
        ->add_option("-f,--file", wishes.file, "one " + noun + " or an array of them, - for stdin")
        ->required();
    waiting(applies);
    waiting(named(verbs.add(app, "status", "what runs of it", status)));
    CLI::App* log = named(verbs.add(app, "logs", "what an instance wrote", logs));
    log->add_option("--instance", wishes.logs.instance, "number of the instance (default 0)");
    log->add_option("--tail", wishes.logs.tail, "so many last lines (default 1000)");
    log->add_option("--since", wishes.logs.since, "not older than this time (RFC 3339)");
    log->add_flag("--follow", wishes.logs.follow, "go on as lines are written");
    log->add_flag("--previous", wishes.logs.previous, "of the run before this one");
    named(verbs.add(app, "delete", "delete it", remove));
}

int run(model::Kind kind, const std::string& help, int argc, char** argv) {
    ResourceWishes wishes;
    wishes.kind = kind;
    const std::string verb(words_of(kind).plural);
    ResourceVerbs verbs;
    CLI::App app(help, "mcp-gateway " + verb);
    define(app, wishes, verbs);
    try {
        app.parse(argc, argv);
    } catch (const CLI::Success& wish) {
        return app.exit(wish);
    } catch (const CLI::ParseError& mistake) {
        complain(verb + ": " + mistake.what() + " (see mcp-gateway " + verb + " --help)");
        return kUsage;
    }
    auto client = GatewayClient::open(wishes.access);
    if (!client) return complain(client.error());
    for (const auto& [command, run_verb] : verbs.all)
        if (command->parsed()) return run_verb(*client, wishes);
    return kUsage;
}

}  // namespace

int run_adapters(int argc, char** argv) {
    return run(model::Kind::adapter, "Adapters: the MCP servers behind the gateway.", argc, argv);
}

int run_tools(int argc, char** argv) {
    return run(model::Kind::tool, "Tools: servers that are called by POST, one tool each.", argc,
               argv);
}

}  // namespace mcpgw::cli
