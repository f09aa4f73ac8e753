// From lists of servers to adapters.
#include "tools/gateway/server_file.h"

#include <algorithm>
#include <array>
#include <utility>

#include "common/bytes.h"
#include "tools/gateway/resource_check.h"

namespace mcpgw::cli {
namespace {

using Kind = JsonValue::Kind;

constexpr std::array<std::string_view, 8> kKnownKeys{"command", "args", "env",     "url",
                                                     "type",    "cwd",  "headers", "disabled"};

// The object of servers in any of the known places.
const JsonValue* servers_of(const JsonValue& document) {
    if (const JsonValue* servers = document.find("mcpServers")) return servers;
    if (const JsonValue* servers = document.find("servers")) return servers;
    const JsonValue* settings = document.find("mcp");
    return settings == nullptr ? nullptr : settings->find("servers");
}

// Makes one adapter out of one server.
class Conversion {
  public:
    Conversion(const JsonMember& member, const Variables& variables)
        : server_(member.value), variables_(variables) {
        entry_.given_name = member.key;
        entry_.name = adapter_name_of(member.key);
        entry_.at = member.at;
    }

    ServerEntry convert() {
        if (!server_.is(Kind::object)) {
            wrong(server_.at, "must be an object");
            return std::move(entry_);
        }
        if (const JsonValue* flag = server_.find("disabled"); flag && flag->text == "true") {
            entry_.is_disabled = true;
            return std::move(entry_);
        }
        note_what_is_left_out();
        entry_.adapter = json_object();
        entry_.adapter.at = entry_.at;
        add("name", entry_.at, json_string(entry_.name));
        if (choose_source()) apply_rules();
        if (entry_.problems.empty() && entry_.name != entry_.given_name)
            entry_.notes.push_back("named " + entry_.name);
        return std::move(entry_);
    }

  private:
    void wrong(Position at, const std::string& what) {
        entry_.problems.push_back({at, "server '" + entry_.given_name + "': " + what});
    }

    // A member of the adapter that stands where its origin stands in the file, so that what the
    // rules say about it leads there.
    void add(std::string_view key, Position at, JsonValue value) {
        value.at = at;
        entry_.adapter.members.push_back(JsonMember{std::string(key), at, std::move(value)});
    }

    void note_what_is_left_out() {
        std::string keys;
        for (const JsonMember& member : server_.members) {
            if (std::ranges::find(kKnownKeys, member.key) != kKnownKeys.end()) continue;
            if (member.key == "envFile")
                wrong(member.at, "envFile is not read; put the variables into env");
            else
                keys += (keys.empty() ? "" : ", ") + member.key;
        }
        if (!keys.empty()) entry_.notes.push_back("ignored: " + keys);
    }

    // The expanded text of a string, or nothing after a complaint.
    std::optional<std::string> text_of(const JsonValue& value, std::string_view what) {
        if (!value.is(Kind::string)) {
            wrong(value.at, std::string(what) + " must be a string");
            return std::nullopt;
        }
        auto text = expand_variables(value.text, variables_);
        if (text) return std::move(*text);
        wrong(value.at, std::string(what) + ": " + text.error());
        return std::nullopt;
    }

    bool choose_source() {
        const JsonMember* command = server_.member("command");
        const JsonMember* url = server_.member("url");
        if ((command == nullptr) == (url == nullptr)) {
            wrong(entry_.at,
                  command == nullptr ? "needs a command or a url" : "has both a command and a url");
            return false;
        }
        const std::string_view type = server_.string_or("type", "");
        const bool is_remote_type = type == "http" || type == "sse" || type == "streamable-http" ||
                                    type == "streamableHttp";
        if (server_.find("type") != nullptr && type != "stdio" && !is_remote_type) {
            wrong(server_.find("type")->at, "type must be stdio, http or sse");
            return false;
        }
        if (!type.empty() && is_remote_type != (url != nullptr)) {
            wrong(server_.find("type")->at, "type " + std::string(type) + " does not go with " +
                                                (url != nullptr ? "a url" : "a command"));
            return false;
        }
        return url != nullptr ? convert_remote(*url, type) : convert_local(*command);
    }

    bool convert_remote(const JsonMember& url, std::string_view type) {
        auto text = text_of(url.value, "url");
        if (!text) return false;
        const bool is_sse = type == "sse" || (type.empty() && text->ends_with("/sse"));
        if (is_sse && type.empty()) entry_.notes.push_back("taken for HTTP+SSE by its path /sse");
        add("url", url.at, json_string(*text));
        add("transport", url.at, json_string(is_sse ? "sse" : "streamable-http"));
        return convert_strings("headers", "requestHeaders");
    }

    bool convert_local(const JsonMember& command) {
        JsonValue argv = json_array();
        argv.at = command.at;
        if (const JsonValue* cwd = server_.find("cwd")) {
            const auto directory = text_of(*cwd, "cwd");
            if (!directory) return false;
            for (const std::string& word : {std::string("env"), std::string("-C"), *directory})
                argv.items.push_back(json_string(word));
            entry_.notes.push_back("runs in " + *directory + " by way of env -C");
        }
        if (!append_argument(argv, command.value, "command")) return false;
        if (const JsonValue* args = server_.find("args")) {
            if (!args->is(Kind::array)) {
                wrong(args->at, "args must be an array of strings");
                return false;
            }
            for (const JsonValue& argument : args->items)
                if (!append_argument(argv, argument, "args")) return false;
        }
        add("command", command.at, std::move(argv));
        add("transport", command.at, json_string("stdio"));
        return convert_strings("env", "environmentVariables");
    }

    bool append_argument(JsonValue& argv, const JsonValue& value, std::string_view what) {
        const auto text = text_of(value, what);
        if (!text) return false;
        argv.items.push_back(json_string(*text));
        argv.items.back().at = value.at;
        return true;
    }

    // An object of texts. VS Code also allows numbers, and null for "not set".
    bool convert_strings(std::string_view from, std::string_view to) {
        const JsonMember* member = server_.member(from);
        if (member == nullptr || member->value.is(Kind::null)) return true;
        if (!member->value.is(Kind::object)) {
            wrong(member->at, std::string(from) + " must be an object of strings");
            return false;
        }
        JsonValue texts = json_object();
        for (const JsonMember& pair : member->value.members) {
            const std::string what = std::string(from) + "." + pair.key;
            JsonValue value = pair.value;
            if (value.is(Kind::null)) continue;
            if (value.is(Kind::number)) value.kind = Kind::string;
            const auto text = text_of(value, what);
            if (!text) continue;  // the next one may be wrong as well
            texts.members.push_back(JsonMember{pair.key, pair.at, json_string(*text)});
        }
        if (!texts.members.empty()) add(to, member->at, std::move(texts));
        return true;
    }

    void apply_rules() {
        if (entry_.name.empty()) {
            wrong(entry_.at, "its name has nothing that an adapter's name could keep; rename it");
            return;
        }
        for (const FieldComplaint& complaint :
             check_resource(model::Kind::adapter, entry_.adapter)) {
            const bool is_name = complaint.field == "name";
            wrong(complaint.at, (is_name ? "the name '" + entry_.name + "'" : complaint.field) +
                                    " " + complaint.what);
        }
    }

    const JsonValue& server_;
    const Variables& variables_;
    ServerEntry entry_;
};

// The first server keeps the name.
void refuse_collisions(std::vector<ServerEntry>& servers) {
    for (std::size_t i = 0; i < servers.size(); ++i) {
        for (std::size_t first = 0; first < i; ++first) {
            const ServerEntry& other = servers[first];
            if (servers[i].name != other.name || other.is_disabled || servers[i].is_disabled)
                continue;
            servers[i].problems.push_back(
                {servers[i].at, "server '" + servers[i].given_name + "': the name '" +
                                    servers[i].name + "' is taken by the server '" +
                                    other.given_name + "'; rename one of them"});
            break;
        }
    }
}

}  // namespace

bool is_server_file(const JsonValue& document) {
    return servers_of(document) != nullptr;
}

ServerFile read_server_file(std::string_view text, const Variables& variables) {
    ServerFile file;
    const auto document = parse_json_tree(text, JsonDialect::with_comments);
    if (!document) {
        file.problems.push_back(document.error());
        return file;
    }
    const JsonValue* servers = servers_of(*document);
    if (servers == nullptr) {
        file.problems.push_back(
            {document->at, "neither \"mcpServers\" nor \"servers\" is there: no list of servers"});
        return file;
    }
    if (!servers->is(Kind::object)) {
        file.problems.push_back({servers->at, "the list of servers must be an object"});
        return file;
    }
    for (const JsonMember& member : servers->members)
        file.servers.push_back(Conversion(member, variables).convert());
    refuse_collisions(file.servers);
    return file;
}

std::vector<std::string> problems_of(const ServerFile& file, std::string_view path) {
    std::vector<std::string> problems;
    for (const TextError& problem : file.problems)
        problems.push_back(describe(path, problem));
    for (const ServerEntry& server : file.servers)
        for (const TextError& problem : server.problems)
            problems.push_back(describe(path, problem));
    return problems;
}

std::string adapter_name_of(std::string_view given) {
    std::string name;
    for (const char c : given) {
        const char lower = to_lower(c);
        const bool is_kept = (lower >= 'a' && lower <= 'z') || (lower >= '0' && lower <= '9');
        if (is_kept)
            name.push_back(lower);
        else if (!name.empty() && name.back() != '-')
            name.push_back('-');
    }
    while (!name.empty() && name.back() == '-')
        name.pop_back();
    return name;
}

}  // namespace mcpgw::cli
