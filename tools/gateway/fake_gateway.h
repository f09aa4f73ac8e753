// The management routes for tests of verbs: every request is noted and answered as the test says.
//
// For tests only.
#pragma once

#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <httplib.h>

namespace mcpgw::cli {

class FakeGateway {
  public:
    struct Seen {
        std::string line;  // "PUT /tenants/a"
        std::string body;
    };

    FakeGateway() {
        const auto answer = [this](const httplib::Request& request, httplib::Response& response) {
            seen_.push_back({request.method + " " + request.target, request.body});
            response.status = status;
            response.set_content(body, "application/json");
        };
        server_.Get(".*", answer);
        server_.Put(".*", answer);
        server_.Post(".*", answer);
        server_.Delete(".*", answer);
        port_ = server_.bind_to_any_port("127.0.0.1");
        thread_ = std::thread([this] { server_.listen_after_bind(); });
        while (!server_.is_running())
            std::this_thread::yield();  // else stop() is lost
    }
    FakeGateway(const FakeGateway&) = delete;
    FakeGateway& operator=(const FakeGateway&) = delete;
    ~FakeGateway() {
        server_.stop();
        thread_.join();
    }

    struct Outcome {
        int status = 0;
        std::string out;
        std::string err;
    };
    // Runs a verb against this gateway.
    Outcome run(int (*verb)(int, char**), std::vector<std::string> words) const {
        words.insert(words.end(), {"--server", "http://127.0.0.1:" + std::to_string(port_)});
        std::vector<char*> argv;
        for (std::string& word : words)
            argv.push_back(word.data());
        argv.push_back(nullptr);
        testing::internal::CaptureStdout();
        testing::internal::CaptureStderr();
        Outcome outcome;
        outcome.status = verb(static_cast<int>(words.size()), argv.data());
        outcome.out = testing::internal::GetCapturedStdout();
        outcome.err = testing::internal::GetCapturedStderr();
        return outcome;
    }
    [[nodiscard]] const std::vector<Seen>& seen() const { return seen_; }

    int status = 200;
    std::string body = "[]";

  private:
    httplib::Server server_;
    std::thread thread_;
    int port_ = 0;
    std::vector<Seen> seen_;
};

}  // namespace mcpgw::cli
