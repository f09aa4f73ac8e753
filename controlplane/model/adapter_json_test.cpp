// CONTRACT section 4 as tables: what is good, what is refused, and under which field's name.
#include "controlplane/model/adapter_json.h"

#include <string>

#include <gtest/gtest.h>

#include "controlplane/model/json.h"

namespace mcpgw::model {
namespace {

AdapterReading read(const std::string& text) {
    const auto tree = parse_json(text);
    EXPECT_TRUE(tree) << text << ": " << (tree ? "" : tree.error().detail);
    return read_adapter(tree ? *tree : picojson::value());
}

std::string describe(const FieldErrors& errors) {
    std::string text;
    for (const auto& [field, complaints] : errors)
        for (const std::string& complaint : complaints)
            text += field + " " + complaint + "; ";
    return text;
}

// A body with a url source and one more member.
std::string with(std::string_view member) {
    return R"({"name":"x","url":"http://h:1/mcp",)" + std::string(member) + "}";
}
std::string with_command(std::string_view member) {
    return R"({"name":"x","command":["server"],)" + std::string(member) + "}";
}
std::string with_image(std::string_view member) {
    return R"({"name":"x","imageName":"i","imageVersion":"1",)" + std::string(member) + "}";
}
std::string quoted(std::size_t size) {
    return "\"" + std::string(size, 'a') + "\"";
}

TEST(AdapterJson, the_smallest_bodies_get_the_defaults) {
    const auto reading = read(R"({"name":"x","command":["server","--port","{port}"]})");
    ASSERT_TRUE(reading.errors.empty()) << describe(reading.errors);
    Adapter expected;
    expected.name = expected.id = "x";
    expected.command = {"server", "--port", "{port}"};
    EXPECT_EQ(reading.adapter, expected);
    EXPECT_EQ(reading.adapter.source(), Source::command);
    EXPECT_EQ(reading.adapter.replica_count, 1U);
    EXPECT_EQ(reading.adapter.port, 8000);
    EXPECT_EQ(reading.adapter.path, "/mcp");
    EXPECT_EQ(read(R"({"name":"x","command":["s"],"transport":"sse"})").adapter.path, "/sse");
    EXPECT_EQ(read(R"({"name":"x","command":["s"],"healthCheck":{}})").adapter.health_check,
              HealthCheck{});
}

TEST(AdapterJson, good_values_are_taken) {
    const std::string cases[] = {
        R"({"name":"a","url":"http://h"})",
        R"({"name":"0","url":"https://h/x"})",
        R"({"name":"a--b","url":"http://h"})",
        R"({"name":)" + quoted(50) + R"(,"url":"http://h"})",
        R"({"name":"x","imageName":"team/app","imageVersion":"1.0.0"})",
        R"({"name":"x","imageName":"a.b-c_d","imageVersion":"v1_a"})",
        R"({"name":"x","imageName":"a","imageVersion":)" + quoted(128) + "}",
        with(R"("replicaCount":0)"),
        with(R"("replicaCount":1000)"),
        with(R"("description":"two\nlines \u00e9")"),
        with(R"("environmentVariables":{})"),
        with(R"("environmentVariables":{"A":"","_b.c-d9":"x=\ny"})"),
        with_image(
            R"("environmentVariables":{"A":{"secret":"s"},"B":{"secret":"s.t","key":"k_1"}})"),
        with(R"("requiredRoles":[])"),
        with(R"("requiredRoles":["mcp.engineer","with space"])"),
        with(R"("useWorkloadIdentity":true)"),
        with(R"("transport":"sse")"),
        with(R"("transport":"streamable-http")"),
        with_command(R"("transport":"stdio")"),
        with(R"("port":1,"path":"/")"),
        with(R"("port":65535)"),
        with(R"("port":8e3)"),
        with(R"("affinity":"none")"),
        with(R"("healthCheck":{"path":"/h","intervalMs":100,"timeoutMs":1,"unhealthyAfter":1,)"
             R"("healthyAfter":1})"),
        with(R"("requestHeaders":{"Authorization":"Bearer x","X-Key":{"secret":"KEY"}})"),
        with(R"("timeouts":{"connectMs":0,"firstByteMs":1,"idleMs":2,"sessionIdleSeconds":0})"),
        with(R"("tenant":"acme")"),
        with(R"("aggregate":true)"),
        with(R"("resources":{"cpu":"500m","memory":"256Mi"})"),
        with(R"("resources":{"requests":{"cpu":"0.5"},"limits":{"memory":"1G"}})"),
        with(R"("id":"y","createdBy":"eve","createdAt":"","lastUpdatedAt":"","version":9)"),
    };
    for (const std::string& body : cases) {
        const auto reading = read(body);
        EXPECT_TRUE(reading.errors.empty()) << body << ": " << describe(reading.errors);
    }
}

struct Bad {
    std::string body;
    std::string_view field;
};

void expect_refused(const std::vector<Bad>& cases) {
    for (const Bad& c : cases) {
        const auto reading = read(c.body);
        EXPECT_EQ(reading.errors.size(), 1U) << c.body << ": " << describe(reading.errors);
        EXPECT_TRUE(reading.errors.contains(std::string(c.field)))
            << c.body << ": " << describe(reading.errors);
    }
}

TEST(AdapterJson, bad_names_are_refused) {
    std::vector<Bad> cases = {{R"({"url":"http://h"})", "name"},
                              {R"({"name":7,"url":"http://h"})", "name"},
                              {R"({"name":null,"url":"http://h"})", "name"}};
    for (const std::string_view name : {"", "Invalid Name!", "UPPER", "a_b", "-a", "a-", "-", "a.b",
                                        "a/b", "..", "mcp", "toolgateway", "gateway", "\\u00e9"})
        cases.push_back({R"({"url":"http://h","name":")" + std::string(name) + "\"}", "name"});
    cases.push_back({R"({"url":"http://h","name":)" + quoted(51) + "}", "name"});
    expect_refused(cases);
}

TEST(AdapterJson, bad_images_are_refused) {
    std::vector<Bad> cases;
    for (const std::string_view image : {"", "../x", "a..b", "Foo", "reg:5000/x", "-x", "x-", "a b",
                                         "a__b", "a/", "/a", "a@sha256"})
        cases.push_back(
            {R"({"name":"x","imageVersion":"1","imageName":")" + std::string(image) + "\"}",
             "imageName"});
    for (const std::string_view version : {"", "-1", "a b", ".1", "a:b", "a/b"})
        cases.push_back(
            {R"({"name":"x","imageName":"a","imageVersion":")" + std::string(version) + "\"}",
             "imageVersion"});
    cases.push_back(
        {R"({"name":"x","imageName":"a","imageVersion":)" + quoted(129) + "}", "imageVersion"});
    cases.push_back({R"({"name":"x","imageName":"a"})", "imageVersion"});
    cases.push_back({with(R"("imageVersion":"1")"), "imageVersion"});
    expect_refused(cases);
}

TEST(AdapterJson, exactly_one_source_is_wanted) {
    const auto none = read(R"({"name":"x"})");
    EXPECT_TRUE(none.errors.contains("imageName"));
    EXPECT_TRUE(none.errors.contains("command"));
    EXPECT_TRUE(none.errors.contains("url"));
    const auto two = read(R"({"name":"x","url":"http://h","command":["s"]})");
    EXPECT_TRUE(two.errors.contains("command"));
    EXPECT_TRUE(two.errors.contains("url"));
    EXPECT_FALSE(two.errors.contains("imageName"));
    // A wrong source still counts as the one that was meant.
    expect_refused({{R"({"name":"x","url":5})", "url"},
                    {R"({"name":"x","url":"http://u@h/"})", "url"},
                    {R"({"name":"x","url":"ftp://h/"})", "url"},
                    {R"({"name":"x","url":""})", "url"},
                    {R"({"name":"x","command":"server"})", "command"},
                    {R"({"name":"x","command":[]})", "command"},
                    {R"({"name":"x","command":[""]})", "command"},
                    {R"({"name":"x","command":["a\u0000b"]})", "command"},
                    {R"({"name":"x","command":["a",1]})", "command[1]"}});
}

TEST(AdapterJson, values_of_a_wrong_kind_or_out_of_range_are_refused) {
    expect_refused({
        {with(R"("replicaCount":-1)"), "replicaCount"},
        {with(R"("replicaCount":1001)"), "replicaCount"},
        {with(R"("replicaCount":1.5)"), "replicaCount"},
        {with(R"("replicaCount":1e300)"), "replicaCount"},
        {with(R"("replicaCount":"1")"), "replicaCount"},
        {with(R"("replicaCount":null)"), "replicaCount"},
        {with(R"("description":1)"), "description"},
        {with(R"("description":"\u0007")"), "description"},
        {with(R"("description":)" + quoted(4097)), "description"},
        {with(R"("useWorkloadIdentity":"true")"), "useWorkloadIdentity"},
        {with(R"("requiredRoles":"a")"), "requiredRoles"},
        {with(R"("requiredRoles":["a",""])"), "requiredRoles[1]"},
        {with(R"("requiredRoles":["a,b"])"), "requiredRoles[0]"},
        {with(R"("requiredRoles":[" a"])"), "requiredRoles[0]"},
        {with(R"("requiredRoles":["a\nb"])"), "requiredRoles[0]"},
        {with(R"("requiredRoles":["\u00e9"])"), "requiredRoles[0]"},
        {with(R"("transport":"http")"), "transport"},
        {with(R"("transport":"stdio")"), "transport"},
        {with_command(R"("port":0)"), "port"},
        {with_command(R"("port":65536)"), "port"},
        {with_command(R"("port":-1)"), "port"},
        {with(R"("path":"mcp")"), "path"},
        {with(R"("path":"")"), "path"},
        {with(R"("path":"/a?b")"), "path"},
        {with(R"("path":"/a b")"), "path"},
        {with(R"("affinity":"Session")"), "affinity"},
        {with(R"("tenant":"")"), "tenant"},
        {with(R"("tenant":"a b")"), "tenant"},
        {with(R"("aggregate":1)"), "aggregate"},
    });
}

TEST(AdapterJson, a_variable_that_is_a_secret_is_told_by_its_place) {
    const auto reading = read(with_image(R"("environmentVariables":{"A":"1","B":{"secret":"s"}})"));
    ASSERT_TRUE(reading.errors.empty());
    EXPECT_EQ(reading.adapter.environment_variables.size(), 1U);
    EXPECT_EQ(reading.adapter.secret_variables.at("B"), (SecretKey{"s", "B"}));
    JsonWriter out;
    write_adapter(out, reading.adapter, Audience::reader);
    const std::string text = out.take();
    EXPECT_NE(text.find(R"("environmentVariables":{"A":"***","B":{"secret":"s","key":"B"}})"),
              std::string::npos)
        << text;
    EXPECT_EQ(read(text).adapter.secret_variables, reading.adapter.secret_variables);
}

TEST(AdapterJson, mistakes_inside_objects_are_named_by_their_path) {
    expect_refused({
        {with(R"("environmentVariables":[])"), "environmentVariables"},
        {with(R"("environmentVariables":{"A":1})"), "environmentVariables.A"},
        {with(R"("environmentVariables":{"A":"\u0000"})"), "environmentVariables.A"},
        {with(R"("environmentVariables":{"A=B":"x"})"), "environmentVariables.A=B"},
        {with(R"("environmentVariables":{"1A":"x"})"), "environmentVariables.1A"},
        {with(R"("environmentVariables":{"A":{"secret":"s"}})"), "environmentVariables.A"},
        {with_image(R"("environmentVariables":{"A":{}})"), "environmentVariables.A.secret"},
        {with_image(R"("environmentVariables":{"A":{"secret":"S"}})"),
         "environmentVariables.A.secret"},
        {with_image(R"("environmentVariables":{"A":{"secret":"s","key":"a/b"}})"),
         "environmentVariables.A.key"},
        {with_image(R"("environmentVariables":{"A":{"secret":"s","key":"..a"}})"),
         "environmentVariables.A.key"},
        {with_image(R"("environmentVariables":{"A":{"secret":"s","optional":true}})"),
         "environmentVariables.A.optional"},
        {with(R"("healthCheck":true)"), "healthCheck"},
        {with(R"("healthCheck":{"path":"x"})"), "healthCheck.path"},
        {with(R"("healthCheck":{"intervalMs":99})"), "healthCheck.intervalMs"},
        {with(R"("healthCheck":{"timeoutMs":0})"), "healthCheck.timeoutMs"},
        {with(R"("healthCheck":{"unhealthyAfter":0})"), "healthCheck.unhealthyAfter"},
        {with(R"("healthCheck":{"healthyAfter":0})"), "healthCheck.healthyAfter"},
        {with(R"("healthCheck":{"interval":1})"), "healthCheck.interval"},
        {with(R"("requestHeaders":{"A":1})"), "requestHeaders.A"},
        {with(R"("requestHeaders":{"A":"x\r\ny"})"), "requestHeaders.A"},
        {with(R"("requestHeaders":{"A":" x"})"), "requestHeaders.A"},
        {with(R"("requestHeaders":{"A":"x\ty"})"), "requestHeaders.A"},
        {with(R"("requestHeaders":{"A b":"x"})"), "requestHeaders.A b"},
        {with(R"("requestHeaders":{"Host":"x"})"), "requestHeaders.Host"},
        {with(R"("requestHeaders":{"Content-Length":"1"})"), "requestHeaders.Content-Length"},
        {with(R"("requestHeaders":{"mcp-session-id":"x"})"), "requestHeaders.mcp-session-id"},
        {with(R"("requestHeaders":{"X-Mcp-UserId":"x"})"), "requestHeaders.X-Mcp-UserId"},
        {with(R"("requestHeaders":{"a":"1","A":"2"})"), "requestHeaders"},
        {with(R"("requestHeaders":{"A":{}})"), "requestHeaders.A.secret"},
        {with(R"("requestHeaders":{"A":{"secret":""}})"), "requestHeaders.A.secret"},
        {with(R"("requestHeaders":{"A":{"secret":"K","x":1}})"), "requestHeaders.A.x"},
        {with(R"("timeouts":[])"), "timeouts"},
        {with(R"("timeouts":{"connectMs":-1})"), "timeouts.connectMs"},
        {with(R"("timeouts":{"firstByteMs":"5s"})"), "timeouts.firstByteMs"},
        {with(R"("timeouts":{"idleMs":86400001})"), "timeouts.idleMs"},
        {with(R"("timeouts":{"sessionIdleSeconds":2592001})"), "timeouts.sessionIdleSeconds"},
        {with(R"("timeouts":{"total":1})"), "timeouts.total"},
        {with(R"("resources":{"cpu":"1Gi"})"), "resources.cpu"},
        {with(R"("resources":{"memory":"a lot"})"), "resources.memory"},
        {with(R"("resources":{"limits":{"cpu":"1","gpu":"1"}})"), "resources.limits.gpu"},
        {with(R"("resources":{"limits":{},"cpu":"1"})"), "resources.cpu"},
    });
}

TEST(AdapterJson, collections_are_bounded) {
    std::string variables;
    for (int i = 0; i < 257; ++i)
        variables += (i == 0 ? "\"V" : ",\"V") + std::to_string(i) + R"(":"")";
    std::string headers;
    for (int i = 0; i < 33; ++i)
        headers += (i == 0 ? "\"H" : ",\"H") + std::to_string(i) + R"(":"")";
    std::string arguments = "\"a\"";
    for (int i = 0; i < 256; ++i)
        arguments += ",\"a\"";
    expect_refused({
        {with(R"("environmentVariables":{)" + variables + "}"), "environmentVariables"},
        {with(R"("environmentVariables":{"A":)" + quoted(128 * 1024) + "}"),
         "environmentVariables"},
        {with(R"("requestHeaders":{)" + headers + "}"), "requestHeaders"},
        {with(R"("requestHeaders":{"A":)" + quoted(8 * 1024) + "}"), "requestHeaders"},
        {R"({"name":"x","command":[)" + arguments + "]}", "command"},
        {R"({"name":"x","command":["a",)" + quoted(64 * 1024) + "]}", "command"},
        {with(R"("requiredRoles":[)" + quoted(257) + "]"), "requiredRoles[0]"},
        {with(R"("requiredRoles":[)" + quoted(250) + "," + quoted(250) + "," + quoted(250) + "," +
              quoted(250) + "," + quoted(250) + "," + quoted(250) + "," + quoted(250) + "," +
              quoted(250) + "," + quoted(250) + "]"),
         "requiredRoles"},
    });
}

TEST(AdapterJson, all_mistakes_are_reported_at_once) {
    const auto reading = read(
        R"({"name":"A","url":"x","port":0,"colour":"red","timeouts":{"connectMs":"1","x":1}})");
    std::vector<std::string> fields;
    for (const auto& [field, complaints] : reading.errors)
        fields.push_back(field);
    EXPECT_EQ(fields, (std::vector<std::string>{"colour", "name", "port", "timeouts.connectMs",
                                                "timeouts.x", "url"}));
}

TEST(AdapterJson, a_body_that_is_no_object_is_one_mistake) {
    EXPECT_EQ(describe(read("[]").errors), " must be a JSON object; ");
    EXPECT_EQ(describe(read("null").errors), " must be a JSON object; ");
}

TEST(AdapterJson, the_url_says_where_the_endpoint_is) {
    const auto reading = read(R"({"name":"x","url":"http://h:9/a","port":7,"path":"/b"})");
    EXPECT_EQ(reading.adapter.port, 9);
    EXPECT_EQ(reading.adapter.path, "/a");
    EXPECT_EQ(read(R"({"name":"x","url":"http://h:9","path":"/b"})").adapter.path, "/b");
}

Adapter full_adapter() {
    auto adapter = read(R"({"name":"x","command":["s","{port}"],"environmentVariables":{"K":"v"},)"
                        R"("replicaCount":3,"description":"d","useWorkloadIdentity":true,)"
                        R"("requiredRoles":["r"],"transport":"sse","port":9,"path":"/e",)"
                        R"("affinity":"none","healthCheck":{"timeoutMs":7},)"
                        R"("requestHeaders":{"A":"secret text","B":{"secret":"NAME"}},)"
                        R"("timeouts":{"idleMs":5},"tenant":"t","aggregate":true,)"
                        R"("resources":{"requests":{"cpu":"1"},"limits":{"memory":"1Gi"}}})")
                       .adapter;
    adapter.created_by = "alice";
    adapter.created_at_unix_ms = 1'000;
    adapter.last_updated_at_unix_ms = 2'000;
    adapter.version = 4;
    return adapter;
}

TEST(AdapterJson, what_is_written_is_read_back_the_same) {
    for (Adapter adapter : {full_adapter(), read(with(R"("resources":{"cpu":"1"})")).adapter,
                            read(R"({"name":"x","imageName":"a/b","imageVersion":"1"})").adapter}) {
        JsonWriter out;
        write_adapter(out, adapter, Audience::writer);
        const auto again = read(out.take());
        EXPECT_TRUE(again.errors.empty()) << describe(again.errors);
        adapter.created_by.clear();
        adapter.created_at_unix_ms = adapter.last_updated_at_unix_ms = adapter.version = 0;
        EXPECT_EQ(again.adapter, adapter);
    }
}

TEST(AdapterJson, readers_do_not_see_values_that_may_be_secrets) {
    JsonWriter out;
    write_adapter(out, full_adapter(), Audience::reader);
    const auto tree = parse_json(out.take());
    ASSERT_TRUE(tree);
    EXPECT_EQ(tree->get("environmentVariables").serialize(), R"({"K":"***"})");
    EXPECT_EQ(tree->get("requestHeaders").serialize(), R"({"A":"***","B":{"secret":"NAME"}})");
    EXPECT_EQ(tree->get("id").to_str(), "x");
    EXPECT_EQ(tree->get("createdBy").to_str(), "alice");
    EXPECT_EQ(tree->get("createdAt").to_str(), "1970-01-01T00:00:01.000Z");
    EXPECT_EQ(tree->get("lastUpdatedAt").to_str(), "1970-01-01T00:00:02.000Z");
    EXPECT_EQ(tree->get("version").to_str(), "4");
}

}  // namespace
}  // namespace mcpgw::model
