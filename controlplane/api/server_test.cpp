// The management API through a real HTTP client over its Unix socket, on a real store; what runs
// servers is played by the test.
#include "controlplane/api/server.h"

#include <condition_variable>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <thread>

#include <gtest/gtest.h>
#include <httplib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/limits.h"
#include "controlplane/model/json.h"
#include "controlplane/store/sqlite_store.h"

namespace mcpgw::api {
namespace {

constexpr const char* kJson = "application/json";

class ApiTest : public testing::Test {
  protected:
    void SetUp() override {
        std::string name = testing::TempDir() + "mcpgw_api_XXXXXX";
        ASSERT_NE(::mkdtemp(name.data()), nullptr);
        directory_ = name;
        path_ = directory_ + "/api.sock";
        auto store = store::SqliteStore::open(directory_ + "/store.db");
        ASSERT_TRUE(store) << store.error().detail;
        store_ = std::move(*store);
        start({});
    }
    void TearDown() override {
        server_.reset();
        store_.reset();
        std::filesystem::remove_all(directory_);
    }

    void start(identity::AccessRules access) {
        server_.reset();
        auto server = ApiServer::open(path_, services(std::move(access)));
        ASSERT_TRUE(server) << server.error().detail;
        server_ = std::move(*server);
        server_->start();
    }
    Services services(identity::AccessRules access) {
        Services result;
        result.store = store_.get();
        result.access_store = store_.get();
        result.access_changed = [] {};
        result.observations = &observations_;
        result.wake = [this](std::string_view name) {
            const std::scoped_lock lock(mutex_);
            woken_.emplace_back(name);
        };
        result.logs = std::bind_front(&ApiTest::logs, this);
        result.access = std::move(access);
        result.sessions.processes = [] { return std::vector<std::string>{"p1"}; };
        result.sessions.page = [](const auto&, const auto& query, Nanos) {
            return contract::SessionsPage{0, {{"s1", "a", "a-0", query.user, "", 0, 0, 0, 0}}, 0};
        };
        using Ended = contract::SessionEnded;
        result.sessions.end = [](auto&&, auto&& e) { return Ended{0, e.user == "alice"}; };
        return result;
    }
    // Instance 0 exists. Following, it says "live" and then nothing until its reader goes.
    Result<> logs(const model::Adapter& adapter, const deploy::LogQuery& query,
                  const deploy::LogSink& sink) {
        if (query.instance > 0)
            return failure(Code::not_found, adapter.name + " has no such instance");
        if (!query.follow) {
            static_cast<void>(sink("tail " + std::to_string(query.tail) + "\n"));
            return {};
        }
        bool goes_on = sink("live\n");
        while (goes_on) {
            goes_on = sink("");
            std::this_thread::yield();
        }
        const std::scoped_lock lock(mutex_);
        ++streams_ended_;
        changed_.notify_all();
        return {};
    }

    httplib::Headers as(const std::string& user, const std::string& roles = "") const {
        return {{"X-Mcp-UserId", user}, {"X-Mcp-Roles", roles}};
    }
    httplib::Client client() const {
        httplib::Client result(path_);
        result.set_address_family(AF_UNIX);
        return result;
    }
    httplib::Response get(const std::string& path, const httplib::Headers& headers) {
        return taken(client().Get(path, headers));
    }
    httplib::Response post(const std::string& body, const httplib::Headers& headers) {
        return taken(client().Post("/adapters", headers, body, kJson));
    }
    httplib::Response put(const std::string& path, const std::string& body,
                          const httplib::Headers& headers) {
        return taken(client().Put(path, headers, body, kJson));
    }
    httplib::Response remove(const std::string& path, const httplib::Headers& headers) {
        return taken(client().Delete(path, headers));
    }
    static httplib::Response taken(httplib::Result&& result) {
        EXPECT_TRUE(result) << httplib::to_string(result.error());
        return result ? std::move(*result) : httplib::Response();
    }
    static picojson::value tree(const httplib::Response& response) {
        auto parsed = model::parse_json(response.body);
        EXPECT_TRUE(parsed) << response.body;
        return parsed ? *parsed : picojson::value();
    }
    static void expect_problem(const httplib::Response& response, int status) {
        EXPECT_EQ(response.status, status) << response.body;
        EXPECT_EQ(response.get_header_value("Content-Type"), "application/problem+json");
        const auto body = tree(response);
        EXPECT_EQ(body.get("status").to_str(), std::to_string(status));
        EXPECT_EQ(body.get("type").to_str(), "about:blank");
        EXPECT_FALSE(body.get("title").to_str().empty());
        EXPECT_FALSE(body.get("detail").to_str().empty());
    }
    static bool names_field(const httplib::Response& response, const std::string& field) {
        return tree(response).get("errors").contains(field);
    }
    static std::string command(const std::string& name, const std::string& more = "") {
        return R"({"name":")" + name + R"(","command":["server"])" + more + "}";
    }
    // Sends raw bytes and returns everything that comes back.
    std::string raw(const std::string& bytes) const {
        const int socket = connect_raw();
        EXPECT_EQ(::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL),
                  static_cast<ssize_t>(bytes.size()));
        std::string answer;
        char buffer[4096];
        for (ssize_t count = 0; (count = ::recv(socket, buffer, sizeof(buffer), 0)) > 0;)
            answer.append(buffer, static_cast<std::size_t>(count));
        ::close(socket);
        return answer;
    }
    int connect_raw() const {
        const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, path_.data(), path_.size());
        EXPECT_EQ(::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof(address)),
                  0);
        return socket;
    }

    std::string directory_;
    std::string path_;
    std::unique_ptr<store::SqliteStore> store_;
    reconcile::Observations observations_;
    std::unique_ptr<ApiServer> server_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<std::string> woken_;
    int streams_ended_ = 0;
};

TEST_F(ApiTest, post_creates_and_says_where) {
    const auto response = post(command("x", R"(,"replicaCount":2)"), as("alice"));
    EXPECT_EQ(response.status, 201) << response.body;
    EXPECT_EQ(response.get_header_value("Location"), "/adapters/x");
    EXPECT_EQ(response.get_header_value("Content-Type"), kJson);
    const auto body = tree(response);
    EXPECT_EQ(body.get("id").to_str(), "x");
    EXPECT_EQ(body.get("createdBy").to_str(), "alice");
    EXPECT_EQ(body.get("createdAt").to_str(), body.get("lastUpdatedAt").to_str());
    EXPECT_EQ(response.get_header_value("ETag"), "\"" + body.get("version").to_str() + "\"");
    EXPECT_EQ(woken_, std::vector<std::string>{"x"});
    const auto again = get("/adapters/x", as("alice"));
    EXPECT_EQ(again.status, 200);
    EXPECT_EQ(again.body, response.body);
    EXPECT_EQ(get("/adapters/x/", as("alice")).body, response.body);
    const auto audit = store_->audit(std::nullopt, 10);
    ASSERT_EQ(audit->size(), 1U);
    EXPECT_EQ(audit->at(0).actor, "alice");
    EXPECT_EQ(audit->at(0).action, "adapter.create");
    EXPECT_EQ(audit->at(0).resource, "x");
}

TEST_F(ApiTest, bad_bodies_are_refused_and_leave_nothing) {
    expect_problem(post("", as("a")), 400);
    const auto broken = post("{\n  \"name\": oops}", as("a"));
    expect_problem(broken, 400);
    EXPECT_NE(broken.body.find("line 2, column 11"), std::string::npos) << broken.body;
    const auto rules = post(R"({"name":"A","command":["s"],"colour":1,"port":0})", as("a"));
    expect_problem(rules, 400);
    for (const char* field : {"name", "colour", "port"})
        EXPECT_TRUE(names_field(rules, field));
    for (const char* name : {"mcp", "toolgateway", "gateway"})
        EXPECT_TRUE(names_field(post(command(name), as("a")), "name"));
    expect_problem(taken(client().Post("/adapters", as("a"), command("x"), "text/plain")), 415);
    expect_problem(taken(client().Post("/adapters", as("a"), command("x"), "application/jsonx")),
                   415);
    EXPECT_EQ(
        taken(client().Post("/adapters", as("a"), command("x"), "Application/JSON; charset=utf-8"))
            .status,
        201);
    expect_problem(post(command("x"), as("b")), 409);
    EXPECT_EQ(store_->list({}, "", 10)->size(), 1U);
    EXPECT_EQ(woken_.size(), 1U);
}

TEST_F(ApiTest, a_body_over_the_limit_is_413) {
    const std::string padding(1024 * 1024, ' ');
    expect_problem(post(command("x") + padding, as("a")), 413);
    std::string chunked =
        "POST /adapters HTTP/1.1\r\nHost: x\r\nX-Mcp-UserId: a\r\n"
        "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (int i = 0; i < 17; ++i)
        chunked += "10000\r\n" + std::string(65536, ' ') + "\r\n";
    EXPECT_TRUE(raw(chunked + "0\r\n\r\n").starts_with("HTTP/1.1 413 "));
    EXPECT_EQ(post(command("x") + std::string(1000 * 1000, ' '), as("a")).status, 201);
}

TEST_F(ApiTest, what_nothing_here_can_run_is_422_with_a_sentence) {
    const auto image = post(R"({"name":"x","imageName":"a","imageVersion":"1"})", as("a"));
    expect_problem(image, 422);
    EXPECT_NE(image.body.find("kubernetes"), std::string::npos);
    EXPECT_EQ(post(R"({"name":"x","url":"http://h/mcp"})", as("a")).status, 201);
}

TEST_F(ApiTest, nobody_is_401) {
    expect_problem(get("/adapters", {}), 401);
    expect_problem(get("/nowhere", {}), 401);
    expect_problem(post(command("x"), {{"X-Mcp-Roles", "mcp.admin"}}), 401);
    expect_problem(get("/adapters", {{"X-Mcp-UserId", "a"}, {"X-Mcp-UserId", "b"}}), 401);
    expect_problem(get("/adapters",
                       {{"X-Mcp-UserId", "a"}, {"X-Mcp-Roles", "r"}, {"X-Mcp-Roles", "mcp.admin"}}),
                   401);
}

TEST_F(ApiTest, a_percent_sign_in_a_name_is_just_that) {
    EXPECT_EQ(post(command("x"), as("alice")).status, 201);
    EXPECT_EQ(get("/adapters/x", as("%61lice")).status, 404);
    const auto mine = post(command("y"), as("100%25"));
    EXPECT_EQ(tree(mine).get("createdBy").to_str(), "100%25");
    EXPECT_EQ(get("/adapters/y", as("100%")).status, 404);
    EXPECT_EQ(get("/adapters/x", as("bob", "mcp%2eadmin")).status, 404);
}

TEST_F(ApiTest, access_is_by_creator_role_and_administrator) {
    ASSERT_EQ(post(command("x", R"(,"requiredRoles":["eng"],"environmentVariables":{"K":"v"})"
                                R"(,"requestHeaders":{"A":"w"})"),
                   as("alice"))
                  .status,
              201);
    const std::string body = command("x");
    struct Case {
        httplib::Headers who;
        int read;
        int write;
        const char* value;
    };
    const Case cases[] = {{as("alice"), 200, 200, "v"},
                          {as("root", "MCP.Admin"), 200, 200, "v"},
                          {as("bob", "ENG"), 200, 403, "***"},
                          {as("bob"), 404, 404, ""}};
    for (const Case& c : cases) {
        const auto found = get("/adapters/x", c.who);
        EXPECT_EQ(found.status, c.read);
        if (c.read == 200) {
            EXPECT_EQ(tree(found).get("environmentVariables").get("K").to_str(), c.value);
            EXPECT_EQ(tree(found).get("requestHeaders").get("A").to_str(),
                      std::string(c.value) == "v" ? "w" : "***");
        }
        EXPECT_EQ(get("/adapters/x/status", c.who).status, c.read);
        EXPECT_EQ(get("/adapters/x/logs", c.who).status, c.read);
        const auto list = tree(get("/adapters", c.who));
        EXPECT_EQ(list.get<picojson::array>().size(), c.read == 200 ? 1U : 0U);
        if (c.write != 200) {
            expect_problem(put("/adapters/x", body, c.who), c.write);
            expect_problem(remove("/adapters/x", c.who), c.write);
        }
    }
    // Not there and not allowed to see look the same.
    EXPECT_EQ(get("/adapters/x", as("bob")).body.size(), get("/adapters/y", as("bob")).body.size());
    EXPECT_EQ(put("/adapters/x", body, as("root", "mcp.admin")).status, 200);
    EXPECT_EQ(tree(get("/adapters/x", as("alice"))).get("createdBy").to_str(), "alice");
    EXPECT_EQ(remove("/adapters/x", as("root", "mcp.admin")).status, 204);
}

TEST_F(ApiTest, creating_and_workload_identity_can_need_roles) {
    identity::AccessRules access;
    access.create_roles = {"creator"};
    start(access);
    expect_problem(post(command("x"), as("bob")), 403);
    const std::string identity = R"(,"useWorkloadIdentity":true)";
    expect_problem(post(command("x", identity), as("bob", "creator")), 403);
    EXPECT_TRUE(store_->list({}, "", 1)->empty());
    EXPECT_EQ(post(command("x"), as("bob", "Creator")).status, 201);
    EXPECT_EQ(post(command("y", identity), as("root", "mcp.admin")).status, 201);
    const auto toggled = put("/adapters/y", command("y"), as("root", "mcp.admin"));
    expect_problem(toggled, 400);
    EXPECT_TRUE(names_field(toggled, "useWorkloadIdentity"));
}

TEST_F(ApiTest, put_replaces_everything) {
    const auto first = tree(post(command("x", R"(,"description":"d","replicaCount":3)"), as("a")));
    const auto response = put("/adapters/x", command("x", R"(,"aggregate":true)"), as("a"));
    EXPECT_EQ(response.status, 200);
    const auto second = tree(response);
    EXPECT_EQ(second.get("description").to_str(), "");
    EXPECT_EQ(second.get("replicaCount").to_str(), "1");
    EXPECT_EQ(second.get("createdAt").to_str(), first.get("createdAt").to_str());
    EXPECT_NE(second.get("version").to_str(), first.get("version").to_str());
    EXPECT_EQ(woken_.size(), 2U);
    expect_problem(put("/adapters/y", command("y"), as("a")), 404);
    const auto mismatch = put("/adapters/x", command("y"), as("a"));
    expect_problem(mismatch, 400);
    EXPECT_TRUE(names_field(mismatch, "name"));
    expect_problem(put("/adapters/x", "[]", as("a")), 400);
    // What GET gave can be PUT.
    EXPECT_EQ(put("/adapters/x", response.body, as("a")).status, 200);
}

TEST_F(ApiTest, if_match_guards_put_and_delete) {
    const auto old_tag = post(command("x"), as("a")).get_header_value("ETag");
    const auto with = [this](const std::string& tags) {
        auto headers = as("a");
        headers.emplace("If-Match", tags);
        return headers;
    };
    const auto changed = put("/adapters/x", command("x"), with(old_tag));
    EXPECT_EQ(changed.status, 200);
    const auto new_tag = changed.get_header_value("ETag");
    expect_problem(put("/adapters/x", command("x"), with(old_tag)), 412);
    expect_problem(put("/adapters/x", command("x"), with("W/" + new_tag)), 412);
    expect_problem(put("/adapters/x", command("x"), with("nonsense")), 400);
    expect_problem(remove("/adapters/x", with(old_tag)), 412);
    EXPECT_EQ(put("/adapters/x", command("x"), with("*")).status, 200);
    const auto last_tag = get("/adapters/x", as("a")).get_header_value("ETag");
    EXPECT_EQ(remove("/adapters/x", with(old_tag + ", " + last_tag)).status, 204);
    expect_problem(remove("/adapters/x", with("*")), 404);
}

TEST_F(ApiTest, delete_without_any_body_header_is_answered_at_once) {
    ASSERT_EQ(post(command("x"), as("a")).status, 201);
    const auto answer = raw("DELETE /adapters/x HTTP/1.1\r\nHost: x\r\nX-Mcp-UserId: a\r\n\r\n");
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 204 ")) << answer;
    EXPECT_EQ(answer.find("Content-Length"), std::string::npos) << answer;
    EXPECT_EQ(store_->get("x").error().code, Code::not_found);
    EXPECT_EQ(store_->audit(std::nullopt, 1)->at(0).action, "adapter.remove");
}

TEST_F(ApiTest, sessions_are_listed_and_ended_for_whom_they_belong_to) {
    const std::string list = get("/sessions", as("alice")).body;
    EXPECT_TRUE(list.contains(R"("p1-s1")") && list.contains(R"("alice")")) << list;
    EXPECT_EQ(remove("/sessions/p1-s1", as("alice")).status, 204);
    expect_problem(remove("/sessions/p1-s1", as("bob")), 404);
}

TEST_F(ApiTest, paths_and_methods_that_are_not_there_say_so) {
    for (const char* path :
         {"/", "/toolsx", "/tenantsx", "/tokensx", "/sessionsx", "/adapter", "/adaptersx",
          "/adapters/x/y", "/adapters/x/status/z", "/adapters//status", "/adapters/x%0a/status"})
        expect_problem(get(path, as("a")), 404);
    struct Case {
        const char* method;
        const char* path;
        const char* allow;
    };
    const Case cases[] = {{"DELETE", "/adapters", "GET, HEAD, POST"},
                          {"PUT", "/adapters", "GET, HEAD, POST"},
                          {"OPTIONS", "/adapters", "GET, HEAD, POST"},
                          {"TRACE", "/adapters/x", "GET, HEAD, PUT, DELETE"},
                          {"POST", "/adapters/x", "GET, HEAD, PUT, DELETE"},
                          {"PATCH", "/adapters/x", "GET, HEAD, PUT, DELETE"},
                          {"POST", "/adapters/x/status", "GET, HEAD"},
                          {"DELETE", "/adapters/x/logs", "GET, HEAD"}};
    for (const Case& c : cases) {
        const auto answer = raw(std::string(c.method) + " " + c.path +
                                " HTTP/1.1\r\nHost: x\r\nX-Mcp-UserId: a\r\n\r\n");
        EXPECT_TRUE(answer.starts_with("HTTP/1.1 405 ")) << c.method << c.path << answer;
        EXPECT_NE(answer.find(std::string("\r\nAllow: ") + c.allow + "\r\n"), std::string::npos)
            << answer;
    }
    for (const char* line : {"FOO /adapters HTTP/1.1", "garbage", "GET /adapters HTTP/9.9"}) {
        const auto answer = raw(std::string(line) + "\r\nX-Mcp-UserId: a\r\n\r\n");
        EXPECT_TRUE(answer.starts_with("HTTP/1.1 400 ")) << line << answer;
    }
}

TEST_F(ApiTest, lists_are_paged_with_links) {
    for (const char* name : {"a", "b", "c", "d", "e"})
        ASSERT_EQ(post(command(name), as(name == std::string("c") ? "bob" : "alice")).status, 201);
    std::string names;
    std::string path = "/adapters?limit=2";
    int pages = 0;
    while (!path.empty()) {
        const auto page = get(path, as("alice"));
        ASSERT_EQ(page.status, 200) << page.body;
        const auto items = tree(page);
        for (const auto& item : items.get<picojson::array>())
            names += item.get("name").to_str();
        const std::string link = page.get_header_value("Link");
        ++pages;
        path.clear();
        if (link.empty()) continue;
        ASSERT_TRUE(link.ends_with(">; rel=\"next\"")) << link;
        path = link.substr(1, link.find('>') - 1);
    }
    EXPECT_EQ(names, "abde");
    EXPECT_EQ(pages, 2);
    expect_problem(get("/adapters?limit=0", as("alice")), 400);
    expect_problem(get("/adapters?limit=1001", as("alice")), 400);
    expect_problem(get("/adapters?cursor=!", as("alice")), 400);
}

TEST_F(ApiTest, head_is_get_without_the_body) {
    ASSERT_EQ(post(command("x"), as("a")).status, 201);
    const auto full = get("/adapters/x", as("a"));
    const auto head = taken(client().Head("/adapters/x", as("a")));
    EXPECT_EQ(head.status, 200);
    EXPECT_EQ(head.get_header_value("ETag"), full.get_header_value("ETag"));
    EXPECT_EQ(head.body, "");
    EXPECT_TRUE(raw("HEAD /adapters/x/logs?follow=true HTTP/1.1\r\nX-Mcp-UserId: a\r\n\r\n")
                    .starts_with("HTTP/1.1 200 "));
}

TEST_F(ApiTest, ranges_and_encodings_do_not_change_answers) {
    ASSERT_EQ(post(command("x"), as("a")).status, 201);
    const auto full = get("/adapters/x", as("a"));
    auto headers = as("a");
    headers.emplace("Range", "bytes=1-3");
    headers.emplace("Accept-Encoding", "gzip, br");
    const auto again = get("/adapters/x", headers);
    EXPECT_EQ(again.status, 200);
    EXPECT_EQ(again.body, full.body);
    EXPECT_FALSE(again.has_header("Content-Encoding"));
    const httplib::MultipartFormDataItems items = {{"name", "x", "", ""}};
    expect_problem(taken(client().Post("/adapters", as("a"), items)), 415);
}

TEST_F(ApiTest, status_shows_what_was_observed) {
    ASSERT_EQ(post(command("x"), as("a")).status, 201);
    EXPECT_EQ(tree(get("/adapters/x/status", as("a"))).get("replicaStatus").to_str(),
              "Degraded: 0/1 ready, waiting to be started");
    deploy::InstanceStatus instance;
    instance.name = "x-0";
    instance.ready = true;
    observations_.set("x", {instance});
    const auto status = tree(get("/adapters/x/status", as("a")));
    EXPECT_EQ(status.get("replicaStatus").to_str(), "Healthy");
    EXPECT_EQ(status.get("instances").get(0).get("name").to_str(), "x-0");
    expect_problem(get("/adapters/y/status", as("a")), 404);
}

TEST_F(ApiTest, logs_are_plain_text) {
    ASSERT_EQ(post(command("x"), as("a")).status, 201);
    const auto logs = get("/adapters/x/logs?tail=7", as("a"));
    EXPECT_EQ(logs.status, 200);
    EXPECT_EQ(logs.body, "tail 7\n");
    EXPECT_EQ(logs.get_header_value("Content-Type"), "text/plain; charset=utf-8");
    expect_problem(get("/adapters/x/logs?instance=1", as("a")), 404);
    expect_problem(get("/adapters/x/logs?instance=1&follow=true", as("a")), 404);
    const auto wrong = get("/adapters/x/logs?instance=-1&follow=perhaps", as("a"));
    expect_problem(wrong, 400);
    EXPECT_TRUE(names_field(wrong, "instance"));
    EXPECT_TRUE(names_field(wrong, "follow"));
}

TEST_F(ApiTest, a_followed_log_ends_when_its_reader_goes) {
    ASSERT_EQ(post(command("x"), as("a")).status, 201);
    std::string seen;
    const auto result =
        client().Get("/adapters/x/logs?follow=true", as("a"), [&](const char* text, size_t size) {
            seen.append(text, size);
            return false;  // closes the connection
        });
    EXPECT_FALSE(result);
    EXPECT_EQ(seen, "live\n");
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(
        changed_.wait_for(lock, std::chrono::seconds(20), [this] { return streams_ended_ == 1; }));
}

TEST_F(ApiTest, stopping_ends_streams_and_idle_connections) {
    ASSERT_EQ(post(command("x"), as("a")).status, 201);
    const int idle = connect_raw();
    std::thread reader([this] {
        const auto result =
            client().Get("/adapters/x/logs?follow=true", as("a"), [this](const char*, size_t) {
                const std::scoped_lock lock(mutex_);
                ++streams_ended_;  // here: one has begun
                changed_.notify_all();
                return true;
            });
        static_cast<void>(result);
    });
    {
        std::unique_lock lock(mutex_);
        ASSERT_TRUE(changed_.wait_for(lock, std::chrono::seconds(20),
                                      [this] { return streams_ended_ > 0; }));
    }
    const auto begin = std::chrono::steady_clock::now();
    server_->stop();
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
    reader.join();
    ::close(idle);
}

TEST_F(ApiTest, too_many_log_streams_are_refused_and_others_go_on) {
    ASSERT_EQ(post(command("x"), as("a")).status, 201);
    std::vector<int> sockets;
    for (std::size_t i = 0; i < limits::log_streams_max; ++i) {
        const int socket = connect_raw();
        const std::string request =
            "GET /adapters/x/logs?follow=true HTTP/1.1\r\nX-Mcp-UserId: a\r\n\r\n";
        ASSERT_GT(::send(socket, request.data(), request.size(), MSG_NOSIGNAL), 0);
        std::string answer;
        char byte = 0;
        while (answer.find("live") == std::string::npos && ::recv(socket, &byte, 1, 0) == 1)
            answer.push_back(byte);
        ASSERT_NE(answer.find("live"), std::string::npos) << answer;
        sockets.push_back(socket);
    }
    expect_problem(get("/adapters/x/logs?follow=true", as("a")), 503);
    EXPECT_EQ(get("/adapters/x/logs", as("a")).status, 200);
    for (const int socket : sockets)
        ::close(socket);
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, std::chrono::seconds(20), [this] {
        return streams_ended_ == static_cast<int>(limits::log_streams_max);
    }));
}

TEST_F(ApiTest, changes_at_the_same_time_are_all_made) {
    ASSERT_EQ(post(command("x"), as("a")).status, 201);
    std::vector<std::thread> threads;
    std::atomic<int> good = 0;
    for (int i = 0; i < 4; ++i)
        threads.emplace_back([this, &good] {
            for (int n = 0; n < 10; ++n)
                good += put("/adapters/x", command("x"), as("a")).status == 200 ? 1 : 0;
        });
    for (std::thread& thread : threads)
        thread.join();
    EXPECT_EQ(good, 40);
    EXPECT_EQ(store_->audit(std::nullopt, 100)->size(), 41U);
}

TEST_F(ApiTest, the_socket_is_private_and_goes_with_the_server) {
    struct stat status{};
    ASSERT_EQ(::stat(path_.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600U);
    server_.reset();
    EXPECT_NE(::stat(path_.c_str(), &status), 0);
}

TEST_F(ApiTest, a_stale_socket_is_replaced_and_a_live_one_is_not) {
    const auto second = ApiServer::open(path_, services({}));
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, Code::address_in_use);
    EXPECT_EQ(get("/adapters", as("a")).status, 200);

    const std::string stale = directory_ + "/stale.sock";
    const int socket = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, stale.data(), stale.size());
    ASSERT_EQ(::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    ::close(socket);
    EXPECT_TRUE(ApiServer::open(stale, services({})));

    const std::string file = directory_ + "/file";
    std::ofstream(file) << "precious";
    EXPECT_EQ(ApiServer::open(file, services({})).error().code, Code::conflict);
    EXPECT_TRUE(std::filesystem::exists(file));
    EXPECT_FALSE(ApiServer::open(directory_ + "/" + std::string(120, 'a'), services({})));
    EXPECT_FALSE(ApiServer::open(directory_ + "/none/api.sock", services({})));
}

TEST_F(ApiTest, a_broken_store_is_an_error_not_an_empty_list) {
    ASSERT_EQ(post(command("x"), as("a")).status, 201);
    {
        auto database = store::Database::open(directory_ + "/store.db");
        ASSERT_TRUE(database);
        ASSERT_TRUE((*database)->execute("UPDATE adapters SET document = '{}'"));
    }
    expect_problem(get("/adapters", as("a")), 503);
    const auto one = get("/adapters/x", as("a"));
    expect_problem(one, 503);
    EXPECT_EQ(one.body.find(directory_), std::string::npos);  // paths are for the log
}

}  // namespace
}  // namespace mcpgw::api
