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

using Octets = std::array<std::uint8_t, 16>;

// The same address in IPv6; the bits before an IPv4 address are 96.
constexpr unsigned kMappedBits = 96;
Octets mapped(const Octets& v4) {
    Octets out{};
    out[10] = out[11] = 0xff;
    std::memcpy(out.data() + 12, v4.data(), 4);
    return out;
}

// Whether the first `bits` are the same.
bool agree(const Octets& a, const Octets& b, unsigned bits) {
    const std::size_t whole = bits / 8;
    if (std::memcmp(a.data(), b.data(), whole) != 0) return false;
    const unsigned rest = bits % 8;
    return rest == 0 || (a[whole] ^ b[whole]) >> (8 - rest) == 0;
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

std::optional<Network> Network::parse(std::string_view text) {
    const std::size_t slash = text.find('/');
    const PeerAddress address(text.substr(0, slash));
    if (address.is_none()) return std::nullopt;
    const bool is_v4 = address.family_ == PeerAddress::Family::v4;
    const unsigned most = is_v4 ? 32 : 128;
    unsigned bits = most;
    if (slash != std::string_view::npos) {
        const char* const end = text.data() + text.size();
        const auto [stopped, error] = std::from_chars(text.data() + slash + 1, end, bits);
        if (error != std::errc() || stopped != end || bits > most) return std::nullopt;
    }
    Network network;
    network.bits_ = is_v4 ? kMappedBits + bits : bits;
    network.bytes_ = is_v4 ? mapped(address.bytes_) : address.bytes_;
    for (unsigned bit = network.bits_; bit < 128; ++bit)
        if ((network.bytes_[bit / 8] >> (7 - bit % 8) & 1) != 0) return std::nullopt;
    return network;
}

bool Network::contains(const PeerAddress& address) const {
    switch (address.family_) {
        case PeerAddress::Family::none:
            break;
        case PeerAddress::Family::v4:
            return agree(bytes_, mapped(address.bytes_), bits_);
        case PeerAddress::Family::v6:
            return agree(bytes_, address.bytes_, bits_);
    }
    return false;
}

}  // namespace mcpgw::transport
