// Any bytes as a connection of a server: the answers that the gateway finds do not depend on the
// cutting, and what it writes on is read as exactly these answers by a reader that shares no code
// with it. The first byte says which of the requests were HEAD, bit by bit.
#include <array>

#include "tests/http1/message_stream.h"

namespace mcpgw::http1 {
namespace {

class ResponseReader {
  public:
    explicit ResponseReader(std::uint8_t heads) : heads_(heads) {}

    bool read_head(std::string_view text, std::size_t leading, Forwarded& out,
                   std::uint64_t& length) {
        http::ResponseHead head;
        const http::Method method = is_head() ? http::Method::head : http::Method::post;
        if (leading > 0 || parse_response_head(text, method, head) != http::HeadError::none)
            return false;
        if (head.status == 101) return false;
        std::vector<char> room(text.size() + 8 * head.fields.size() + 256);
        http::HeadWriter writer(room);
        writer.status_line(head.status, head.reason);
        write_fields(writer, head.fields);
        check(!writer.overflowed(), "writing adds little");
        out.head = writer.text();
        out.framing = head.framing;
        out.interim = head.status < 200;
        length = head.content_length;
        keep_alive_ = head.keep_alive || out.interim;
        if (!out.interim) ++number_;
        return true;
    }
    [[nodiscard]] bool goes_on() const { return keep_alive_; }
    [[nodiscard]] bool is_head() const { return (heads_ >> (number_ % 8) & 1U) != 0; }

  private:
    std::uint8_t heads_;
    std::size_t number_ = 0;
    bool keep_alive_ = true;
};

void check_what_a_client_reads(const Stream& stream, std::uint8_t heads) {
    std::string wire;
    std::size_t complete = 0;
    for (const Forwarded& message : stream.messages) {
        if (!message.complete) break;
        wire += written(message);
        ++complete;
    }
    std::string_view rest = wire;
    std::size_t number = 0;
    for (std::size_t i = 0; i < complete; ++i) {
        const bool is_head = (heads >> (number % 8) & 1U) != 0;
        const Message seen = read_response(rest, is_head ? "HEAD" : "POST", false);
        check(seen.whole(), "each answer is whole and of the one spelling");
        check(seen.body == stream.messages[i].body, "with the body that the gateway saw");
        check((seen.status() < 200) == stream.messages[i].interim, "and of the same kind");
        if (!stream.messages[i].interim) ++number;
        rest.remove_prefix(seen.bytes);
    }
    check(rest.empty(), "and nothing is left that could be another one");
}

}  // namespace
}  // namespace mcpgw::http1

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace mcpgw::http1;
    if (size == 0) return 0;
    const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
    check_what_a_client_reads(read_in_many_ways(text, ResponseReader(data[0])), data[0]);
    return 0;
}
