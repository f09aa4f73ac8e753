// Turns host names into addresses without making the reconciler wait.
//
// A few threads call getaddrinfo(); answers queue up and make `fd` readable. A name that takes the
// resolver half a minute delays only its own adapter. The threads own nothing but the queue that
// they share with this object, so the end of the program does not wait for them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/result.h"

namespace mcpgw::deploy {

struct Resolution {
    std::string host;
    std::vector<std::string> addresses;  // numeric, in the order of preference; empty: `error`
    std::string error;                   // "Name or service not known"
};

class Resolver {
  public:
    [[nodiscard]] static Result<Resolver> open();
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
