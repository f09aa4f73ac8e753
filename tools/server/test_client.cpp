// The client side that tests use, on httplib's client.
#include "tools/server/test_client.h"

#include <algorithm>
#include <utility>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/check.h"

namespace mcpgw::server::test {
namespace {

constexpr std::chrono::seconds kPatience(10);

}  // namespace

bool eventually(const std::function<bool()>& holds) {
    const auto until = std::chrono::steady_clock::now() + kPatience;
    while (!holds()) {
        if (std::chrono::steady_clock::now() > until) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return true;
}

std::string Answer::header(const std::string& name) const {
    const auto at = headers.find(name);
    return at == headers.end() ? std::string() : at->second;
}

std::vector<std::string> events_in(std::string_view body) {
    std::vector<std::string> events;
    constexpr std::string_view start = "event: message\ndata: ";
    for (auto at = body.find(start); at != std::string_view::npos; at = body.find(start, at)) {
        at += start.size();
        const auto end = body.find("\n\n", at);
        if (end == std::string_view::npos) break;
        events.emplace_back(body.substr(at, end - at));
    }
    return events;
}

std::vector<std::string> Answer::events() const {
    return events_in(body);
}

std::string Answer::last() const {
    const auto all = events();
    return all.empty() ? body : all.back();
}

httplib::Request TestClient::request(const std::string& method, std::string_view body,
                                     const httplib::Headers& headers) const {
    httplib::Request request;
    request.method = method;
    request.path = path_;
    request.body = body;
    httplib::Headers all = {{"Accept", "application/json, text/event-stream"}};
    if (method == "POST") all.emplace("Content-Type", "application/json");
    if (!session_.empty()) {
        all.emplace("Mcp-Session-Id", session_);
        all.emplace("MCP-Protocol-Version", "2025-11-25");
    }
    for (const auto& [name, value] : headers)
        all.erase(name);
    for (const auto& [name, value] : headers)
        if (!value.empty()) all.emplace(name, value);
    request.headers = std::move(all);
    return request;
}

Answer TestClient::send(const std::string& method, std::string_view body,
                        const httplib::Headers& headers) const {
    httplib::Client client("127.0.0.1", port_);
    client.set_read_timeout(kPatience);
    client.set_write_timeout(kPatience);
    client.set_decompress(false);
    const auto got = client.send(request(method, body, headers));
    if (!got) return {};
    return {got->status, got->headers, got->body};
}

Answer TestClient::call(int id, std::string_view method, std::string_view params) const {
    return post(R"({"jsonrpc":"2.0","id":)" + std::to_string(id) + R"(,"method":")" +
                std::string(method) + R"(","params":)" + std::string(params) + "}");
}

bool TestClient::open() {
    session_.clear();
    const Answer answer = post(kInitialize);
    session_ = answer.header("Mcp-Session-Id");
    return answer.status == 200 && !session_.empty() &&
           post(R"({"jsonrpc":"2.0","method":"notifications/initialized"})").status == 202;
}

OpenStream::OpenStream(const TestClient& client, const std::string& method, std::string_view body)
    : client_("127.0.0.1", client.port()) {
    client_.set_read_timeout(kPatience * 3);
    httplib::Request request = client.request(method, body, {});
    request.response_handler = [this](const httplib::Response& response) {
        const std::lock_guard lock(mutex_);
        status_ = response.status;
        changed_.notify_all();
        return !leaving_;
    };
    request.content_receiver = [this](const char* bytes, std::size_t size, std::uint64_t,
                                      std::uint64_t) {
        const std::lock_guard lock(mutex_);
        received_.append(bytes, size);
        changed_.notify_all();
        return !leaving_;
    };
    thread_ = std::thread([this, request = std::move(request)] {
        const auto got = client_.send(request);
        const std::lock_guard lock(mutex_);
        ended_ = true;
        changed_.notify_all();
    });
}

OpenStream::~OpenStream() {
    disconnect();
    thread_.join();
}

int OpenStream::status() {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, kPatience, [this] { return status_ != 0 || ended_; });
    return status_;
}

bool OpenStream::wait_for(std::string_view text) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience,
                             [this, text] { return received_.find(text) != std::string::npos; });
}

bool OpenStream::wait_for_end() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience, [this] { return ended_; });
}

void OpenStream::disconnect() {
    {
        const std::lock_guard lock(mutex_);
        leaving_ = true;
    }
    client_.stop();
}

std::string OpenStream::received() {
    const std::lock_guard lock(mutex_);
    return received_;
}

SilentClient::SilentClient(const TestClient& like, const std::string& method,
                           const std::string& body, std::size_t announced)
    : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    const int small = 64 * 1024;
    setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    const timeval patience = {20, 0};
    setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    sockaddr_in to = {};
    to.sin_family = AF_INET;
    to.sin_port = htons(like.port());
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    check(connect(socket_, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0, "it listens");
    const std::string text =
        method + " /mcp HTTP/1.1\r\nHost: localhost\r\nMcp-Session-Id: " + like.session() +
        "\r\nAccept: application/json, text/event-stream\r\nContent-Type: application/json\r\n"
        "Content-Length: " +
        std::to_string(announced > 0 ? announced : body.size()) + "\r\n\r\n" + body;
    const ssize_t sent = send(socket_, text.data(), text.size(), MSG_NOSIGNAL);
    check(sent == static_cast<ssize_t>(text.size()), "a small request is sent at once");
}

bool SilentClient::send_more(std::string_view bytes) {
    return send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
           static_cast<ssize_t>(bytes.size());
}

SilentClient::~SilentClient() {
    close(socket_);
}

std::string SilentClient::read_until(std::string_view text) {
    std::string got;
    char bytes[64 * 1024];
    // Comments may come for ever.
    const auto until = std::chrono::steady_clock::now() + 3 * kPatience;
    while (std::chrono::steady_clock::now() < until) {
        const std::size_t from = got.size() - std::min(got.size(), text.size());
        const ssize_t size = recv(socket_, bytes, sizeof bytes, 0);
        if (size <= 0) return {};
        got.append(bytes, static_cast<std::size_t>(size));
        if (got.find(text, from) != std::string::npos) return got;
    }
    return {};
}

}  // namespace mcpgw::server::test
