// A server that keeps every byte it is sent, for tests: what has really passed the gateway.
//
// Each connection is read by plain_message.h, request after request, and answered by a script. The
// record is what a server behind the gateway would take for requests; bytes that are no request of
// the one allowed spelling are kept as the reason why. One thread; the record is copied out.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "tests/http1/plain_message.h"

namespace mcpgw::http1 {

// What is sent for one request, in one piece or (`then`) in two with all its bytes read between.
struct Reply {
    std::string bytes;
    bool close = false;
    bool reset = false;
};

class RecordingBackend {
  public:
    struct Connection {
        std::string bytes;  // all that came
        std::vector<Message> requests;
        std::string wrong;         // why the rest is no request
        std::size_t consumed = 0;  // by whole requests
        bool ended = false;        // by the gateway
    };
    // `number` counts the requests of all connections from 1.
    using Script = std::function<Reply(const Message& request, int number)>;

    explicit RecordingBackend(Script script = answer_with_number);
    RecordingBackend(const RecordingBackend&) = delete;
    ~RecordingBackend();

    [[nodiscard]] std::uint16_t port() const { return port_; }
    [[nodiscard]] std::vector<Connection> record() const;
    [[nodiscard]] std::vector<Message> requests() const;
    // Forgets what has been recorded and counts from 1 again; connections stay.
    void forget();
    void script(Script script);
    // Sends bytes that nobody asked for on every open connection.
    void blurt(const std::string& bytes);

    // 200 with {"n":number}.
    static Reply answer_with_number(const Message& request, int number);

  private:
    struct Peer {
        int socket = -1;
        Connection seen;
        std::string unread;
    };
    void serve();
    void receive(Peer& peer);
    void send(Peer& peer, const Reply& reply);

    mutable std::mutex mutex_;
    std::vector<Peer> peers_;
    Script script_;
    int number_ = 0;
    int listener_ = -1;
    std::uint16_t port_ = 0;
    std::atomic<bool> stopping_ = false;
    std::thread thread_;
};

}  // namespace mcpgw::http1
