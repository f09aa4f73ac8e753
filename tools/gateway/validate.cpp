// The verb `validate`.
#include "tools/gateway/validate.h"

#include <array>
#include <cstdio>
#include <map>
#include <utility>

#include <CLI/CLI.hpp>

#include "tools/gateway/outcome.h"
#include "tools/gateway/resource_check.h"
#include "tools/gateway/server_file.h"
#include "tools/gateway/text_file.h"
#include "tools/gateway/up_options.h"

namespace mcpgw::cli {
namespace {

std::string counted(std::size_t count, const std::string& thing) {
    return std::to_string(count) + " " + thing + (count == 1 ? "" : "s");
}

// TOML may begin with '[' as well, but only JSON goes on with one of these.
bool looks_like_json(std::string_view text) {
    const std::size_t first = text.find_first_not_of(" \t\r\n");
    if (first == std::string_view::npos) return false;
    if (text[first] == '{' || text.substr(first).starts_with("//") ||
        text.substr(first).starts_with("/*"))
        return true;
    const std::size_t next = text.find_first_not_of(" \t\r\n", first + 1);
    return text[first] == '[' && next != std::string_view::npos &&
           (text[next] == '{' || text[next] == ']');
}

Verdict validate_configuration(const std::string& file, std::string_view text) {
    Verdict verdict{"configuration", {}};
    SettingSources sources;
    sources.config_path = file;
    sources.config_text = text;
    if (auto options = resolve_up_options(sources); !options)
        verdict.problems = std::move(options.error());
    return verdict;
}

// "2 adapters", "1 adapter and 3 tools"
std::string counted_kinds(const std::array<std::size_t, 2>& counts) {
    const auto [adapters, tools] = counts;
    if (tools == 0) return counted(adapters, "adapter");
    if (adapters == 0) return counted(tools, "tool");
    return counted(adapters, "adapter") + " and " + counted(tools, "tool");
}

// What has a definition of a tool is one.
model::Kind kind_of(const JsonValue& document) {
    return document.find("toolDefinition") == nullptr ? model::Kind::adapter : model::Kind::tool;
}

Verdict validate_resources(const std::string& file, const JsonValue& document) {
    Verdict verdict;
    std::array<std::size_t, 2> counts{};
    std::map<std::string, const JsonValue*, std::less<>> names;
    const auto check_one = [&](const JsonValue& one) {
        const model::Kind kind = kind_of(one);
        ++counts[static_cast<std::size_t>(kind)];
        for (const FieldComplaint& complaint : check_resource(kind, one))
            verdict.problems.push_back(describe(
                file,
                {complaint.at, complaint.field.empty() ? complaint.what
                                                       : complaint.field + " " + complaint.what}));
        const std::string name(one.string_or("name", ""));
        const auto [place, is_new] = names.emplace(name, &one);
        if (name.empty() || is_new) return;
        const JsonValue& first = *place->second;
        verdict.problems.push_back(
            describe(file, {locate(one, "name"), "name \"" + name + "\" is already that of the " +
                                                     std::string(words_of(kind_of(first)).noun) +
                                                     " in line " + std::to_string(first.at.line)}));
    };
    if (!document.is(JsonValue::Kind::array)) check_one(document);
    for (const JsonValue& one : document.items)
        check_one(one);
    verdict.kind = counted_kinds(counts);
    return verdict;
}

}  // namespace

Verdict validate_text(const std::string& file, std::string_view text, const Variables& variables) {
    if (file.ends_with(".toml") || (!file.ends_with(".json") && !looks_like_json(text)))
        return validate_configuration(file, text);
    // Lists of servers may have comments; whether this is one is only known after reading it.
    const auto lenient = parse_json_tree(text, JsonDialect::with_comments);
    if (lenient && is_server_file(*lenient)) {
        const ServerFile servers = read_server_file(text, variables);
        return {counted(servers.servers.size(), "server"), problems_of(servers, file)};
    }
    const auto document = parse_json_tree(text);
    if (!document) return {"JSON", {describe(file, document.error())}};
    return validate_resources(file, *document);
}

int run_validate(int argc, char** argv) {
    std::vector<std::string> files;
    CLI::App app(
        "Checks a --config file (TOML), adapters and tools (JSON, one or an array)\n"
        "or a list of servers.",
        "mcp-gateway validate");
    app.add_option("FILE", files, "- for standard input")->required();
    try {
        app.parse(argc, argv);
    } catch (const CLI::Success& wish) {
        return app.exit(wish);
    } catch (const CLI::ParseError& mistake) {
        complain(std::string("validate: ") + mistake.what() + " (see mcp-gateway validate --help)");
        return kUsage;
    }
    int status = kSuccess;
    for (const std::string& path : files) {
        const auto text = read_text_file(path);
        if (!text) {
            status = std::max(status, complain(text.error()));
            continue;
        }
        const Verdict verdict = validate_text(name_of_file(path), *text, process_variables());
        for (const std::string& problem : verdict.problems) {
            complain(std::string_view(problem));
            status = kUsage;
        }
        if (verdict.problems.empty())
            std::printf("%s: ok (%s)\n", name_of_file(path).c_str(), verdict.kind.c_str());
    }
    return status;
}

}  // namespace mcpgw::cli
