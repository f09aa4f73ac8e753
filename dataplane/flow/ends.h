// The two neighbours of an exchange, and what they tell it.
//
//   client::Http1Client  --RequestHead, body-->  Exchange  --RequestOut, body-->
//   backend::Http1Backend
//        (ClientEnd)     <--ResponseOut, body--            <--BackendEvents---      (BackendEnd)
//
// Calls go one way through the three and only append to queues or record facts; nobody is freed
// inside a call. HTTP/2, the tool router and translation between eras are further ends.
#pragma once

#include <cstdint>
#include <string_view>

#include "common/protocol/http_message.h"
#include "common/result.h"
#include "dataplane/io/buffer_pool.h"
#include "dataplane/transport/segment.h"

namespace mcpgw::transport {
class Connection;
}

namespace mcpgw::flow {

// Views live only during the call.
struct RequestOut {
    http::Method method = http::Method::other;
    std::string_view method_text;
    std::string_view target;
    std::string_view authority;  // value of Host
    http::Framing framing = http::Framing::none;
    std::uint64_t content_length = 0;
    const http::Fields* fields = nullptr;  // end-to-end fields, without Host and framing
};

struct ResponseOut {
    std::uint16_t status = 0;
    std::string_view reason;
    http::Framing framing =
        http::Framing::none;  // none, content_length, or chunked = unknown length
    std::uint64_t content_length = 0;
    const http::Fields* fields = nullptr;  // end-to-end fields, without framing
};

// A piece of a body. Received as one plain chunk it is given with its chunk's framing around it, so
// that it can go on unchanged.
struct BodyPiece {
    io::Slice bytes;
    std::uint8_t chunk_head_bytes = 0;  // before the payload; 0: `bytes` is payload alone
    std::uint8_t chunk_tail_bytes = 0;  // behind it

    [[nodiscard]] Bytes payload() const {
        return bytes.bytes().subspan(chunk_head_bytes,
                                     bytes.size() - chunk_head_bytes - chunk_tail_bytes);
    }
};

class BackendEnd;

class ClientEnd {
  public:
    // A 1xx answer before the final one; left out where the client cannot take it (HTTP/1.0, or a
    // 100 that it has had).
    virtual void send_interim(const ResponseOut& head) = 0;
    virtual void send_head(const ResponseOut& head) = 0;
    virtual void send_body(BodyPiece piece) = 0;
    // Bytes that the gateway itself writes into the body; copied.
    virtual void send_text(std::string_view text) = 0;
    // The answer is complete.
    virtual void finish() = 0;
    // The answer cannot be completed: the client must notice, so the connection ends after what is
    // queued already.
    virtual void break_off() = 0;
    // True: send no more until Exchange::on_client_room.
    [[nodiscard]] virtual bool is_full() = 0;
    // Bytes of the answer that still wait to be taken by the client's kernel.
    [[nodiscard]] virtual std::size_t queued_bytes() const = 0;
    // Stops and restarts the flow of the request body.
    virtual void pause_request() = 0;
    virtual void resume_request() = 0;
    // Lets the rest of the request's body go to the backend inside the kernel, if it is long enough
    // and both ends can: Exchange::on_request_moved tells of it instead of on_request_body.
    virtual void splice_request(BackendEnd& to) = 0;
    // Where the bytes of an answer's body go out as they are; nullptr if they are framed.
    [[nodiscard]] virtual transport::Connection* plain_output() = 0;

  protected:
    ~ClientEnd() = default;
};

class BackendEnd {
  public:
    virtual void send_head(const RequestOut& head) = 0;
    virtual void send_body(io::Slice bytes) = 0;
    virtual void finish_request() = 0;
    // Whether the connection has served an exchange before.
    [[nodiscard]] virtual bool is_reused() const = 0;
    // After on_backend_failed with a retry that allows it: a new connection to the same server, on
    // which the request goes out again. nullptr if there is none. This end is released as ever.
    [[nodiscard]] virtual BackendEnd* repeat() = 0;
    // After on_backend_failed with Retry::always: gives back what was queued behind the head, with
    // its framing; send_framed() queues it on another connection, behind another head.
    virtual void take_back(transport::SegmentQueue body) = 0;
    virtual void send_framed(transport::SegmentQueue body, bool complete) = 0;
    [[nodiscard]] virtual bool is_full() = 0;
    virtual void pause_response() = 0;
    virtual void resume_response() = 0;
    // As ClientEnd::splice_request and plain_output, the other way round.
    virtual void splice_response(ClientEnd& to) = 0;
    [[nodiscard]] virtual transport::Connection* plain_output() = 0;
    // Receive buffers are scarce: lets go of those that are held for small pieces.
    virtual void relieve() = 0;
    // The exchange has no more business with it: a connection whose request and answer are complete
    // serves again, any other is closed. No event follows.
    virtual void release() = 0;

  protected:
    ~BackendEnd() = default;
};

// Told to the exchange by its backend end.
class BackendEvents {
  public:
    // A 1xx answer; the final one is still to come.
    virtual void on_interim_answer(const http::ResponseHead& head) = 0;
    virtual void on_response_head(const http::ResponseHead& head) = 0;
    virtual void on_response_body(BodyPiece piece) = 0;
    // So much of the body went to the client inside the kernel.
    virtual void on_response_moved(std::uint64_t bytes) = 0;
    virtual void on_response_end() = 0;
    // The answer will not be completed. unavailable and timed_out: no connection came about;
    // reset: the server broke it; protocol: what it sent is no HTTP/1.1. `retry` says whether the
    // request may go out again: always, because not one byte of it was sent; if_reused, because it
    // is idempotent and the connection, which had served before, brought no byte of an answer (RFC
    // 9112 section 9.3.1).
    virtual void on_backend_failed(Code code, Retry retry) = 0;
    virtual void on_backend_room() = 0;

  protected:
    ~BackendEvents() = default;
};

}  // namespace mcpgw::flow
