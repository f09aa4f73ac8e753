// CLI11 around one change of the store.
#include "controlplane/token_verb.h"

#include <cstdio>
#include <filesystem>
#include <string>
#include <string_view>

#include <CLI/CLI.hpp>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/json_writer.h"
#include "common/time.h"
#include "controlplane/complain.h"
#include "controlplane/model/api_token.h"
#include "controlplane/model/json.h"
#include "controlplane/model/token_wish.h"
#include "controlplane/store/sqlite_store.h"

namespace mcpgw {
namespace {

struct TokenWishes {
    std::string data_dir;
    model::TokenWish token;
    bool as_json = false;
};

// Who sits at the machine, for the audit log.
std::string operating_user() {
    const passwd* entry = ::getpwuid(::geteuid());
    return "local:" +
           (entry != nullptr ? std::string(entry->pw_name) : std::to_string(::geteuid()));
}

// Files that somebody else makes in there, the control plane could not write.
Result<> refuse_foreign(const std::string& data_dir) {
    struct stat status{};
    if (::stat(data_dir.c_str(), &status) != 0 || status.st_uid == ::geteuid()) return {};
    const passwd* owner = ::getpwuid(status.st_uid);
    return failure(Code::permission_denied,
                   data_dir + " belongs to " +
                       (owner != nullptr ? std::string(owner->pw_name)
                                         : "user " + std::to_string(status.st_uid)) +
                       "; do this as that user");
}

Result<model::ApiToken> token_of(const model::TokenWish& wish, std::uint64_t now) {
    const auto body = model::body_of(wish, now);
    if (!body) return std::unexpected(body.error());
    const auto document = model::parse_json(*body);
    if (!document) return std::unexpected(document.error());
    auto reading = model::read_api_token(*document, now);
    if (reading.errors.empty()) return std::move(reading.token);
    const auto& [field, complaints] = *reading.errors.begin();
    return failure(Code::invalid_argument, field + " " + complaints.front());
}

void print(const model::ApiToken& token, const std::string& text, bool as_json) {
    if (!as_json) {
        std::fprintf(stderr, "token %s for %s; it is shown only now:\n", token.what.id.c_str(),
                     token.what.user.c_str());
        std::printf("%s\n", text.c_str());
        return;
    }
    JsonWriter out;
    out.object();
    model::write_api_token_members(out, token);
    out.key("token").string(text).end();
    std::printf("%s\n", out.take().c_str());
}

int create(const TokenWishes& wishes) {
    const std::uint64_t now = unix_millis_now();
    auto token = token_of(wishes.token, now);
    if (!token) return complain(token.error());
    const auto text = model::mint(*token);
    if (!text) return complain(text.error());
    token->created_by = operating_user();
    token->created_at_unix_ms = now;
    if (const auto own = refuse_foreign(wishes.data_dir); !own) return complain(own.error());
    // What comes into being here is the owner's alone.
    ::umask(0077);
    std::error_code failed;
    std::filesystem::create_directories(wishes.data_dir, failed);
    if (failed)
        return complain(
            error_from_errno(failed.value(), "cannot make the directory " + wishes.data_dir));
    auto store = store::SqliteStore::open(wishes.data_dir + "/controlplane.db");
    if (!store) return complain(store.error());
    const store::AuditRecord audit{0,
                                   now,
                                   token->created_by,
                                   "token.create",
                                   token->what.id,
                                   "for " + token->what.user + ", with the data directory"};
    if (const auto added = (*store)->add_token(*token, audit); !added)
        return complain(added.error());
    print(*token, *text, wishes.as_json);
    return 0;
}

void define(CLI::App& app, TokenWishes& wishes) {
    app.add_option("--data-dir", wishes.data_dir, "the data directory of the gateway")
        ->envname("MCP_GATEWAY_DATA_DIR")
        ->required();
    app.add_option("--user", wishes.token.user, "whom it stands for")->required();
    app.add_option("--roles", wishes.token.roles, "its roles")->delimiter(',');
    app.add_option("--tenant", wishes.token.tenant, "whose quota it uses");
    app.add_option("--scopes", wishes.token.scopes, "its scopes")->delimiter(',');
    app.add_option("--adapters", wishes.token.adapters, "it opens these and nothing else")
        ->delimiter(',');
    app.add_option("--expires", wishes.token.expires, "an age such as 30d, or a time");
}

}  // namespace

bool is_token_verb(const char* word) {
    return std::string_view(word) == "tokens";
}

int run_token_verb(int argc, char** argv) {
    CLI::App app("Make an API token in a data directory, without any token.",
                 "mcp-gateway-controlplane tokens");
    app.require_subcommand(1);
    TokenWishes wishes;
    app.add_flag("--json", wishes.as_json, "machine-readable output");
    CLI::App* creates = app.add_subcommand("create", "make a token, which is printed once");
    define(*creates->fallthrough(), wishes);
    try {
        app.parse(argc, argv);
    } catch (const CLI::Success& wish) {
        return app.exit(wish);
    } catch (const CLI::ParseError& mistake) {
        std::fprintf(stderr, "mcp-gateway: tokens: %s\n", mistake.what());
        return 2;
    }
    return create(wishes);
}

}  // namespace mcpgw
