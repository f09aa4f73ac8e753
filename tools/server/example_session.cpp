// The methods and tools of the example server.
#include "tools/server/example_session.h"

#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <utility>

#include <simdjson.h>
#include <unistd.h>

#include "common/json_writer.h"

namespace mcpgw::server {
namespace {

namespace dom = simdjson::dom;

constexpr int kMethodNotFound = -32601;
constexpr int kInvalidParams = -32602;
constexpr std::string_view kNewestVersion = "2025-11-25";
constexpr std::array<std::string_view, 4> kKnownVersions = {kNewestVersion, "2025-06-18",
                                                            "2025-03-26", "2024-11-05"};
constexpr std::chrono::milliseconds kStep(20);

constexpr std::string_view kTools =
    R"({"tools":[)"
    R"({"name":"whoami","description":"Tells which instance and process answers.",)"
    R"("inputSchema":{"type":"object"},)"
    R"("outputSchema":{"type":"object","properties":{"instance":{"type":"string"},)"
    R"("pid":{"type":"integer"}},"required":["instance","pid"]},)"
    R"("annotations":{"readOnlyHint":true}},)"
    R"({"name":"count","description":"Counts its calls in this session, from 1.",)"
    R"("inputSchema":{"type":"object"},)"
    R"("outputSchema":{"type":"object","properties":{"count":{"type":"integer"}},)"
    R"("required":["count"]}},)"
    R"({"name":"sleep","description":"Answers after some milliseconds.",)"
    R"("inputSchema":{"type":"object","properties":{"ms":{"type":"integer","minimum":0,)"
    R"("maximum":600000}},"required":["ms"]},)"
    R"("outputSchema":{"type":"object","properties":{"sleptMs":{"type":"integer"}},)"
    R"("required":["sleptMs"]},"annotations":{"readOnlyHint":true}},)"
    R"({"name":"progress","description":"Reports progress in steps of 20 ms, then answers.",)"
    R"("inputSchema":{"type":"object","properties":{"steps":{"type":"integer","minimum":1,)"
    R"("maximum":10000}},"required":["steps"]},)"
    R"("outputSchema":{"type":"object","properties":{"steps":{"type":"integer"}},)"
    R"("required":["steps"]},"annotations":{"readOnlyHint":true}},)"
    R"({"name":"echo","description":"Repeats the message.",)"
    R"("inputSchema":{"type":"object","properties":{"message":{"type":"string"}},)"
    R"("required":["message"]},"annotations":{"readOnlyHint":true}}]})";
static_assert(kSleepMsMax == 600'000 && kProgressStepsMax == 10'000, "the schemas say so");

std::string text_result(std::string_view text) {
    JsonWriter w;
    w.object().key("content").array().object();
    w.key("type").string("text").key("text").string(text).end().end().end();
    return w.take();
}

// The same value as text, for clients older than 2025-06-18, and as structured content.
std::string structured_result(const std::string& json) {
    JsonWriter w;
    w.object().key("content").array().object();
    w.key("type").string("text").key("text").string(json).end().end();
    w.key("structuredContent").raw(json).end();
    return w.take();
}

std::string one_number(std::string_view name, std::int64_t value) {
    JsonWriter w;
    w.object().key(name).number(value).end();
    return w.take();
}

// One value inside a message, e.g. {"params", "arguments", "ms"}; nothing if a part is missing.
template <class T>
std::optional<T> value_at(dom::element element, std::initializer_list<std::string_view> path) {
    for (const std::string_view name : path)
        if (element.at_key(name).get(element) != simdjson::SUCCESS) return std::nullopt;
    T value{};
    if (element.get(value) != simdjson::SUCCESS) return std::nullopt;
    return value;
}

std::optional<std::int64_t> integer_in(const dom::element& message, std::string_view name,
                                       std::int64_t min, std::int64_t max) {
    const auto value = value_at<std::int64_t>(message, {"params", "arguments", name});
    return value && *value >= min && *value <= max ? value : std::nullopt;
}

// One report after the other, then the answer; stops as soon as nobody waits any more.
void report(const std::shared_ptr<ExampleServer>& server, std::weak_ptr<Session> to,
            const Message& request, std::pair<std::int64_t, std::int64_t> step_of) {
    const auto session = to.lock();
    if (session == nullptr) return;
    const auto [step, steps] = step_of;
    if (!request.progress_token.empty()) {
        // The key is the kind of the token, then its value.
        const std::string_view token = std::string_view(request.progress_token).substr(1);
        JsonWriter w;
        w.object().key("jsonrpc").string("2.0").key("method").string("notifications/progress");
        w.key("params").object().key("progressToken");
        if (request.progress_token.front() == 's')
            w.string(token);
        else
            w.raw(token);
        w.key("progress").number(step).key("total").number(steps).end().end();
        if (!session->send_on(request.id_key, w.take())) return;
    }
    if (step == steps) {
        session->answer(request.id_key, result_text(request.id_json,
                                                    structured_result(one_number("steps", steps))));
        return;
    }
    // The scheduler lives in the server, so what waits in it must not keep the server alive.
    server->scheduler.after(kStep, [weak = std::weak_ptr(server), to, request, step, steps] {
        if (const auto alive = weak.lock()) report(alive, to, request, {step + 1, steps});
    });
}

}  // namespace

void ExampleSession::answer(const Message& request, std::string_view result_json) {
    if (const auto session = session_.lock())
        session->answer(request.id_key, result_text(request.id_json, result_json));
}

void ExampleSession::refuse(const Message& request, int code, std::string_view why) {
    if (const auto session = session_.lock())
        session->answer(request.id_key, error_text(request.id_json, code, why));
}

Result<> ExampleSession::receive(const Message& message, Deadline) {
    if (message.kind != MessageKind::request) return {};
    if (message.method == "tools/call")
        call(message);
    else if (message.method == "tools/list")
        answer(message, kTools);
    else if (message.method == "initialize")
        initialize(message);
    else if (message.method == "ping")
        answer(message, "{}");
    else
        refuse(message, kMethodNotFound, "Method not found");
    return {};
}

void ExampleSession::initialize(const Message& request) {
    dom::parser parser;
    dom::element root;
    std::string_view version = kNewestVersion;
    if (parser.parse(request.text).get(root) == simdjson::SUCCESS) {
        const auto asked = value_at<std::string_view>(root, {"params", "protocolVersion"});
        for (const std::string_view known : kKnownVersions)
            if (asked && *asked == known) version = known;
    }
    JsonWriter w;
    w.object().key("protocolVersion").string(version);
    w.key("capabilities").object().key("tools").object().end().end();
    w.key("serverInfo").object().key("name").string("mcp-gateway-example-server");
    w.key("version").string(MCPGW_VERSION).end().end();
    answer(request, w.take());
}

void ExampleSession::call(const Message& request) {
    dom::parser parser;
    dom::element root;
    if (parser.parse(request.text).get(root) != simdjson::SUCCESS)
        return refuse(request, kInvalidParams, "Invalid params");
    const auto name = value_at<std::string_view>(root, {"params", "name"});
    if (!name) return refuse(request, kInvalidParams, "name: a string is required");
    if (*name == "whoami") return whoami(request);
    if (*name == "count") return count(request);
    if (*name == "echo") {
        const auto text = value_at<std::string_view>(root, {"params", "arguments", "message"});
        if (!text) return refuse(request, kInvalidParams, "message: a string is required");
        return answer(request, text_result(*text));
    }
    if (*name == "sleep") {
        const auto ms = integer_in(root, "ms", 0, kSleepMsMax);
        if (!ms)
            return refuse(request, kInvalidParams, "ms: an integer of 0 to 600000 is required");
        return sleep(request, *ms);
    }
    if (*name == "progress") {
        const auto steps = integer_in(root, "steps", 1, kProgressStepsMax);
        if (!steps)
            return refuse(request, kInvalidParams, "steps: an integer of 1 to 10000 is required");
        return progress(request, *steps);
    }
    refuse(request, kInvalidParams, "Unknown tool: " + std::string(*name));
}

void ExampleSession::whoami(const Message& request) {
    JsonWriter w;
    w.object().key("instance").string(server_->instance);
    w.key("pid").number(static_cast<std::int64_t>(getpid())).end();
    answer(request, structured_result(w.take()));
}

void ExampleSession::count(const Message& request) {
    answer(request, structured_result(one_number("count", ++count_)));
}

void ExampleSession::sleep(const Message& request, std::int64_t ms) {
    server_->scheduler.after(std::chrono::milliseconds(ms), [to = session_, request, ms] {
        if (const auto session = to.lock())
            session->answer(
                request.id_key,
                result_text(request.id_json, structured_result(one_number("sleptMs", ms))));
    });
}

void ExampleSession::progress(const Message& request, std::int64_t steps) {
    server_->scheduler.after(kStep, [weak = std::weak_ptr(server_), to = session_, request, steps] {
        if (const auto alive = weak.lock()) report(alive, to, request, {1, steps});
    });
}

}  // namespace mcpgw::server
