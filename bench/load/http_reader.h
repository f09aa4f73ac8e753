// Reads HTTP/1.1 messages from a byte stream, one after another, for both ends of the load.
//
//   while (!input.empty() || more) { step = reader.feed(input); ... input = rest after consumed }
//
// A step is a head, a range of payload (in the input itself), the end of a message, or that more
// bytes are needed. Interim answers (1xx) are passed over. It owns the bytes of the present head
// only; sockets and verification are left to its owner. After `broken` it reads nothing more.
#pragma once

#include <string>

#include "common/bytes.h"
#include "common/protocol/http1_body.h"
#include "common/protocol/http1_head.h"

namespace mcpgw::bench {

class HttpReader {
  public:
    enum class Reads : std::uint8_t { requests, responses };
    enum class Event : std::uint8_t { more, head, data, end, broken };
    struct Step {
        std::size_t consumed = 0;
        Event event = Event::more;
        Bytes data;  // payload, for Event::data
    };

    explicit HttpReader(Reads reads) : reads_(reads) {}

    // `more` means that all of the input is consumed and nothing is to be told.
    Step feed(Bytes input);

    // Of the present message, from its head event to its end event.
    [[nodiscard]] const http::RequestHead& request() const { return request_; }
    [[nodiscard]] const http::ResponseHead& response() const { return response_; }

  private:
    enum class State : std::uint8_t { head, body, broken };

    Step read_head(Bytes input);
    Step read_body(Bytes input);
    // What the head is about; false: it breaks the rules.
    bool take_head();
    void begin_message();

    Reads reads_;
    State state_ = State::head;
    std::string head_;
    http::HeadScanner scanner_;
    http::BodyDecoder body_;
    http::RequestHead request_;
    http::ResponseHead response_;
};

}  // namespace mcpgw::bench
