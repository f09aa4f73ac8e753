// Messages of a wished size.
#include "bench/load/message.h"

#include <array>
#include <cstdio>
#include <map>

#include "common/check.h"

namespace mcpgw::bench {
namespace {

constexpr std::string_view kLetters =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

// Text that compresses badly and repeats nowhere, so that a displaced range is noticed.
std::string filler(std::size_t bytes) {
    std::string text(bytes, ' ');
    std::uint64_t state = 0x9e3779b97f4a7c15ULL;
    for (char& c : text) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        c = kLetters[state >> 58];
    }
    return text;
}

struct Envelope {
    std::string_view before;
    std::string_view after;
};

const std::string& message_of(std::size_t bytes, const Envelope& envelope,
                              std::map<std::size_t, std::string>& made) {
    check(bytes <= message_bytes_max);
    const auto [place, is_new] = made.try_emplace(bytes);
    if (is_new) {
        const std::size_t frame = envelope.before.size() + envelope.after.size();
        place->second = std::string(envelope.before) + filler(bytes > frame ? bytes - frame : 0) +
                        std::string(envelope.after);
    }
    return place->second;
}

}  // namespace

const std::string& call_of(std::size_t bytes) {
    static std::map<std::size_t, std::string> made;
    return message_of(bytes,
                      {R"({"jsonrpc":"2.0","id":7,"method":"tools/call","params":)"
                       R"({"name":"echo","arguments":{"message":")",
                       R"("}}})"},
                      made);
}

const std::string& answer_of(std::size_t bytes) {
    static std::map<std::size_t, std::string> made;
    return message_of(bytes,
                      {R"({"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":")",
                       R"("}],"isError":false}})"},
                      made);
}

std::string event_of(std::uint32_t stream, std::uint64_t number) {
    std::array<char, 256> text;
    const int bytes =
        std::snprintf(text.data(), text.size(),
                      "event: message\ndata: "
                      "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":"
                      "{\"level\":\"info\",\"data\":\"stream %05u, event %010llu\"}}\n\n",
                      stream, static_cast<unsigned long long>(number));
    check(bytes > 0 && static_cast<std::size_t>(bytes) < text.size());
    return {text.data(), static_cast<std::size_t>(bytes)};
}

}  // namespace mcpgw::bench
