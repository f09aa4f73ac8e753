// Turns host names into addresses without making the reconciler wait.
//
// A few threads ask: the hosts file and DNS by c-ares, which tells how long an answer is good; if
// that finds nothing, getaddrinfo(), which knows every other source of nsswitch.conf but no times.
// Answers queue up and make `fd` readable. A name that takes the resolver half a minute delays only
// its own adapter. The threads own nothing but the queue that they share with this object, so the
// end of the program does not wait for them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/result.h"

namespace mcpgw::deploy {

struct Resolution {
    std::string host;
    std::vector<std::string> addresses;  // numeric, in the order of preference; empty: `error`
    std::optional<std::uint32_t> ttl_seconds;  // as it was told, not yet bounded
    std::string error;                         // "Name or service not known"
};

class Resolver {
  public:
    // `dns_servers` ("127.0.0.1:5353,…") are asked instead of those of this machine, and nobody
    // else then; empty: as this machine is configured.
    [[nodiscard]] static Result<Resolver> open(const std::string& dns_servers = "");
    Resolver(Resolver&&) noexcept;
    Resolver& operator=(Resolver&&) = delete;
    ~Resolver();

    // A host that is asked for already is not asked for twice.
    void ask(const std::string& host);
    [[nodiscard]] std::vector<Resolution> take_answers();
    [[nodiscard]] int fd() const;  // an eventfd

  private:
    struct Desk;
    explicit Resolver(std::shared_ptr<Desk> desk);
    std::shared_ptr<Desk> desk_;
};

// The address itself if `host` is numeric, IPv4 or IPv6.
[[nodiscard]] bool is_numeric_address(const std::string& host);

}  // namespace mcpgw::deploy
