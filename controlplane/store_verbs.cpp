// CLI11 around store/backup.h.
#include "controlplane/store_verbs.h"

#include <cstdio>
#include <filesystem>
#include <iostream>
#include <string>
#include <string_view>

#include <CLI/CLI.hpp>
#include <unistd.h>

#include "common/json_writer.h"
#include "controlplane/complain.h"
#include "controlplane/data_directory.h"
#include "controlplane/store/backup.h"

namespace mcpgw {
namespace {

struct StoreWishes {
    std::string data_dir;
    std::string file;
    bool overwrites = false;
    bool is_sure = false;
    bool as_json = false;

    [[nodiscard]] std::string database() const { return data_dir + "/controlplane.db"; }
};

// One line for each tenth, for people who wait; a small database is through before it is read.
store::CopyProgress progress_for_people() {
    if (::isatty(STDERR_FILENO) == 0) return [](int, int) {};
    return [told = 0](int done, int total) mutable {
        const int tenth = total == 0 ? 10 : done * 10 / total;
        if (tenth == told || tenth == 10) return;
        told = tenth;
        std::fprintf(stderr, "%d %%\n", tenth * 10);
    };
}

std::string json_of(const store::BackupFacts& facts, const std::string& former) {
    JsonWriter out;
    out.object().key("file").string(facts.file);
    out.key("bytes").number(facts.bytes);
    out.key("schemaVersion").number(facts.schema_version);
    out.key("resources").number(facts.resources);
    out.key("auditRecords").number(facts.audit_records);
    if (!former.empty()) out.key("former").string(former);
    out.end();
    return out.take();
}

std::string text_of(const store::BackupFacts& facts) {
    return std::to_string(facts.resources) + " adapters and tools, " +
           std::to_string(facts.audit_records) + " audit records, " + std::to_string(facts.bytes) +
           " bytes";
}

int back_up(const StoreWishes& wishes) {
    auto database = store::Database::open_present(wishes.database());
    if (!database) return complain(database.error());
    store::BackupWish wish;
    wish.file = wishes.file;
    if (wish.file.empty()) {
        auto name = store::new_backup_name(wishes.database(), "");
        if (!name) return complain(name.error());
        wish.file = std::move(*name);
    }
    wish.overwrites = wishes.overwrites;
    wish.progress = progress_for_people();
    const auto facts = store::write_backup(**database, wish);
    if (!facts) {
        Error error = facts.error();
        if (error.code == Code::conflict) error.detail += "; --force overwrites it";
        return complain(error);
    }
    if (wishes.as_json)
        std::printf("%s\n", json_of(*facts, "").c_str());
    else
        std::printf("%s written and read back: %s\n", facts->file.c_str(), text_of(*facts).c_str());
    return 0;
}

// Nothing is asked where nobody can answer.
bool is_agreed(const StoreWishes& wishes) {
    if (wishes.is_sure || !std::filesystem::exists(wishes.database())) return true;
    if (::isatty(STDIN_FILENO) == 0) {
        complain("restore replaces the database of " + wishes.data_dir + "; say --yes to do it");
        return false;
    }
    std::fprintf(stderr, "Replace the database of %s by %s? [y/N] ", wishes.data_dir.c_str(),
                 wishes.file.c_str());
    std::string answer;
    std::getline(std::cin, answer);
    return answer == "y" || answer == "yes";
}

int restore(const StoreWishes& wishes) {
    if (::access(wishes.file.c_str(), R_OK) != 0) {
        complain("cannot read " + wishes.file);
        return 1;
    }
    const auto directory = DataDirectory::open(wishes.data_dir);
    if (!directory) return complain(directory.error());
    if (!is_agreed(wishes)) return 2;
    store::BackupWish wish;
    wish.file = wishes.file;
    wish.progress = progress_for_people();
    const auto restored = store::restore_backup(wish, wishes.database());
    if (!restored) return complain(restored.error());
    if (wishes.as_json) {
        std::printf("%s\n", json_of(restored->facts, restored->former).c_str());
        return 0;
    }
    std::printf("%s is in place: %s\n", wishes.file.c_str(), text_of(restored->facts).c_str());
    if (!restored->former.empty())
        std::printf("the former database is %s\n", restored->former.c_str());
    return 0;
}

void define(CLI::App& app, StoreWishes& wishes, bool restores) {
    app.add_option("--data-dir", wishes.data_dir, "the data directory of the gateway")
        ->envname("MCP_GATEWAY_DATA_DIR")
        ->required();
    app.add_flag("--json", wishes.as_json, "machine-readable output");
    CLI::Option* file = app.add_option("FILE", wishes.file, "the backup");
    if (restores) {
        file->required();
        app.add_flag("--yes", wishes.is_sure, "replace the database without asking");
    } else {
        file->description("default: a new file in DIR/backups");
        app.add_flag("--force", wishes.overwrites, "overwrite FILE");
    }
}

}  // namespace

bool is_store_verb(const char* word) {
    return std::string_view(word) == "backup" || std::string_view(word) == "restore";
}

int run_store_verb(int argc, char** argv) {
    const std::string verb = argv[0];
    const bool restores = verb == "restore";
    CLI::App app(restores
                     ? "Put a backup in the place of the database. The gateway must not run; "
                       "the former\ndatabase is kept in DIR/backups."
                     : "Copy adapters, tools, keys and audit records into one file, also while "
                       "the gateway\nruns. The file holds keys and secrets: its mode is 0600.",
                 "mcp-gateway " + verb);
    StoreWishes wishes;
    define(app, wishes, restores);
    try {
        app.parse(argc, argv);
    } catch (const CLI::Success& wish) {
        return app.exit(wish);
    } catch (const CLI::ParseError& mistake) {
        complain(verb + ": " + mistake.what() + " (see mcp-gateway " + verb + " --help)");
        return 2;
    }
    return restores ? restore(wishes) : back_up(wishes);
}

}  // namespace mcpgw
