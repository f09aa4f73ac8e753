// The server behind every proxy.
#include "bench/load/server.h"

#include <array>
#include <charconv>
#include <cstdio>

#include "bench/load/message.h"
#include "common/check.h"

namespace mcpgw::bench {
namespace {

constexpr std::string_view kSessionPrefix = "bench-server-";

std::uint64_t number_in(const http::Fields& fields, std::string_view name, std::uint64_t absent) {
    const std::string_view text = fields.value_or_empty(name);
    std::uint64_t value = absent;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

std::string new_session(std::uint64_t number) {
    return std::string(kSessionPrefix) + to_hex(number * 0x9e3779b97f4a7c15ULL);
}

}  // namespace

void ServerConnection::on_ready(std::uint32_t events) {
    if (!is_open()) return;
    if ((events & EPOLLOUT) != 0) flush();
    if (is_open() && (events & ~std::uint32_t{EPOLLOUT}) != 0) read();
}

void ServerConnection::read() {
    const Received received = receive_from(fd());
    if (received.progress == Progress::blocked) return;
    if (received.progress == Progress::broken) return end();
    Bytes input = received.bytes;
    while (is_open()) {
        const HttpReader::Step step = reader_.feed(input);
        input = input.subspan(step.consumed);
        switch (step.event) {
            case HttpReader::Event::more:
                return;
            case HttpReader::Event::head:
                on_head();
                break;
            case HttpReader::Event::data:
                on_body(step.data);
                break;
            case HttpReader::Event::end:
                on_end();
                break;
            case HttpReader::Event::broken:
                return end();
        }
    }
}

void ServerConnection::on_head() {
    const http::RequestHead& head = reader_.request();
    session_ = head.fields.value_or_empty("Mcp-Session-Id");
    session_is_ours_ = session_.empty() || session_.starts_with(kSessionPrefix);
    if (session_.empty()) session_ = new_session(++server_.sessions_);
    wants_stream_ = head.method == http::Method::get;
    stream_ = static_cast<std::uint32_t>(number_in(head.fields, "Bench-Stream", 0));
    answer_bytes_ = number_in(head.fields, "Bench-Answer-Bytes", answer_bytes_usual);
    const std::uint64_t request_bytes = number_in(head.fields, "Bench-Request-Bytes", 0);
    expected_ = request_bytes > 0 ? &call_of(request_bytes) : nullptr;
    compared_ = 0;
    body_is_right_ = true;
}

void ServerConnection::on_body(Bytes data) {
    if (expected_ == nullptr || !body_is_right_) return;
    const std::string_view text = as_text(data);
    body_is_right_ = expected_->compare(compared_, text.size(), text) == 0;
    compared_ += text.size();
}

void ServerConnection::on_end() {
    if (expected_ != nullptr && compared_ != expected_->size()) body_is_right_ = false;
    if (!session_is_ours_) return answer(404, "the session id is not one of this server's");
    if (!body_is_right_) return answer(400, "the body did not arrive as it was sent");
    if (wants_stream_) return start_stream();
    answer(200, answer_of(answer_bytes_));
}

// `body` outlives the connection.
void ServerConnection::answer(int status, std::string_view body) {
    std::array<char, 320> head;
    const int bytes =
        std::snprintf(head.data(), head.size(),
                      "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nMcp-Session-Id: %s\r\n"
                      "Date: Sat, 21 Nov 2026 16:00:00 GMT\r\nContent-Length: %zu\r\n\r\n",
                      status, status == 200 ? "OK" : "Refused", session_.c_str(), body.size());
    check(bytes > 0 && static_cast<std::size_t>(bytes) < head.size());
    output_.add({head.data(), static_cast<std::size_t>(bytes)});
    output_.add_tail(body);
    flush();
}

void ServerConnection::start_stream() {
    output_.add(
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
        "Cache-Control: no-cache\r\nMcp-Session-Id: " +
        session_ + "\r\nTransfer-Encoding: chunked\r\n\r\n");
    is_stream_ = true;
    server_.streams_[stream_] = this;
    flush();
}

void ServerConnection::send_event(std::string_view event) {
    check(is_stream_);
    std::array<char, http::chunk_head_bytes_max> frame;
    output_.add({frame.data(), http::write_chunk_head(event.size(), frame.data())});
    output_.add(event);
    output_.add(http::kChunkEnd);
    flush();
}

void ServerConnection::flush() {
    switch (output_.send_to(fd())) {
        case Progress::done:
            return server_.poller_.wait_for_room(*this, false);
        case Progress::blocked:
            return server_.poller_.wait_for_room(*this, true);
        case Progress::broken:
            return end();
    }
}

void ServerConnection::end() {
    if (is_stream_) server_.streams_.erase(stream_);
    close();
    server_.closed_.push_back(this);
}

Server::Server(Poller& poller, std::uint16_t port)
    : poller_(poller), port_(port), listener_(Kind::listener, listen_on(port_)) {
    poller_.watch(listener_);
}

void Server::on_listener() {
    for (int fd = accept_one(listener_.fd()); fd >= 0; fd = accept_one(listener_.fd())) {
        auto connection = std::make_unique<ServerConnection>(*this, fd);
        poller_.watch(*connection);
        connections_.emplace(connection.get(), std::move(connection));
    }
}

void Server::bury() {
    for (ServerConnection* connection : closed_)
        connections_.erase(connection);
    closed_.clear();
}

void Server::send_event(std::uint32_t stream, std::string_view event) {
    const auto found = streams_.find(stream);
    if (found != streams_.end()) found->second->send_event(event);
}

void Server::close_streams() {
    for (const auto& [stream, connection] : streams_) {
        connection->close();
        closed_.push_back(connection);
    }
    streams_.clear();
    bury();
}

}  // namespace mcpgw::bench
