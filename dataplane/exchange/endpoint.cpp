// Streams of HTTP+SSE servers (MCP 2024-11-05). Their first event tells the client where to post:
//
//   server   event: endpoint            client   event: endpoint
//            data: /messages?s=5f1c              data: /adapters/x/messages?sessionId=v1.k1.9a…
//
// The sealed value holds the instance and the server's own target, so that a message finds the
// instance that holds the stream through whichever worker or gateway it comes. The head and what
// comes before that event are held back, so that a stream without a usable one can still be refused
// with 502; everything but the one value goes on as it came. The session ends with its stream.
#include <array>
#include <cstring>

#include "common/protocol/http1_head.h"
#include "dataplane/exchange/exchange.h"
#include "dataplane/exchange/heads.h"
#include "dataplane/exchange/standing.h"

namespace mcpgw::exchange {
namespace {

// The fields that were kept, a line each.
bool read_lines(std::string_view lines, http::Fields& out) {
    while (!lines.empty()) {
        const std::size_t end = lines.find('\n');
        const std::size_t colon = lines.find(':');
        if (!out.add(lines.substr(0, colon), lines.substr(colon + 1, end - colon - 1)))
            return false;
        lines.remove_prefix(end + 1);
    }
    return true;
}

class NoSink final : public sse::Sink {
  public:
    void on_data(std::string_view) override {}
    void on_event_end() override {}
};

}  // namespace

// The wait for the answer's first byte goes on: what clients wait for is the event.
void Exchange::await_endpoint(const http::ResponseHead& head) {
    http::Fields fields;
    if (is_encoded(head)) return refuse(Refusal::unusable_endpoint);
    if (!make_response_fields(head, {}, fields) || !add_grant_to(fields))
        return refuse(Refusal::bad_answer);
    AwaitedEndpoint* const waiting = services_.awaited_endpoints.acquire();
    if (waiting == nullptr) return refuse(Refusal::overloaded);
    awaited_answer_->endpoint = waiting;
    bool fits = true;
    for (const http::Field& field : fields.all())
        fits = fits && waiting->append(field.name) && waiting->append(":") &&
               waiting->append(field.value) && waiting->append("\n");
    if (!fits) return refuse(Refusal::unusable_endpoint);
    waiting->field_bytes = waiting->bytes;
    state_ = State::awaiting_endpoint;
}

void Exchange::take_stream_beginning(Bytes piece) {
    AwaitedEndpoint& waiting = *awaited_answer_->endpoint;
    if (!waiting.append(as_text(piece))) return refuse(Refusal::unusable_endpoint);
    const std::string_view stream = waiting.stream();
    const sse::EndpointEvent event = sse::find_endpoint(stream);
    if (event.state == sse::EndpointEvent::State::incomplete) return;
    const std::string_view reference =
        stream.substr(event.value_begin, event.value_end - event.value_begin);
    if (event.state == sse::EndpointEvent::State::broken) return refuse(Refusal::unusable_endpoint);
    std::array<char, limits::endpoint_bytes_max> endpoint;
    std::size_t endpoint_bytes = 0;
    if (const auto refusal = open_sse_session(reference, endpoint, endpoint_bytes))
        return refuse(*refusal);
    begin_sse_stream(event, {endpoint.data(), endpoint_bytes});
}

// Writes the endpoint of the client.
std::optional<Refusal> Exchange::open_sse_session(std::string_view reference,
                                                  std::span<char> endpoint,
                                                  std::size_t& endpoint_bytes) {
    const Adapter* adapter = adapter_now();
    const Instance* instance = adapter == nullptr ? nullptr : adapter->find(load_->instance_id);
    if (instance == nullptr) return Refusal::session_of_gone_instance;
    std::array<char, limits::server_session_id_bytes_max> target;
    const std::size_t target_bytes =
        sse::resolve_endpoint(reference, instance->authority, instance->path, target);
    if (target_bytes == 0) return Refusal::unusable_endpoint;
    const std::string_view server_target(target.data(), target_bytes);

    std::size_t size = 0;
    const auto put = [&](std::string_view text) {
        size += text.copy(endpoint.data() + size, text.size());
    };
    put("/adapters/");
    put(adapter->name);
    put("/messages?");
    put(kEndpointParameter);
    std::size_t sealed = 0;
    if (const auto refusal = open_session(server_target, endpoint.subspan(size), sealed))
        return refusal;
    endpoint_bytes = size + sealed;
    ends_session_ = true;
    return std::nullopt;
}

void Exchange::begin_sse_stream(const sse::EndpointEvent& event, std::string_view endpoint) {
    // Taken out of the awaited answer, which is given back before the head goes out.
    AwaitedEndpoint* const waiting = std::exchange(awaited_answer_->endpoint, nullptr);
    const limit::Standing standing = awaited_answer_->standing;
    release_awaited_answer();
    release_request_peek();
    http::Fields fields;
    check(read_lines(waiting->fields(), fields), "fields that were there fit again");
    StandingText standing_text;
    maybe(add_standing(standing, standing_text, fields));
    flow::ResponseOut out;
    out.status = status_ = 200;
    out.framing = http::Framing::chunked;  // the length is another now
    out.fields = &fields;
    is_stream_ = true;
    services_.context.metrics.streams_active.add();
    enter_stream();
    count_stream();
    await_results_of_session();
    begin_answer(out);
    const std::string_view stream = waiting->stream();
    const std::string_view rest = stream.substr(event.value_end);
    NoSink sink;
    scanner_.feed(as_bytes(stream.substr(0, event.value_end)), sink);
    client_.send_text(stream.substr(0, event.value_begin));
    client_.send_text(endpoint);
    if (visible_tools() != nullptr) {
        filter_answer(as_bytes(rest), nullptr);
    } else {
        scanner_.feed(as_bytes(rest), sink);
        client_.send_text(rest);
    }
    services_.awaited_endpoints.release(waiting);
}

// If the stream breaks, it says so for each request that was posted to the session.
void Exchange::await_results_of_session() {
    SessionRecord record;
    if (!session_ || !services_.sessions.table.read(session_, record)) return;
    awaited_id_ = services_.awaited_ids.acquire(std::string_view());
    check(awaited_id_ != nullptr, "there are as many ids as exchanges");
    awaited_id_->session = record.key.mark;
}

}  // namespace mcpgw::exchange
