// The numeric address of a client in seventeen bytes: a connection keeps it for as long as it
// lives, and its text, which is almost three times as long, is needed once a request.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace mcpgw::transport {

class PeerAddress {
  public:
    static constexpr std::size_t text_bytes_max = 45;  // INET6_ADDRSTRLEN without its NUL
    struct Text {
        std::array<char, text_bytes_max + 1> bytes{};
        std::size_t size = 0;
        [[nodiscard]] std::string_view view() const { return {bytes.data(), size}; }
    };

    PeerAddress() = default;  // none
    // As getpeername says it; anything that is no address of IPv4 or IPv6 (a Unix socket) is none.
    explicit PeerAddress(std::string_view text);
    // In the canonical form; empty for none.
    [[nodiscard]] Text text() const;
    [[nodiscard]] bool is_none() const { return family_ == Family::none; }

  private:
    friend class Network;
    enum class Family : std::uint8_t { none, v4, v6 };

    std::array<std::uint8_t, 16> bytes_{};
    Family family_ = Family::none;
};

// The addresses that begin with the same bits: 10.0.0.0/8, 2001:db8::/32, or one address. An IPv4
// address is the same as its form in IPv6 (::ffff:a.b.c.d), in which a socket for both has it.
class Network {
  public:
    // Nothing for what is no address, or has bits set beyond its prefix.
    [[nodiscard]] static std::optional<Network> parse(std::string_view text);
    // Nobody without an address is in any.
    [[nodiscard]] bool contains(const PeerAddress& address) const;

  private:
    std::array<std::uint8_t, 16> bytes_{};
    unsigned bits_ = 128;  // of the form in IPv6
};

}  // namespace mcpgw::transport
