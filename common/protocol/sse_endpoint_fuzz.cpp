// The endpoint event: found at the same place however much of the stream has come since, agreeing
// with the scanner about where events end; what a reference resolves to is a request target.
//
// Input: up to the first zero byte a stream, behind it the path of the stream's own URL.
#include <array>
#include <cstdint>
#include <string_view>

#include "common/check.h"
#include "common/protocol/sse.h"
#include "common/protocol/sse_endpoint.h"

namespace {

using mcpgw::check;
using mcpgw::sse::EndpointEvent;

class Ends final : public mcpgw::sse::Sink {
  public:
    void on_data(std::string_view) override {}
    void on_event_end() override { ++count; }
    std::size_t count = 0;
};

std::size_t events_in(std::string_view text) {
    mcpgw::sse::Scanner scanner;
    Ends ends;
    scanner.feed(mcpgw::as_bytes(text), ends);
    return ends.count;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    const std::size_t zero = std::min(input.find('\0'), input.size());
    const std::string_view stream = input.substr(0, zero);
    const EndpointEvent event = mcpgw::sse::find_endpoint(stream);
    if (event.state == EndpointEvent::State::incomplete) return 0;
    check(events_in(stream) > 0, "an event was found where one has ended");
    if (event.state == EndpointEvent::State::broken) return 0;
    check(event.value_begin <= event.value_end && event.value_end <= stream.size(),
          "the value lies in the stream");
    // The first prefix in which it is found gives the same.
    std::size_t shortest = stream.size();
    while (mcpgw::sse::find_endpoint(stream.substr(0, shortest - 1)).state ==
           EndpointEvent::State::found)
        --shortest;
    const EndpointEvent first = mcpgw::sse::find_endpoint(stream.substr(0, shortest));
    check(first.value_begin == event.value_begin && first.value_end == event.value_end,
          "what comes behind the event changes nothing");

    std::array<char, 512> out{};
    const std::string_view reference =
        stream.substr(event.value_begin, event.value_end - event.value_begin);
    const std::string_view base = zero == input.size() ? "/sse" : input.substr(zero + 1);
    const std::size_t bytes = mcpgw::sse::resolve_endpoint(
        reference, "127.0.0.1:80", base.starts_with('/') ? base : "/sse", out);
    check(bytes <= out.size(), "the target fits");
    if (bytes > 0) check(out[0] == '/', "a target is in origin form");
    return 0;
}
