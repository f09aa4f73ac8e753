// Any bytes as a connection of a client: the requests that the gateway finds do not depend on the
// cutting, and what it writes on is read as exactly these requests by a reader that shares no code
// with it. So no bytes make a server behind the gateway see other borders than the gateway did.
#include <array>

#include "tests/http1/message_stream.h"

namespace mcpgw::http1 {
namespace {

class RequestReader {
  public:
    bool read_head(std::string_view text, std::size_t, Forwarded& out, std::uint64_t& length) {
        http::RequestHead head;
        if (http::parse_request_head(text, head) != http::HeadError::none) return false;
        std::vector<char> room(text.size() + 8 * head.fields.size() + 256);
        http::HeadWriter writer(room);
        writer.request_line(head.method_text, head.target);
        writer.field("Host", head.host.empty() ? "none" : head.host);
        write_fields(writer, head.fields);
        check(!writer.overflowed(), "writing adds little");
        out.head = writer.text();
        out.framing = head.framing;
        length = head.content_length;
        keep_alive_ = head.keep_alive;
        return true;
    }
    [[nodiscard]] bool goes_on() const { return keep_alive_; }

  private:
    bool keep_alive_ = true;
};

void check_what_a_server_reads(const Stream& stream) {
    std::string wire;
    std::size_t complete = 0;
    for (const Forwarded& message : stream.messages) {
        if (!message.complete) break;
        wire += written(message);
        ++complete;
    }
    std::string_view rest = wire;
    for (std::size_t i = 0; i < complete; ++i) {
        const Message seen = read_request(rest);
        check(seen.whole(), "each request is whole and of the one spelling");
        check(seen.body == stream.messages[i].body, "with the body that the gateway saw");
        rest.remove_prefix(seen.bytes);
    }
    check(rest.empty(), "and nothing is left that could be another one");
}

}  // namespace
}  // namespace mcpgw::http1

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace mcpgw::http1;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    check_what_a_server_reads(read_in_many_ways(text, RequestReader()));
    return 0;
}
