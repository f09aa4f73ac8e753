// An API server for tests, whose every answer the test itself gives.
//
//   ApiFixture server;
//   auto asked = server.next();            // the next request, in the order of arrival
//   asked->answer({.body = "{}"});         // or: auto stream = asked->stream(); stream.send("...")
//
// Requests wait until they are answered, so a test and what it tests go in step and no test sleeps.
// Waiting is bounded; a request that does not come is a null pointer. On a free port of loopback.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <httplib.h>

#include "controlplane/kubernetes/access.h"

namespace mcpgw::kubernetes {

struct Reply {
    int status = 200;
    std::string body{};
    std::string content_type = "application/json";
    std::vector<std::pair<std::string, std::string>> fields{};
};

// One request at the server.
class Asked {
  public:
    explicit Asked(const httplib::Request& request)
        : method(request.method),
          path(request.path),
          body(request.body),
          token(request.get_header_value("Authorization")),
          host(request.get_header_value("Host")),
          content_type(request.get_header_value("Content-Type")),
          remote_port(std::to_string(request.remote_port)),
          params(request.params) {}

    const std::string method;
    const std::string path;
    const std::string body;
    const std::string token;  // "Bearer ..."
    const std::string host;
    const std::string content_type;
    const std::string remote_port;
    const httplib::Params params;

    [[nodiscard]] std::string param(const std::string& name) const {
        const auto found = params.find(name);
        return found == params.end() ? "" : found->second;
    }

    void answer(Reply reply) { enter(State::answered, std::move(reply)); }
    // A body in pieces, which lasts until end() or cut().
    void begin_stream() { enter(State::streaming, {}); }
    void send(std::string piece) {
        const std::lock_guard lock(mutex_);
        pieces_.push_back(std::move(piece));
        changed_.notify_all();
    }
    void end() { enter(State::ended, {}); }
    void cut() { enter(State::cut, {}); }

    // The server's side, on a thread of its own.
    void serve(httplib::Response& response) {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return state_ != State::waiting; });
        if (state_ == State::answered) {
            response.status = reply_.status;
            for (const auto& [name, value] : reply_.fields)
                response.set_header(name, value);
            if (reply_.status != 204) response.set_content(reply_.body, reply_.content_type);
            return;
        }
        response.set_chunked_content_provider(
            "application/json",
            [this](std::size_t, httplib::DataSink& sink) { return pass_on(sink); });
    }
    // The server goes: whoever is not answered is cut.
    void give_up() {
        const std::lock_guard lock(mutex_);
        if (state_ == State::waiting || state_ == State::streaming) state_ = State::cut;
        changed_.notify_all();
    }
    // Whether the other side has gone while its stream was open.
    [[nodiscard]] bool was_left() {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, std::chrono::seconds(10), [&] { return is_left_; });
    }

  private:
    enum class State : std::uint8_t { waiting, answered, streaming, ended, cut };

    void enter(State state, Reply reply) {
        const std::lock_guard lock(mutex_);
        state_ = state;
        reply_ = std::move(reply);
        changed_.notify_all();
    }
    bool pass_on(httplib::DataSink& sink) {
        std::unique_lock lock(mutex_);
        while (pieces_.empty() && state_ == State::streaming) {
            changed_.wait_for(lock, std::chrono::milliseconds(10));
            if (!sink.is_writable()) {
                is_left_ = true;
                changed_.notify_all();
                return false;
            }
        }
        if (!pieces_.empty()) {
            const std::string piece = std::move(pieces_.front());
            pieces_.pop_front();
            lock.unlock();
            return piece.empty() || sink.write(piece.data(), piece.size());
        }
        if (state_ == State::cut) return false;
        sink.done();
        return true;
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    State state_ = State::waiting;
    Reply reply_;
    std::deque<std::string> pieces_;
    bool is_left_ = false;
};

class ApiFixture {
  public:
    ApiFixture() : ApiFixture(std::make_unique<httplib::Server>()) {}
    // For TLS: an SSLServer that is set up, and not yet bound.
    explicit ApiFixture(std::unique_ptr<httplib::Server> server) : server_(std::move(server)) {
        // Each connection that is kept holds one thread.
        server_->new_task_queue = [] { return new httplib::ThreadPool(32); };
        const auto handler = [this](const httplib::Request& request, httplib::Response& response) {
            const auto asked = std::make_shared<Asked>(request);
            {
                const std::lock_guard lock(mutex_);
                all_.push_back(asked);
                waiting_.push_back(asked);
                if (is_over_) asked->give_up();
                arrived_.notify_all();
            }
            asked->serve(response);
        };
        server_->Get(".*", handler);
        server_->Post(".*", handler);
        server_->Put(".*", handler);
        server_->Patch(".*", handler);
        server_->Delete(".*", handler);
        port_ = server_->bind_to_any_port("127.0.0.1");
        thread_ = std::thread([this] { server_->listen_after_bind(); });
        while (!server_->is_running())
            std::this_thread::yield();
    }
    ApiFixture(const ApiFixture&) = delete;
    ApiFixture& operator=(const ApiFixture&) = delete;
    ~ApiFixture() {
        {
            const std::lock_guard lock(mutex_);
            is_over_ = true;
            for (const auto& asked : all_)
                asked->give_up();
        }
        server_->stop();
        thread_.join();
    }

    [[nodiscard]] int port() const { return port_; }
    [[nodiscard]] Access access() const {
        Access access;
        access.server = "http://127.0.0.1:" + std::to_string(port_);
        access.origin = "test";
        return access;
    }
    [[nodiscard]] std::shared_ptr<Asked> next(
        std::chrono::milliseconds patience = std::chrono::seconds(10)) {
        std::unique_lock lock(mutex_);
        if (!arrived_.wait_for(lock, patience, [&] { return !waiting_.empty(); })) return nullptr;
        auto asked = waiting_.front();
        waiting_.pop_front();
        return asked;
    }

  private:
    std::unique_ptr<httplib::Server> server_;
    std::mutex mutex_;
    std::condition_variable arrived_;
    std::vector<std::shared_ptr<Asked>> all_;
    std::deque<std::shared_ptr<Asked>> waiting_;
    bool is_over_ = false;
    int port_ = 0;
    std::thread thread_;
};

}  // namespace mcpgw::kubernetes
