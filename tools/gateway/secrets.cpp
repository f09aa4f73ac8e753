// The verbs of `mcp-gateway secrets`.
#include "tools/gateway/secrets.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>
#include <termios.h>
#include <unistd.h>

#include "common/json_writer.h"
#include "common/limits.h"
#include "controlplane/secrets/secret_files.h"
#include "tools/gateway/calls.h"
#include "tools/gateway/outcome.h"
#include "tools/gateway/up_options.h"

namespace mcpgw::cli {
namespace {

struct SecretWishes {
    std::string data_dir;
    std::string name;
    bool as_json = false;
};

// The terminal of standard input without echo, until this dies or the process is interrupted.
class Silence {
  public:
    Silence() {
        if (::tcgetattr(STDIN_FILENO, &before_) != 0) return;
        for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT})
            std::signal(signal, end_loudly);
        termios quiet = before_;
        quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
        is_silent_ = ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet) == 0;
    }
    Silence(const Silence&) = delete;
    Silence& operator=(const Silence&) = delete;
    ~Silence() {
        if (is_silent_) ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
    }

  private:
    // Whoever interrupts this wants a terminal that shows what is typed.
    static void end_loudly(int signal) {
        ::tcsetattr(STDIN_FILENO, TCSANOW, &before_);
        std::signal(signal, SIG_DFL);
        ::raise(signal);
    }
    static inline termios before_{};
    bool is_silent_ = false;
};

// All of standard input; of a terminal one line.
Result<std::string> read_value(const std::string& name) {
    const bool asks = ::isatty(STDIN_FILENO) == 1;
    std::string text;
    {
        if (asks) std::fprintf(stderr, "value of %s (not shown): ", name.c_str());
        std::array<char, 4096> block{};
        const Silence silence;
        while (text.size() <= limits::secret_bytes_max + 2 && !(asks && text.ends_with('\n'))) {
            const ssize_t got = ::read(STDIN_FILENO, block.data(), block.size());
            if (got < 0 && errno == EINTR) continue;
            if (got < 0) return std::unexpected(error_from_errno(errno, "cannot read the value"));
            if (got == 0) break;
            text.append(block.data(), static_cast<std::size_t>(got));
        }
    }
    if (asks) std::fputc('\n', stderr);
    return std::string(secrets::without_line_end(text));
}

void tell(const SecretWishes& wishes, std::string_view what, const std::string& directory) {
    if (!wishes.as_json)
        return print(std::string(what) + " " + wishes.name + " in " + directory + "\n");
    JsonWriter out;
    out.object().key("name").string(wishes.name).key("result").string(what).end();
    print(out.take() + "\n");
}

int set(const SecretWishes& wishes, const std::string& directory) {
    const Result<std::string> value = read_value(wishes.name);
    if (!value) return complain(value.error());
    if (const auto done = secrets::write_secret(directory, wishes.name, *value); !done)
        return complain(done.error());
    tell(wishes, "set", directory);
    return kSuccess;
}

int list(const SecretWishes& wishes, const std::string& directory) {
    const auto names = secrets::list_secrets(directory);
    if (!names) return complain(names.error());
    std::string text;
    JsonWriter out;
    out.array();
    for (const std::string& name : *names) {
        text += name + "\n";
        out.object().key("name").string(name).end();
    }
    out.end();
    print(wishes.as_json ? out.take() + "\n" : text);
    return kSuccess;
}

int erase(const SecretWishes& wishes, const std::string& directory) {
    if (const auto done = secrets::delete_secret(directory, wishes.name); !done)
        return complain(done.error());
    tell(wishes, "deleted", directory);
    return kSuccess;
}

struct SecretVerb {
    CLI::App* command;
    int (*run)(const SecretWishes&, const std::string& directory);
};

std::vector<SecretVerb> define(CLI::App& app, SecretWishes& wishes) {
    app.add_option("--data-dir", wishes.data_dir,
                   "the data directory of the gateway (default: that of `up`)")
        ->envname("MCP_GATEWAY_DATA_DIR")
        ->type_name("DIR");
    app.add_flag("--json", wishes.as_json, "machine-readable output");
    app.require_subcommand(1);
    std::vector<SecretVerb> verbs;
    const auto add = [&](const char* name, const char* help,
                         int (*run)(const SecretWishes&, const std::string&)) {
        CLI::App* command = app.add_subcommand(name, help)->fallthrough();
        verbs.push_back({command, run});
        return command;
    };
    const auto with_name = [&](CLI::App* command) {
        command->add_option("NAME", wishes.name, "the name of the secret")->required();
    };
    with_name(add("set", "the value is read from standard input, without the line end", set));
    add("list", "the names, never the values", list);
    with_name(add("delete", "adapters that name it are not ready any more", erase));
    return verbs;
}

}  // namespace

int run_secrets(int argc, char** argv) {
    SecretWishes wishes;
    CLI::App app(
        "Values of request headers that adapters name: {\"Authorization\": {\"secret\": NAME}}.\n"
        "A running gateway notices a change within a second.",
        "mcp-gateway secrets");
    const std::vector<SecretVerb> verbs = define(app, wishes);
    try {
        app.parse(argc, argv);
    } catch (const CLI::Success& wish) {
        return app.exit(wish);
    } catch (const CLI::ParseError& mistake) {
        complain(std::string("secrets: ") + mistake.what() + " (see mcp-gateway secrets --help)");
        return kUsage;
    }
    if (wishes.data_dir.empty()) {
        const auto usual = default_data_dir(std::getenv("XDG_STATE_HOME"), std::getenv("HOME"));
        if (!usual) {
            complain("there is no HOME to look for data in; name a directory with --data-dir");
            return kUsage;
        }
        wishes.data_dir = *usual;
    }
    for (const SecretVerb& verb : verbs)
        if (verb.command->parsed()) return verb.run(wishes, secrets::directory_in(wishes.data_dir));
    return kUsage;
}

}  // namespace mcpgw::cli
