// A stdio MCP server whose behaviour tests choose by method name. Not a product.
//
// initialize, ping              answered
// test/pair                     read two of them, answer the second first (needs two in flight)
// test/progress                 notifications/progress with the token, then the answer
// test/ask                      a request of its own (id "s1"), then waits for the response to it
//                               and answers with its result
// test/notify                   one notification, then the answer; test/notify-later is a
//                               notification that makes it send one on its own
// test/pid                      answers with its process id and that of a sleeping grandchild
// test/exit {code}, test/close, test/garbage, test/long-line, test/stop-reading, test/shout
#include <cstdio>
#include <iostream>
#include <string>

#include <signal.h>
#include <unistd.h>

#include "common/limits.h"
#include "tools/server/message.h"

namespace {

using mcpgw::server::Message;
using mcpgw::server::MessageKind;

void say(const std::string& line) {
    std::fwrite(line.data(), 1, line.size(), stdout);
    std::fputc('\n', stdout);
    std::fflush(stdout);
}

void answer(const Message& to, const std::string& result) {
    say(mcpgw::server::result_text(to.id_json, result));
}

Message next() {
    std::string line;
    while (std::getline(std::cin, line)) {
        auto messages = mcpgw::server::parse_messages(line, 1);
        if (messages) return messages->list[0];
    }
    _exit(0);
}

void on_pair(const Message& first) {
    Message second = next();
    while (second.method != "test/pair")
        second = next();
    answer(second, R"({"order":2})");
    answer(first, R"({"order":1})");
}

void on_ask(const Message& request) {
    say(R"({"jsonrpc":"2.0","id":"s1","method":"roots/list"})");
    Message response = next();
    while (response.kind != MessageKind::response)
        response = next();
    answer(request, response.text);
}

void on_pid(const Message& request) {
    const pid_t grandchild = fork();
    if (grandchild == 0) {
        signal(SIGTERM, SIG_IGN);
        for (;;)
            pause();
    }
    answer(request, "[" + std::to_string(getpid()) + "," + std::to_string(grandchild) + "]");
}

void on_progress(const Message& request) {
    for (int step = 1; step <= 3; ++step)
        say(R"({"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":)" +
            (request.progress_token[0] == 's' ? "\"" + request.progress_token.substr(1) + "\""
                                              : request.progress_token.substr(1)) +
            ",\"progress\":" + std::to_string(step) + "}}");
    answer(request, "{}");
}

void on_message(const Message& m) {
    const std::string& method = m.method;
    if (method == "initialize")
        answer(m, R"({"protocolVersion":"2025-11-25","capabilities":{},)"
                  R"("serverInfo":{"name":"fake","version":"1"}})");
    else if (method == "ping")
        answer(m, "{}");
    else if (method == "test/pair")
        on_pair(m);
    else if (method == "test/ask")
        on_ask(m);
    else if (method == "test/pid")
        on_pid(m);
    else if (method == "test/progress")
        on_progress(m);
    else if (method == "test/text")
        answer(m, "{\"was\":" + m.text + "}");
    else if (method == "test/notify") {
        say(R"({"jsonrpc":"2.0","method":"notifications/message","params":{"n":1}})");
        answer(m, "{}");
    } else if (method == "test/notify-later")
        say(R"({"jsonrpc":"2.0","method":"notifications/message","params":{"n":2}})");
    else if (method == "test/exit")
        _exit(7);
    else if (method == "test/close") {
        close(STDOUT_FILENO);
        for (;;)
            pause();
    } else if (method == "test/garbage") {
        say("hello, I am a server");
        say("{\"x\":1}");
        say("");
        answer(m, "{}");
    } else if (method == "test/long-line") {
        say(std::string(mcpgw::limits::stdio_line_bytes_max + 1, 'x'));
    } else if (method == "test/large") {
        answer(m, "\"" + std::string(3 * 1024 * 1024, 'y') + "\"");
    } else if (method == "test/stop-reading") {
        answer(m, "{}");
        for (;;)
            pause();
    } else if (method == "test/stubborn") {
        signal(SIGTERM, SIG_IGN);
        answer(m, "{}");
        for (;;)
            pause();
    } else if (method == "test/shout") {
        std::fputs("a line for the log\n", stderr);
        std::fputs((std::string(100'000, 'z') + "\n").c_str(), stderr);
        answer(m, "{}");
    }
}

}  // namespace

int main() {
    for (;;)
        on_message(next());
}
