// The numeric address of a client in seventeen bytes: a connection keeps it for as long as it
// lives, and its text, which is almost three times as long, is needed once a request.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
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

  private:
    enum class Family : std::uint8_t { none, v4, v6 };

    std::array<std::uint8_t, 16> bytes_{};
    Family family_ = Family::none;
};

}  // namespace mcpgw::transport
