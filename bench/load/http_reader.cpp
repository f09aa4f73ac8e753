// Messages out of a byte stream.
#include "bench/load/http_reader.h"

#include "bench/load/message.h"

namespace mcpgw::bench {

HttpReader::Step HttpReader::feed(Bytes input) {
    switch (state_) {
        case State::head:
            return read_head(input);
        case State::body:
            return read_body(input);
        case State::broken:
            break;
    }
    return {0, Event::broken, {}};
}

HttpReader::Step HttpReader::read_head(Bytes input) {
    std::size_t consumed = 0;
    while (consumed < input.size()) {
        const Bytes rest = input.subspan(consumed);
        const std::size_t taken = scanner_.feed(rest);
        head_.append(as_text(rest.first(taken)));
        consumed += taken;
        if (scanner_.state() == http::HeadScanner::State::scanning) break;
        if (scanner_.state() == http::HeadScanner::State::failed || !take_head()) {
            state_ = State::broken;
            return {consumed, Event::broken, {}};
        }
        const bool is_interim = reads_ == Reads::responses && response_.status < 200;
        if (!is_interim) {
            state_ = State::body;
            return {consumed, Event::head, {}};
        }
        begin_message();
    }
    return {consumed, Event::more, {}};
}

HttpReader::Step HttpReader::read_body(Bytes input) {
    std::size_t consumed = 0;
    while (body_.state() == http::BodyDecoder::State::reading && consumed < input.size()) {
        const http::BodyDecoder::Step step = body_.feed(input.subspan(consumed));
        const Bytes data = input.subspan(consumed + step.data_offset, step.data_bytes);
        consumed += step.consumed;
        if (step.data_bytes > 0) return {consumed, Event::data, data};
    }
    switch (body_.state()) {
        case http::BodyDecoder::State::reading:
            return {consumed, Event::more, {}};
        case http::BodyDecoder::State::complete:
            begin_message();
            return {consumed, Event::end, {}};
        case http::BodyDecoder::State::failed:
            break;
    }
    state_ = State::broken;
    return {consumed, Event::broken, {}};
}

bool HttpReader::take_head() {
    const std::string_view head = std::string_view(head_).substr(scanner_.leading_bytes());
    if (reads_ == Reads::requests) {
        if (parse_request_head(head, request_) != http::HeadError::none) return false;
        body_ = {request_.framing, request_.content_length, message_bytes_max};
    } else {
        if (parse_response_head(head, http::Method::post, response_) != http::HeadError::none)
            return false;
        body_ = {response_.framing, response_.content_length, ~std::uint64_t{0}};
    }
    return body_.state() != http::BodyDecoder::State::failed;
}

void HttpReader::begin_message() {
    state_ = State::head;
    head_.clear();
    scanner_.reset();
}

}  // namespace mcpgw::bench
