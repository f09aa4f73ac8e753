// One MCP client connection.
#include "bench/load/client.h"

#include "bench/load/message.h"
#include "common/check.h"

namespace mcpgw::bench {

void Client::connect() {
    check(state_ == State::closed);
    replace(start_connect(target_.port, number_ + 7 * connects_++));
    poller_.watch(*this);
    state_ = State::ready;
}

void Client::disconnect() {
    close();
    output_.clear();
    partial_event_.clear();
    reader_ = HttpReader(HttpReader::Reads::responses);
    state_ = State::closed;
}

void Client::begin(Expects expects, std::string_view method) {
    check(state_ == State::ready);
    state_ = State::waiting;
    expects_ = expects;
    compared_ = 0;
    std::string head(method);
    head += " " + target_.path + " HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(target_.port) +
            "\r\nUser-Agent: bench\r\nMcp-Protocol-Version: 2025-06-18\r\n";
    if (!target_.token.empty()) head += "Authorization: Bearer " + target_.token + "\r\n";
    if (expects != Expects::session) head += "Mcp-Session-Id: " + session_ + "\r\n";
    output_.add(head);
}

void Client::initialize() {
    begin(Expects::session, "POST");
    output_.add(
        "Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\n"
        "Content-Length: " +
        std::to_string(kInitialize.size()) + "\r\n\r\n");
    output_.add_tail(kInitialize);
    flush();
}

void Client::call() {
    const std::string& body = call_of(target_.call_bytes);
    begin(Expects::answer, "POST");
    std::string fields =
        "Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\n";
    fields += "Bench-Request-Bytes: " + std::to_string(target_.call_bytes) + "\r\n";
    if (target_.answer_bytes != answer_bytes_usual)
        fields += "Bench-Answer-Bytes: " + std::to_string(target_.answer_bytes) + "\r\n";
    fields += "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n";
    output_.add(fields);
    output_.add_tail(body);
    flush();
}

void Client::open_stream() {
    begin(Expects::stream, "GET");
    output_.add("Accept: text/event-stream\r\nBench-Stream: " + std::to_string(number_) +
                "\r\n\r\n");
    flush();
}

void Client::on_ready(std::uint32_t ready) {
    if (!is_open() || state_ == State::failed) return;
    if ((ready & EPOLLOUT) != 0) flush();
    if (state_ != State::failed && (ready & ~std::uint32_t{EPOLLOUT}) != 0) read();
}

void Client::flush() {
    switch (output_.send_to(fd())) {
        case Progress::done:
            return poller_.wait_for_room(*this, false);
        case Progress::blocked:
            return poller_.wait_for_room(*this, true);
        case Progress::broken:
            return fail("the connection broke while a request was sent");
    }
}

void Client::read() {
    const Received received = receive_from(fd());
    if (received.progress == Progress::blocked) return;
    if (received.progress == Progress::broken) return fail("the connection was closed");
    Bytes input = received.bytes;
    bool is_right = true;
    while (is_right) {
        const HttpReader::Step step = reader_.feed(input);
        input = input.subspan(step.consumed);
        switch (step.event) {
            case HttpReader::Event::more:
                return;
            case HttpReader::Event::head:
                is_right = on_head();
                break;
            case HttpReader::Event::data:
                is_right = on_data(step.data);
                break;
            case HttpReader::Event::end:
                is_right = on_end();
                break;
            case HttpReader::Event::broken:
                return fail("the answer is not HTTP/1.1");
        }
    }
}

bool Client::on_head() {
    const http::ResponseHead& head = reader_.response();
    if (state_ != State::waiting) {
        fail("an answer came that nobody has asked for");
        return false;
    }
    if (head.status != 200) {
        fail("the answer is " + std::to_string(head.status));
        return false;
    }
    switch (expects_) {
        case Expects::session:
            session_ = head.fields.value_or_empty("Mcp-Session-Id");
            break;
        case Expects::answer:
            break;
        case Expects::stream:
            state_ = State::streaming;
            events = 0;
            news_.push_back({this, News::What::streaming});
            return true;
    }
    return true;
}

bool Client::on_data(Bytes data) {
    return state_ == State::streaming ? on_event_data(as_text(data))
                                      : on_answer_data(as_text(data));
}

bool Client::on_answer_data(std::string_view text) {
    const std::string& expected =
        answer_of(expects_ == Expects::session ? answer_bytes_usual : target_.answer_bytes);
    if (expected.compare(compared_, text.size(), text) != 0) {
        fail("the answer is not what the server sent, near byte " + std::to_string(compared_));
        return false;
    }
    compared_ += text.size();
    return true;
}

// Comments (a line that begins with a colon) are the proxy's own and mean nothing.
bool Client::on_event_data(std::string_view text) {
    partial_event_.append(text);
    std::size_t begin = 0;
    for (std::size_t end = partial_event_.find("\n\n"); end != std::string::npos;
         end = partial_event_.find("\n\n", begin)) {
        const std::string_view event(partial_event_.data() + begin, end + 2 - begin);
        begin = end + 2;
        if (event.starts_with(':')) continue;
        if (event != event_of(number_, events)) {
            fail("stream " + std::to_string(number_) + " got a wrong event after " +
                 std::to_string(events));
            return false;
        }
        ++events;
        news_.push_back({this, News::What::event});
    }
    partial_event_.erase(0, begin);
    return true;
}

bool Client::on_end() {
    if (state_ == State::streaming) {
        fail("the event stream ended");
        return false;
    }
    const std::size_t wanted =
        answer_of(expects_ == Expects::session ? answer_bytes_usual : target_.answer_bytes).size();
    if (compared_ != wanted) {
        fail("the answer has " + std::to_string(compared_) + " bytes instead of " +
             std::to_string(wanted));
        return false;
    }
    state_ = State::ready;
    news_.push_back({this, News::What::answered});
    return true;
}

void Client::fail(std::string why) {
    if (state_ == State::failed) return;
    close();
    failure_ = std::move(why);
    state_ = State::failed;
    news_.push_back({this, News::What::failed});
}

}  // namespace mcpgw::bench
