// The text of an IPv4 address is written by hand, because it is wanted for every request.
#include "dataplane/transport/peer_address.h"

#include <charconv>
#include <cstring>

#include <arpa/inet.h>

namespace mcpgw::transport {
namespace {

std::size_t write_v4(const std::uint8_t* octets, char* out, char* end) {
    char* at = out;
    for (int i = 0; i < 4; ++i) {
        if (i > 0) *at++ = '.';
        at = std::to_chars(at, end, octets[i]).ptr;
    }
    return static_cast<std::size_t>(at - out);
}

}  // namespace

PeerAddress::PeerAddress(std::string_view text) {
    std::array<char, text_bytes_max + 1> terminated{};
    if (text.size() > text_bytes_max) return;
    text.copy(terminated.data(), text.size());
    if (inet_pton(AF_INET, terminated.data(), bytes_.data()) == 1)
        family_ = Family::v4;
    else if (inet_pton(AF_INET6, terminated.data(), bytes_.data()) == 1)
        family_ = Family::v6;
}

PeerAddress::Text PeerAddress::text() const {
    Text out;
    char* const begin = out.bytes.data();
    switch (family_) {
        case Family::none:
            break;
        case Family::v4:
            out.size = write_v4(bytes_.data(), begin, begin + out.bytes.size());
            break;
        case Family::v6:
            if (inet_ntop(AF_INET6, bytes_.data(), begin, out.bytes.size()) != nullptr)
                out.size = std::strlen(begin);
            break;
    }
    return out;
}

}  // namespace mcpgw::transport
