// The verbs that talk to a gateway, against a small stand-in for its management routes.
//
// The stand-in keeps adapters and tools in memory and answers as CONTRACT sections 3 and 4 say; the
// real control plane is tested against the real command elsewhere.
#include "tools/gateway/resources.h"

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <httplib.h>
#include <pty.h>
#include <unistd.h>

#include "tools/gateway/gateway_client.h"
#include "tools/gateway/import.h"
#include "tools/gateway/table.h"

namespace mcpgw::cli {
namespace {

class ScriptedGateway {
  public:
    ScriptedGateway() {
        server_.set_pre_routing_handler([this](const auto& query, auto&) {
            last_target = query.target;
            return httplib::Server::HandlerResponse::Unhandled;
        });
        server_.Get("/(?:adapters|tools)", [this](const auto& q, auto& a) { list(q, a); });
        server_.Post("/(?:adapters|tools)", [this](const auto& q, auto& a) { create(q, a); });
        const std::string one = "/(?:adapters|tools)/([^/]+)";
        server_.Get(one, [this](const auto& q, auto& a) { get(q, a); });
        server_.Put(one, [this](const auto& q, auto& a) { replace(q, a); });
        server_.Delete(one, [this](const auto& q, auto& a) { remove(q, a); });
        server_.Get(one + "/status", [this](const auto& q, auto& a) {
            if (!adapters.contains(q.matches[1])) return missing(a);
            if (!statuses.empty()) {
                a.set_content(statuses.front(), "application/json");
                if (a.body == "down") a.status = 503;
                if (statuses.size() > 1) statuses.erase(statuses.begin());
                return;
            }
            a.set_content(R"({"readyReplicas":1,"updatedReplicas":2,"availableReplicas":1,
                "replicaStatus":"Degraded: 1/2 ready","instances":[
                {"name":"x-0","ready":true,"address":"127.0.0.1:9","restarts":0,"since":"now"},
                {"name":"x-1","ready":false,"restarts":3,"reason":"exited\u001b[31m"}]})",
                          "application/json");
        });
        server_.Get(one + "/logs", [](const auto&, auto& a) {
            a.set_chunked_content_provider("text/plain", [](std::size_t offset, auto& sink) {
                if (offset == 0) {
                    sink.write("one\n", 4);
                    sink.write("two\n", 4);
                }
                sink.done();
                return true;
            });
        });
        port_ = server_.bind_to_any_port("127.0.0.1");
        thread_ = std::thread([this] { server_.listen_after_bind(); });
        while (!server_.is_running())
            std::this_thread::yield();  // else stop() is lost
    }
    ~ScriptedGateway() {
        server_.stop();
        thread_.join();
    }
    [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

    std::string last_user;
    std::string last_roles;
    std::string last_token;
    std::string last_if_match;
    std::string last_target;
    std::map<std::string, std::string> adapters;  // name -> document, as given
    int writes = 0;
    std::vector<std::string> statuses;  // one after the other, the last again and again

  private:
    using Query = httplib::Request;
    using Answer = httplib::Response;

    void note(const Query& query) {
        last_user = query.get_header_value("X-Dev-UserId");
        last_roles = query.get_header_value("X-Dev-Roles");
        last_token = query.get_header_value("Authorization");
        last_if_match = query.get_header_value("If-Match");
    }
    static void problem(Answer& answer, int status, const std::string& body) {
        answer.status = status;
        answer.set_content(body, "application/problem+json");
    }
    static void missing(Answer& answer) {
        problem(answer, 404, R"({"title":"Not Found","status":404,"detail":"no adapter x"})");
    }
    // Two pages, if there is more than one adapter.
    void list(const Query& query, Answer& answer) {
        note(query);
        const bool is_second = query.has_param("cursor");
        std::string text;
        std::size_t index = 0;
        for (const auto& [name, document] : adapters) {
            const bool is_on_first = index++ == 0;
            if (is_on_first != is_second) text += (text.empty() ? "" : ",") + document;
        }
        if (!is_second && adapters.size() > 1)
            answer.set_header("Link", "<" + url() + "/adapters?cursor=2>; rel=\"next\"");
        answer.set_content("[" + text + "]", "application/json");
    }
    void get(const Query& query, Answer& answer) {
        note(query);
        const auto found = adapters.find(query.matches[1]);
        if (found == adapters.end()) return missing(answer);
        answer.set_header("ETag", "\"7\"");
        answer.set_content(found->second, "application/json");
    }
    void create(const Query& query, Answer& answer) {
        const auto document = parse_json_tree(query.body);
        const std::string name(document->string_or("name", ""));
        if (document->find("colour") != nullptr)
            return problem(answer, 400,
                           R"({"title":"Bad Request","status":400,"detail":"the adapter is wrong",
                               "errors":{"colour":["is not known"]}})");
        adapters[name] = query.body;
        ++writes;
        answer.status = 201;
    }
    void replace(const Query& query, Answer& answer) {
        note(query);
        if (last_if_match != "\"7\"")
            return problem(answer, 412, R"({"title":"Precondition Failed","status":412})");
        adapters[query.matches[1]] = query.body;
        ++writes;
        answer.set_content(query.body, "application/json");
    }
    void remove(const Query& query, Answer& answer) {
        if (adapters.erase(query.matches[1]) == 0) return missing(answer);
        answer.status = 204;
    }

    httplib::Server server_;
    int port_ = 0;
    std::thread thread_;
};

class AdaptersTest : public testing::Test {
  protected:
    struct Outcome {
        int status;
        std::string out;
        std::string err;
    };

    AdaptersTest() {
        std::string pattern =
            (std::filesystem::temp_directory_path() / "adapters-test-XXXXXX").string();
        directory_ = ::mkdtemp(pattern.data());
    }
    ~AdaptersTest() override { std::filesystem::remove_all(directory_); }

    std::string file(const std::string& text) {
        const std::string path = directory_ + "/file.json";
        std::ofstream(path) << text;
        return path;
    }

    static Outcome run(int (*verb)(int, char**), std::vector<std::string> words) {
        std::vector<char*> argv;
        for (std::string& word : words)
            argv.push_back(word.data());
        argv.push_back(nullptr);
        testing::internal::CaptureStdout();
        testing::internal::CaptureStderr();
        const int status = verb(static_cast<int>(words.size()), argv.data());
        std::fflush(stdout);
        return {status, testing::internal::GetCapturedStdout(),
                testing::internal::GetCapturedStderr()};
    }
    Outcome adapters(std::vector<std::string> words) {
        words.insert(words.begin(), "adapters");
        words.insert(words.end(), {"--server", gateway_.url()});
        return run(run_adapters, words);
    }
    Outcome tools(std::vector<std::string> words) {
        words.insert(words.begin(), "tools");
        words.insert(words.end(), {"--server", gateway_.url()});
        return run(run_tools, words);
    }
    Outcome import(std::vector<std::string> words) {
        words.insert(words.begin(), "import");
        words.insert(words.end(), {"--server", gateway_.url()});
        return run(run_import, words);
    }

    ScriptedGateway gateway_;
    std::string directory_;
};

TEST_F(AdaptersTest, apply_says_created_then_unchanged_then_updated) {
    const std::string path = file(R"([{"name": "x", "command": ["a"]}])");
    EXPECT_EQ(adapters({"apply", "-f", path}).out, "x created\n");
    EXPECT_EQ(adapters({"apply", "-f", path}).out, "x unchanged\n");
    EXPECT_EQ(gateway_.writes, 1);
    const std::string changed = file(R"({"name": "x", "command": ["b"]})");
    const Outcome outcome = adapters({"apply", "-f", changed, "--json"});
    EXPECT_EQ(outcome.status, 0);
    EXPECT_EQ(to_json(*parse_json_tree(outcome.out)), R"([{"name":"x","result":"updated"}])");
    EXPECT_EQ(gateway_.last_if_match, "\"7\"");
}

TEST_F(AdaptersTest, what_the_gateway_refuses_is_told_with_line_and_field) {
    const std::string path =
        file("[{\"name\": \"x\",\n  \"colour\": 1},\n {\"name\": \"y\", \"command\": [\"z\"]}]");
    const Outcome outcome = adapters({"apply", "-f", path});
    EXPECT_EQ(outcome.status, 2);
    EXPECT_EQ(outcome.out, "y created\n");
    EXPECT_EQ(outcome.err, "mcp-gateway: " + path + ":2:3: x: colour is not known\n");
}

TEST_F(AdaptersTest, files_that_cannot_be_applied_are_wrong_usage) {
    const std::pair<const char*, const char*> cases[] = {
        {"{\"name\": }", ":1:10: expected a value"},
        {"[{}]", ":1:2: an adapter is an object with a \"name\""},
        {"3", ":1:1: an adapter is an object"},
        {"{\"mcpServers\": {}}", "use `mcp-gateway import`"},
    };
    for (const auto& [text, part] : cases) {
        const Outcome outcome = adapters({"apply", "-f", file(text)});
        EXPECT_EQ(outcome.status, 2) << text;
        EXPECT_TRUE(outcome.err.contains(part)) << outcome.err;
    }
    EXPECT_EQ(adapters({"apply", "-f", directory_ + "/none"}).status, 1);
    EXPECT_EQ(gateway_.writes, 0);
}

TEST_F(AdaptersTest, list_follows_pages_and_shows_columns) {
    EXPECT_EQ(adapters({"list"}).out, "no adapters\n");
    gateway_.adapters["a"] = R"({"name":"a","command":["run","it"],"transport":"stdio",)"
                             R"("replicaCount":2,"createdBy":"me","lastUpdatedAt":"today"})";
    gateway_.adapters["long-name"] = R"({"name":"long-name","url":"http://h/","replicaCount":1})";
    const Outcome outcome = adapters({"list"});
    EXPECT_EQ(outcome.out,
              "NAME       SOURCE     TRANSPORT  REPLICAS  CREATED BY  UPDATED\n"
              "a          run it     stdio      2         me          today\n"
              "long-name  http://h/  -          1         -           -\n");
    const auto document = parse_json_tree(adapters({"list", "--json"}).out);
    ASSERT_TRUE(document.has_value());
    EXPECT_EQ(document->items.size(), 2U);
}

TEST_F(AdaptersTest, get_status_and_delete_speak_of_one_adapter) {
    gateway_.adapters["x"] = R"({"name":"x","command":["run","it"],"tenant":""})";
    EXPECT_EQ(adapters({"get", "x"}).out, "FIELD    VALUE\nname     x\ncommand  run it\n");
    EXPECT_EQ(parse_json_tree(adapters({"--json", "get", "x"}).out)->string_or("name", ""), "x");
    const Outcome status = adapters({"status", "x"});
    EXPECT_EQ(status.out,
              "Degraded: 1/2 ready\nready 1, updated 2, available 1\n\n"
              "INSTANCE  READY  ADDRESS      RESTARTS  SINCE  REASON\n"
              "x-0       true   127.0.0.1:9  0         now    -\n"
              "x-1       false  -            3         -      exited?[31m\n");
    EXPECT_EQ(adapters({"delete", "x"}).out, "deleted x\n");
    const Outcome missing = adapters({"delete", "x"});
    EXPECT_EQ(missing.status, 1);
    EXPECT_EQ(missing.err, "mcp-gateway: the gateway answers 404 Not Found: no adapter x\n");
}

TEST_F(AdaptersTest, tools_have_the_same_verbs_in_their_own_collection) {
    EXPECT_EQ(tools({"list"}).out, "no tools\n");
    EXPECT_EQ(gateway_.last_target, "/tools");
    const std::string path = file(
        R"([{"name": "x", "command": ["a"], "toolDefinition": {"path": "/go", "port": 9000,
            "tool": {"name": "x", "n": 12345678901234567890, "inputSchema":
            {"type": "object"}}}}])");
    EXPECT_EQ(tools({"apply", "-f", path}).out, "x created\n");
    EXPECT_EQ(gateway_.last_target, "/tools");
    EXPECT_TRUE(gateway_.adapters["x"].contains("12345678901234567890"));
    EXPECT_EQ(tools({"apply", "-f", path}).out, "x unchanged\n");
    EXPECT_EQ(gateway_.last_target, "/tools/x");
    EXPECT_EQ(tools({"list"}).out,
              "NAME  SOURCE  CALLED AT  REPLICAS  CREATED BY  UPDATED\n"
              "x     a       :9000/go   -         -           -\n");
    EXPECT_EQ(tools({"get", "x"}).status, 0);
    EXPECT_EQ(tools({"status", "x"}).status, 0);
    EXPECT_EQ(gateway_.last_target, "/tools/x/status");
    EXPECT_EQ(tools({"logs", "x"}).out, "one\ntwo\n");
    EXPECT_EQ(gateway_.last_target, "/tools/x/logs");
    EXPECT_EQ(tools({"delete", "x"}).out, "deleted x\n");
    EXPECT_EQ(tools({"apply", "-f", file("[{}]")}).status, 2);
    EXPECT_TRUE(tools({"apply", "-f", file("[{}]")}).err.contains("a tool is an object"));
}

TEST_F(AdaptersTest, status_tells_what_is_wrong_beside_what_is_ready) {
    gateway_.adapters["x"] = "{}";
    const std::string conditions =
        R"("conditions":[{"type":"Ready","status":"True","reason":"Available","message":"1 of 1"},
        {"type":"Degraded","status":"True","reason":"InstanceFailing","message":"x-0: gone",
        "lastTransitionTime":"then"}])";
    const std::string counts = R"("readyReplicas":1,"updatedReplicas":0,"availableReplicas":1,)";
    gateway_.statuses = {"{" + counts + R"("replicaStatus":"Healthy",)" + conditions + "}"};
    EXPECT_EQ(adapters({"status", "x"}).out,
              "Healthy\nready 1, updated 0, available 1\n"
              "degraded since then: x-0: gone (InstanceFailing)\n");
    gateway_.statuses = {"{" + counts + R"("replicaStatus":"Degraded: 0/1 ready, x-0: gone",)" +
                         conditions + "}"};
    EXPECT_EQ(adapters({"status", "x"}).out,
              "Degraded: 0/1 ready, x-0: gone\nready 1, updated 0, available 1\n");
}

constexpr const char* kStarting =
    R"({"readyReplicas":0,"updatedReplicas":1,"desiredReplicas":1,"version":2,"observedVersion":2,
        "replicaStatus":"Degraded: 0/1 ready","instances":[
        {"name":"x-0","ready":false,"reason":"starting"}]})";
constexpr const char* kHealthy =
    R"({"readyReplicas":1,"updatedReplicas":1,"desiredReplicas":1,"version":2,"observedVersion":2,
        "replicaStatus":"Healthy","instances":[{"name":"x-0","ready":true,"reason":"ready"}]})";

TEST_F(AdaptersTest, apply_can_wait_and_shows_each_change_once) {
    gateway_.statuses = {kStarting, kStarting, "down", kHealthy};
    const std::string path = file(R"({"name": "x", "command": ["a"]})");
    const Outcome outcome = adapters({"apply", "-f", path, "--wait"});
    EXPECT_EQ(outcome.status, 0);
    EXPECT_EQ(outcome.out, "x created\nx ready\n");
    EXPECT_EQ(outcome.err, "x: 0/1 ready, x-0: starting\nthe gateway answers 503: down\n");
    const Outcome json = adapters({"apply", "-f", path, "--wait", "--json"});
    const auto results = parse_json_tree(json.out);
    ASSERT_TRUE(results) << json.out;
    const JsonValue* status = results->items.at(0).find("status");
    ASSERT_NE(status, nullptr);
    EXPECT_EQ(status->string_or("replicaStatus", ""), "Healthy");
}

TEST_F(AdaptersTest, on_a_terminal_progress_is_one_line_that_fits) {
    gateway_.adapters["x"] = R"({"name":"x","command":["run"]})";
    gateway_.statuses = {kStarting, kStarting, kHealthy};
    int master = -1;
    int slave = -1;
    winsize size{};
    size.ws_row = 24;
    size.ws_col = 16;
    ASSERT_EQ(::openpty(&master, &slave, nullptr, nullptr, &size), 0);
    const int kept = ::dup(STDERR_FILENO);
    ::dup2(slave, STDERR_FILENO);
    std::vector<std::string> words = {"adapters", "status",   "x",
                                      "--wait",   "--server", gateway_.url()};
    std::vector<char*> argv;
    for (std::string& word : words)
        argv.push_back(word.data());
    argv.push_back(nullptr);
    testing::internal::CaptureStdout();
    const int status = run_adapters(static_cast<int>(words.size()), argv.data());
    const std::string out = testing::internal::GetCapturedStdout();
    ::dup2(kept, STDERR_FILENO);
    ::close(kept);
    ::close(slave);
    // What was written arrives in pieces, and an error comes after the last.
    std::string shown;
    std::array<char, 256> piece{};
    for (ssize_t count = 0; (count = ::read(master, piece.data(), piece.size())) > 0;)
        shown.append(piece.data(), static_cast<std::size_t>(count));
    ::close(master);
    EXPECT_EQ(status, 0);
    EXPECT_TRUE(out.starts_with("Healthy\n")) << out;
    EXPECT_EQ(shown, "\r\x1b[Kx: 0/1 ready, x\r\x1b[K");
}

TEST_F(AdaptersTest, who_waits_too_long_is_told_why) {
    gateway_.statuses = {kStarting};
    const std::string path = file(R"({"name": "x", "command": ["a"]})");
    const Outcome outcome = adapters({"apply", "-f", path, "--wait", "--timeout", "0"});
    EXPECT_EQ(outcome.status, 1);
    EXPECT_EQ(outcome.out, "x created\n");
    EXPECT_EQ(outcome.err,
              "mcp-gateway: x is not ready after 0 s: x: 0/1 ready, x-0: starting\n"
              "  x-0: starting\n");
    const Outcome json = adapters({"status", "x", "--wait", "--timeout", "0s", "--json"});
    EXPECT_EQ(json.status, 1);
    EXPECT_TRUE(parse_json_tree(json.out)->string_or("replicaStatus", "").starts_with("Degraded"));
}

TEST_F(AdaptersTest, status_can_wait_too_but_not_for_what_is_not_there) {
    gateway_.adapters["x"] = R"({"name":"x","command":["run"]})";
    gateway_.statuses = {kStarting, kHealthy};
    const Outcome outcome = adapters({"status", "x", "--wait", "--timeout", "5m"});
    EXPECT_EQ(outcome.status, 0);
    EXPECT_TRUE(outcome.out.starts_with("Healthy\n")) << outcome.out;
    const Outcome missing = adapters({"status", "y", "--wait"});
    EXPECT_EQ(missing.status, 1);
    EXPECT_EQ(missing.out, "");
    EXPECT_TRUE(missing.err.contains("404")) << missing.err;
}

TEST_F(AdaptersTest, names_cannot_leave_their_path_segment) {
    EXPECT_EQ(adapters({"get", "../x?y=z"}).status, 1);
    EXPECT_EQ(gateway_.last_target, "/adapters/%2E%2E%2Fx%3Fy%3Dz");
}

TEST_F(AdaptersTest, logs_are_passed_on_as_they_come) {
    const Outcome outcome = adapters({"logs", "x", "--instance", "2", "--tail", "5", "--since",
                                      "2026-01-01T00:00:00Z", "--follow", "--previous"});
    EXPECT_EQ(outcome.status, 0);
    EXPECT_EQ(outcome.out, "one\ntwo\n");
    EXPECT_EQ(gateway_.last_target,
              "/adapters/x/logs?instance=2&tail=5&since=2026-01-01T00%3A00%3A00Z&follow=true"
              "&previous=true");
}

TEST_F(AdaptersTest, identity_travels_in_headers) {
    EXPECT_EQ(adapters({"list", "--as", "ann", "--roles", "a,b", "--token", "t"}).status, 0);
    EXPECT_EQ(gateway_.last_user, "ann");
    EXPECT_EQ(gateway_.last_roles, "a,b");
    EXPECT_EQ(gateway_.last_token, "Bearer t");
    const Outcome split = adapters({"list", "--as", "ann\r\nX-Evil: 1"});
    EXPECT_EQ(split.status, 2);
    EXPECT_TRUE(split.err.contains("control characters"));
}

TEST_F(AdaptersTest, an_unreachable_gateway_is_a_sentence_with_advice) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);  // bound, does not listen
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    ASSERT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), size), 0);
    ASSERT_EQ(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size), 0);
    const std::string url = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
    const Outcome outcome = run(run_adapters, {"adapters", "list", "--server", url});
    ::close(fd);
    EXPECT_EQ(outcome.status, 1);
    EXPECT_TRUE(outcome.err.contains("cannot reach a gateway at " + url)) << outcome.err;
    EXPECT_TRUE(outcome.err.contains("mcp-gateway up")) << outcome.err;
}

TEST_F(AdaptersTest, wrong_usage_is_status_2) {
    const std::vector<std::vector<std::string>> cases = {
        {},
        {"frobnicate"},
        {"get"},
        {"get", "a", "b"},
        {"apply"},
        {"list", "--no-such"},
        {"logs", "x", "--tail", "many"},
        {"logs", "x", "--tail", "-1"},
        {"status", "x", "--timeout", "5"},
        {"status", "x", "--wait", "--timeout", "5x"},
        {"status", "x", "--wait", "--timeout", "25h"},
        {"delete", "x", "--wait"},
    };
    for (const auto& words : cases)
        EXPECT_EQ(adapters(words).status, 2);
    EXPECT_EQ(run(run_adapters, {"adapters", "list", "--server", "ftp://x"}).status, 2);
}

TEST_F(AdaptersTest, import_reports_each_server_and_goes_on_after_a_bad_one) {
    const std::string path = file(R"({"mcpServers": {"One": {"command": "a"},
        "bad": {"command": "${NO_SUCH_VARIABLE_HERE}"}, "off": {"command": "b", "disabled": true},
        "two": {"url": "http://127.0.0.1:1/mcp"}}})");
    const Outcome outcome = import({path});
    EXPECT_EQ(outcome.status, 2);
    EXPECT_EQ(outcome.out,
              "One created (named one)\nbad not imported: see above\noff disabled\ntwo created\n");
    EXPECT_TRUE(
        outcome.err.contains("file.json:2:28: server 'bad': command: the environment "
                             "variable NO_SUCH_VARIABLE_HERE is not set"))
        << outcome.err;
    EXPECT_EQ(gateway_.adapters.size(), 2U);
    EXPECT_TRUE(import({path}).out.starts_with("One unchanged"));
}

TEST_F(AdaptersTest, import_can_show_what_it_would_do) {
    const std::string path = file(R"({"mcpServers": {"x": {"command": "a"}}})");
    const Outcome outcome = import({path, "--dry-run"});
    EXPECT_EQ(outcome.status, 0);
    EXPECT_EQ(to_json(*parse_json_tree(outcome.out)),
              R"([{"name":"x","command":["a"],"transport":"stdio"}])");
    EXPECT_EQ(gateway_.writes, 0);
}

TEST_F(AdaptersTest, the_address_can_differ_from_the_name) {
    const std::string address = gateway_.url().substr(7);
    EXPECT_EQ(run(run_adapters,
                  {"adapters", "list", "--server", "http://localhost:1", "--connect-to", address})
                  .status,
              0);
}

TEST(ProblemOf, answers_that_are_no_problem_documents_are_shown_safely) {
    const auto sentence = [](std::string body) {
        Response response;
        response.status = 502;
        response.body = std::move(body);
        return to_text(problem_of(response));
    };
    EXPECT_EQ(sentence(""), "the gateway answers 502");
    EXPECT_EQ(sentence("bad\x1b[0m\n"), "the gateway answers 502: bad [0m");
    EXPECT_EQ(sentence(R"({"error":{"code":-32603,"message":"no control plane"}})"),
              "the gateway answers 502: no control plane");
    EXPECT_EQ(sentence(R"({"title":"T","detail":"D","errors":{"a":["1","2"],"b":"3"}})"),
              "the gateway answers 502 T: D\n  a: 1\n  a: 2\n  b: 3");
    EXPECT_EQ(sentence("[1]"), "the gateway answers 502: [1]");
    EXPECT_LT(sentence(std::string(100'000, 'x')).size(), 1000U);
}

TEST(Table, columns_align_by_characters_and_nothing_steers_the_terminal) {
    Table table({"A", "B"});
    table.add({"é", "x"});
    table.add({"long", ""});
    table.add({"a\tb\x7f", "\xC2\x9Bm"});
    EXPECT_EQ(table.text(), "A     B\né     x\nlong  -\na?b?  ?m\n");
}

}  // namespace
}  // namespace mcpgw::cli
