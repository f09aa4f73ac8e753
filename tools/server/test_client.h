// For tests: a plain HTTP client that speaks just enough MCP, and waiting for a condition. It
// checks nothing by itself, and knows nothing of the server's code.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <httplib.h>

namespace mcpgw::server::test {

inline constexpr std::string_view kInitialize =
    R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25",)"
    R"("capabilities":{},"clientInfo":{"name":"test","version":"1"}}})";

// Looks every few milliseconds; false after ten seconds.
[[nodiscard]] bool eventually(const std::function<bool()>& holds);

struct Answer {
    int status = 0;  // 0: no answer at all
    httplib::Headers headers;
    std::string body;

    [[nodiscard]] std::string header(const std::string& name) const;
    // The data of the events in the body.
    [[nodiscard]] std::vector<std::string> events() const;
    // The data of the last event, or the body if it is no event stream.
    [[nodiscard]] std::string last() const;
};

[[nodiscard]] std::vector<std::string> events_in(std::string_view body);

// One client with at most one session. Each call uses a connection of its own.
class TestClient {
  public:
    explicit TestClient(std::uint16_t port, std::string path = "/mcp")
        : port_(port), path_(std::move(path)) {}

    // Headers that are given replace the usual ones; an empty value removes them.
    Answer send(const std::string& method, std::string_view body,
                const httplib::Headers& headers = {}) const;
    Answer post(std::string_view body, const httplib::Headers& headers = {}) const {
        return send("POST", body, headers);
    }
    // A request with this method and params; returns the last event's data.
    Answer call(int id, std::string_view method, std::string_view params = "{}") const;
    // initialize; keeps the session id. False without one.
    bool open();
    Answer close() const { return send("DELETE", ""); }

    [[nodiscard]] const std::string& session() const { return session_; }
    void set_session(std::string session) { session_ = std::move(session); }
    [[nodiscard]] std::uint16_t port() const { return port_; }

    httplib::Request request(const std::string& method, std::string_view body,
                             const httplib::Headers& headers) const;

  private:
    std::uint16_t port_;
    std::string path_;
    std::string session_;
};

// A stream that is read in the background until it ends or the object is destroyed.
class OpenStream {
  public:
    OpenStream(const TestClient& client, const std::string& method, std::string_view body);
    ~OpenStream();
    OpenStream(const OpenStream&) = delete;
    OpenStream& operator=(const OpenStream&) = delete;

    // Waits for the head; its status, 0 without one.
    int status();
    // Waits until a piece of text has been received.
    bool wait_for(std::string_view text);
    // Waits until the server has ended it.
    bool wait_for_end();
    // Breaks the connection.
    void disconnect();
    [[nodiscard]] std::string received();

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    int status_ = 0;
    bool ended_ = false;
    bool leaving_ = false;
    std::string received_;
    httplib::Client client_;
    std::thread thread_;
};

// A client that sends a request, and reads only when it is told to.
class SilentClient {
  public:
    // `announced` is Content-Length, if it is to be another one than that of the body.
    SilentClient(const TestClient& like, const std::string& method, const std::string& body,
                 std::size_t announced = 0);
    ~SilentClient();
    SilentClient(const SilentClient&) = delete;
    SilentClient& operator=(const SilentClient&) = delete;

    // False: the connection is broken.
    bool send_more(std::string_view bytes);
    // Reads until the text has come; all that came before it too. Empty if it does not come.
    std::string read_until(std::string_view text);

  private:
    const int socket_;
};

}  // namespace mcpgw::server::test
