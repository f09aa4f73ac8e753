// The verb `import`: server files through upsert, one line for each server.
//
// A server that cannot be imported does not keep the others from it; the exit status tells: 2 if a
// file has a mistake, 1 if the gateway refused or failed.
#include "tools/gateway/import.h"

#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include "tools/gateway/gateway_client.h"
#include "tools/gateway/outcome.h"
#include "tools/gateway/server_file.h"
#include "tools/gateway/text_file.h"
#include "tools/gateway/upsert.h"

namespace mcpgw::cli {
namespace {

struct ImportWishes {
    GatewayAccess access;
    std::vector<std::string> files;
    bool is_dry_run = false;
};

struct Report {
    std::string name;
    std::string result;
    std::string text;  // after the result, for people
};

class Import {
  public:
    Import(const ImportWishes& wishes, GatewayClient& client) : wishes_(wishes), client_(client) {}

    int run() {
        for (const std::string& path : wishes_.files)
            take_file(path);
        if (wishes_.is_dry_run)
            print(to_pretty_json(adapters_) + "\n");
        else if (wishes_.access.as_json)
            print(to_pretty_json(results_) + "\n");
        return status_;
    }

  private:
    static void print(const std::string& text) {
        std::fwrite(text.data(), 1, text.size(), stdout);
        std::fflush(stdout);
    }

    // Wrong files weigh more than refusals: they stay wrong when tried again.
    void fail_with(int status) { status_ = std::max(status_, status); }

    void take_file(const std::string& path) {
        const auto text = read_text_file(path);
        if (!text) return fail_with(complain(text.error()));
        const ServerFile file = read_server_file(*text, process_variables());
        for (const std::string& problem : problems_of(file, name_of_file(path))) {
            complain(std::string_view(problem));
            fail_with(kUsage);
        }
        for (const ServerEntry& server : file.servers)
            take_server(server);
    }

    void take_server(const ServerEntry& server) {
        if (server.is_disabled) return report({server.given_name, "disabled", ""});
        std::string notes;
        for (const std::string& note : server.notes)
            notes += (notes.empty() ? "" : "; ") + note;
        if (!notes.empty()) notes = " (" + notes + ")";
        if (!server.problems.empty())
            return report({server.given_name, "not imported", ": see above"});
        if (wishes_.is_dry_run) {
            adapters_.items.push_back(server.adapter);
            if (!notes.empty()) complain(server.given_name + notes);
            return;
        }
        const auto done = upsert(client_, model::Kind::adapter, server.adapter);
        if (done) return report({server.given_name, std::string(name_of(*done)), notes});
        fail_with(kFailed);
        complain(server.given_name + ": " + to_text(done.error().problem));
        report({server.given_name, "failed", ""});
    }

    void report(const Report& report) {
        JsonValue result = json_object();
        add_member(result, "server", json_string(report.name));
        add_member(result, "name", json_string(adapter_name_of(report.name)));
        add_member(result, "result", json_string(report.result));
        results_.items.push_back(std::move(result));
        if (wishes_.access.as_json || wishes_.is_dry_run) return;
        print(report.name + " " + report.result + report.text + "\n");
    }

    const ImportWishes& wishes_;
    GatewayClient& client_;
    JsonValue results_ = json_array();
    JsonValue adapters_ = json_array();
    int status_ = kSuccess;
};

}  // namespace

int run_import(int argc, char** argv) {
    ImportWishes wishes;
    CLI::App app(
        "Every server of an mcpServers file (Claude, Cursor), or of VS Code's mcp.json, as an\n"
        "adapter. ${NAME}, ${env:NAME} and ${NAME:-default} are filled in from the environment.",
        "mcp-gateway import");
    app.add_option("FILE", wishes.files, "- for standard input")->required();
    app.add_flag("--dry-run", wishes.is_dry_run, "only print the adapters as JSON");
    add_access_flags(app, wishes.access);
    try {
        app.parse(argc, argv);
    } catch (const CLI::Success& wish) {
        return app.exit(wish);
    } catch (const CLI::ParseError& mistake) {
        complain(std::string("import: ") + mistake.what() + " (see mcp-gateway import --help)");
        return kUsage;
    }
    auto client = GatewayClient::open(wishes.access);
    if (!client) return complain(client.error());
    return Import(wishes, *client).run();
}

}  // namespace mcpgw::cli
