// The verbs of `mcp-gateway session-keys`.
#include "tools/gateway/session_keys.h"

#include <string_view>
#include <utility>

#include <CLI/CLI.hpp>

#include "common/json_writer.h"
#include "common/limits.h"
#include "common/time.h"
#include "controlplane/keys/key_file.h"
#include "tools/gateway/calls.h"
#include "tools/gateway/outcome.h"
#include "tools/gateway/table.h"

namespace mcpgw::cli {
namespace {

struct KeyWishes {
    std::string file;
    std::uint32_t lead_seconds = limits::session_keys_lead_seconds;
    bool as_json = false;
};

std::string_view state_of(const keys::KeyRing& ring, std::size_t index, std::uint64_t now) {
    if (index == keys::current_at(ring, now)) return "sealing";
    return ring[index].seals_from_unix_ms > now ? "waiting" : "opening";
}

std::uint64_t age_seconds(const keys::RingKey& key, std::uint64_t now) {
    return now > key.created_unix_ms ? (now - key.created_unix_ms) / 1000 : 0;
}

// The largest unit that is full: "3d", "5h", "12m", "40s".
std::string age_text(std::uint64_t seconds) {
    constexpr std::pair<std::uint64_t, const char*> kUnits[] = {
        {86'400, "d"}, {3'600, "h"}, {60, "m"}};
    for (const auto& [unit, name] : kUnits)
        if (seconds >= unit) return std::to_string(seconds / unit) + name;
    return std::to_string(seconds) + "s";
}

// What became of the file: its name, and the ring as `show` has it.
void tell(const KeyWishes& wishes, const keys::KeyRing& ring, const std::string& sentence) {
    if (wishes.as_json)
        print(session_keys_json(ring, unix_millis_now()));
    else
        print(sentence + "\n");
}

int make_new(const KeyWishes& wishes) {
    const auto ring = keys::create_key_file(wishes.file, unix_millis_now());
    if (!ring) return complain(ring.error());
    tell(wishes, *ring, wishes.file + " made, key " + ring->back().id + " seals");
    return kSuccess;
}

int rotate(const KeyWishes& wishes) {
    const std::uint64_t lead_ms = std::uint64_t{wishes.lead_seconds} * 1000;
    const auto ring = keys::rotate_key_file(wishes.file, unix_millis_now(), lead_ms);
    if (!ring) return complain(ring.error());
    const keys::RingKey& key = ring->back();
    tell(wishes, *ring,
         "key " + key.id + " added, seals from " + rfc3339(key.seals_from_unix_ms) + "; " +
             std::to_string(ring->size()) + " of at most " +
             std::to_string(limits::sealing_keys_max) + " keys");
    return kSuccess;
}

int show(const KeyWishes& wishes) {
    const auto ring = keys::read_key_file(wishes.file);
    if (!ring) return complain(ring.error());
    const std::uint64_t now = unix_millis_now();
    print(wishes.as_json ? session_keys_json(*ring, now) : session_keys_table(*ring, now));
    return kSuccess;
}

struct KeyVerb {
    CLI::App* command;
    int (*run)(const KeyWishes&);
};

std::vector<KeyVerb> define(CLI::App& app, KeyWishes& wishes) {
    app.add_flag("--json", wishes.as_json, "machine-readable output");
    app.require_subcommand(1);
    std::vector<KeyVerb> verbs;
    const auto add = [&](const char* name, const char* help, int (*run)(const KeyWishes&)) {
        CLI::App* command = app.add_subcommand(name, help)->fallthrough();
        command->add_option("FILE", wishes.file, "the file of session keys")->required();
        verbs.push_back({command, run});
        return command;
    };
    add("new", "write a new file, mode 0600; one that exists is not touched", make_new);
    add("rotate", "add a key and keep those before, sixteen in all", rotate)
        ->add_option("--activate-after", wishes.lead_seconds,
                     "seconds in which the new key only opens, so that every gateway knows it "
                     "before one seals with it (default 2)")
        ->check(CLI::Range(0U, limits::session_keys_lead_seconds_max));
    add("show", "ids, ages and states of the keys, never the keys", show);
    return verbs;
}

}  // namespace

std::string session_keys_table(const keys::KeyRing& ring, std::uint64_t now_unix_ms) {
    Table table({"ID", "STATE", "AGE", "CREATED", "SEALS FROM"});
    for (std::size_t i = 0; i < ring.size(); ++i)
        table.add({ring[i].id, std::string(state_of(ring, i, now_unix_ms)),
                   age_text(age_seconds(ring[i], now_unix_ms)), rfc3339(ring[i].created_unix_ms),
                   rfc3339(ring[i].seals_from_unix_ms)});
    return table.text();
}

std::string session_keys_json(const keys::KeyRing& ring, std::uint64_t now_unix_ms) {
    JsonWriter out;
    out.array();
    for (std::size_t i = 0; i < ring.size(); ++i) {
        out.object().key("id").string(ring[i].id);
        out.key("state").string(state_of(ring, i, now_unix_ms));
        out.key("ageSeconds").number(age_seconds(ring[i], now_unix_ms));
        out.key("created").string(rfc3339(ring[i].created_unix_ms));
        out.key("sealsFrom").string(rfc3339(ring[i].seals_from_unix_ms)).end();
    }
    out.end();
    return out.take() + "\n";
}

int run_session_keys(int argc, char** argv) {
    KeyWishes wishes;
    CLI::App app(
        "The file of --session-keys: gateways that share it open each other's session ids.\n"
        "Every gateway notices a change by itself. Copy the file to other machines by rename,\n"
        "with mode 0600, within the time of --activate-after.",
        "mcp-gateway session-keys");
    const std::vector<KeyVerb> verbs = define(app, wishes);
    try {
        app.parse(argc, argv);
    } catch (const CLI::Success& wish) {
        return app.exit(wish);
    } catch (const CLI::ParseError& mistake) {
        complain(std::string("session-keys: ") + mistake.what() +
                 " (see mcp-gateway session-keys --help)");
        return kUsage;
    }
    for (const KeyVerb& verb : verbs)
        if (verb.command->parsed()) return verb.run(wishes);
    return kUsage;
}

}  // namespace mcpgw::cli
