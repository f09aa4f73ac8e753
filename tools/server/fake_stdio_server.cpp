// A stdio MCP server whose behaviour tests choose by method name. Not a product.
//
// initialize, ping              answered
// test/pair                     read two of them, answer the second first
// test/ask                      a request of its own (id "s1"); answers with the response to it
// test/notify, test/progress    notifications, then the answer
// test/pid, test/stray          its process id and that of a grandchild, which (stray) has left
//                               group and parent
// test/flood                    16 Ki notifications of 1 KiB, numbered, then the answer
// test/notify-later, test/flood-alone    notifications that make it send theirs on its own
// test/large, test/long-*       3 MiB; more than a line may have
// test/exit, …                  as they are called
//
// Any other request is never answered; with --strict it ends the process, as some servers do. With
// --hop it serves nobody: it hands on to a child and ends, again and again for a few seconds.
#include <cstdio>
#include <cstring>
#include <iostream>
#include <string>
#include <string_view>

#include <signal.h>
#include <unistd.h>

#include "common/limits.h"
#include "tools/server/message.h"

namespace {

using mcpgw::server::Message;
using mcpgw::server::MessageKind;

bool strict = false;

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

void sleep_for_good() {
    signal(SIGTERM, SIG_IGN);
    for (;;)
        pause();
}

void on_pid(const Message& request) {
    const pid_t grandchild = fork();
    if (grandchild == 0) sleep_for_good();
    answer(request, "[" + std::to_string(getpid()) + "," + std::to_string(grandchild) + "]");
}

void on_stray(const Message& request) {
    int fds[2];
    if (pipe(fds) != 0) _exit(1);
    if (fork() == 0) {
        setsid();
        const pid_t stray = fork();
        if (stray == 0) sleep_for_good();
        if (write(fds[1], &stray, sizeof stray) < 0) _exit(1);
        _exit(0);
    }
    pid_t stray = 0;
    if (read(fds[0], &stray, sizeof stray) != sizeof stray) _exit(1);
    close(fds[0]);
    close(fds[1]);
    answer(request, "[" + std::to_string(getpid()) + "," + std::to_string(stray) + "]");
}

void flood() {
    const std::string filling(1000, 'f');
    for (int n = 0; n < 16 * 1024; ++n)
        say(R"({"jsonrpc":"2.0","method":"notifications/message","params":{"n":)" +
            std::to_string(n) + ",\"data\":\"" + filling + "\"}}");
}

// Too long for a line by itself.
std::string long_text() {
    return "\"" + std::string(mcpgw::limits::stdio_line_bytes_max, 'l') + "\"";
}

void on_long(const Message& m) {
    if (m.method == "test/long-answer") {
        answer(m, long_text());
        return;
    }
    if (m.method == "test/long-notification")
        say(R"({"jsonrpc":"2.0","method":"notifications/message","params":)" + long_text() + "}");
    if (m.method == "test/long-request") {
        say(R"({"jsonrpc":"2.0","id":"q1","method":"roots/list","params":)" + long_text() + "}");
        answer(m, next().text);
        return;
    }
    answer(m, "{}");
}

void on_endless() {
    std::fputs("{\"jsonrpc\":\"2.0\",\"method\":\"x\",\"params\":\"", stdout);
    const std::string more(64 * 1024, 'e');
    for (;;)
        std::fwrite(more.data(), 1, more.size(), stdout);
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
    else if (method == "test/stray")
        on_stray(m);
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
    } else if (method == "test/endless") {
        on_endless();
    } else if (method.starts_with("test/long-")) {
        on_long(m);
    } else if (method == "test/flood" || method == "test/flood-alone") {
        flood();
        if (m.kind == MessageKind::request) answer(m, "{}");
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
    } else if (method == "test/shout-much") {
        for (int n = 0; n < 1000; ++n)
            std::fprintf(stderr, "shout %d\n", n);
        answer(m, "{}");
    } else if (strict && m.kind == MessageKind::request) {
        _exit(3);
    }
}

void hop() {
    for (int hops = 0; hops < 5000; ++hops) {
        if (fork() != 0) _exit(0);
        usleep(700);
    }
}

}  // namespace

int main(int argc, char** argv) {
    std::ios::sync_with_stdio(false);  // or a long line is read byte by byte
    if (argc > 1 && std::strcmp(argv[1], "--hop") == 0) {
        hop();
        return 0;
    }
    strict = argc > 1 && std::strcmp(argv[1], "--strict") == 0;
    for (;;)
        on_message(next());
}
