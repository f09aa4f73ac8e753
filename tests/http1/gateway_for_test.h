// One gateway before one recording server, for tests that look at what passes between them.
//
// `exchange` sends bytes in the given pieces on a fresh connection and reads answers until the
// gateway has given all that are owed, or has closed. Waiting is for bytes, never for time.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "dataplane/worker/harness_for_test.h"
#include "tests/http1/recording_backend.h"

namespace mcpgw::http1 {

inline constexpr std::string_view kPath = "/adapters/a/mcp";
inline constexpr std::string_view kPost = "POST /adapters/a/mcp HTTP/1.1\r\nHost: localhost\r\n";
inline constexpr std::string_view kGet = "GET /adapters/a/mcp HTTP/1.1\r\nHost: localhost\r\n";

// What the gateway sent on one connection.
struct Heard {
    std::vector<Message> answers;
    std::string rest;     // what follows them and is no whole answer
    bool closed = false;  // the gateway ended the connection
    [[nodiscard]] std::string text() const {
        std::string text;
        for (const Message& answer : answers)
            text += answer.start + "\n" + answer.body + "\n";
        return text + rest;
    }
};

inline std::vector<std::string> in_pieces(std::string_view bytes, std::size_t size) {
    std::vector<std::string> pieces;
    for (std::size_t at = 0; at < bytes.size(); at += size)
        pieces.emplace_back(bytes.substr(at, size));
    return pieces;
}

class Gateway {
  public:
    explicit Gateway(RecordingBackend::Script script = RecordingBackend::answer_with_number)
        : backend(std::move(script)), harness({backend.port()}) {}

    RecordingBackend backend;
    worker::Harness harness;

    // Reads until `answers` final answers have come (interim ones are kept, too) or the gateway
    // closes. `methods` of the requests, in their order; the last one stands for all further ones.
    static Heard listen(worker::Line& line, std::size_t answers,
                        const std::vector<std::string>& methods = {"POST"}) {
        Heard heard;
        std::string bytes;
        std::size_t finals = 0;
        while (finals < answers && !heard.closed) {
            const std::string more = line.read_some();
            heard.closed = more.empty();
            bytes += more;
            while (finals < answers || heard.closed) {
                const std::string& method = methods[std::min(finals, methods.size() - 1)];
                const Message answer = read_response(bytes, method, heard.closed);
                EXPECT_NE(answer.state, Message::State::wrong) << answer.wrong << "\n" << bytes;
                if (!answer.whole()) break;
                bytes.erase(0, answer.bytes);
                if (answer.status() >= 200) ++finals;
                heard.answers.push_back(answer);
            }
        }
        heard.rest = bytes;
        return heard;
    }
    [[nodiscard]] Heard exchange(const std::vector<std::string>& pieces, std::size_t answers,
                                 const std::vector<std::string>& methods = {"POST"}) const {
        worker::Line line = harness.connect();
        for (const std::string& piece : pieces)
            line.send(piece);
        return listen(line, answers, methods);
    }
    [[nodiscard]] Heard exchange(std::string_view bytes, std::size_t answers = 1) const {
        return exchange(std::vector<std::string>{std::string(bytes)}, answers);
    }
    // Waits until the backend has seen so many whole requests.
    [[nodiscard]] bool backend_saw(std::size_t requests) const {
        return worker::Harness::until([&] { return backend.requests().size() >= requests; });
    }
};

}  // namespace mcpgw::http1
