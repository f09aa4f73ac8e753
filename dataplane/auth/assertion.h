// What the gateway asserts to servers about a caller: a short-lived JWT (RFC 7519) that it signs
// with ES256 (RFC 7518 section 3.4), so that a server need not trust whoever can reach it.
//
//   {"iss":"mcp-gateway","aud":ADAPTER,"sub":USER,"name":…,"roles":[…],"tenant":…,"iat":…,"exp":…}
//
// Signing takes tens of microseconds, so an assertion serves for half its life: one for each caller
// and adapter is kept, in a place that its hash says; who comes later takes the place. One object
// per worker. Servers get the public keys from jwks(), those included that sign no more.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "common/contract/access.h"
#include "dataplane/auth/identity.h"

struct evp_pkey_st;

namespace mcpgw::auth {

class Assertions {
  public:
    static constexpr std::string_view kHeader = "X-Mcp-Identity";

    Assertions();
    Assertions(const Assertions&) = delete;
    Assertions& operator=(const Assertions&) = delete;
    ~Assertions();

    // Takes the keys; does nothing when it is the same object as before. Keys that are none on
    // P-256 are left out.
    void set_access(const std::shared_ptr<const contract::Access>& access);

    struct Subject {
        const Identity& identity;
        std::string_view tenant;   // that the request counts for; may be empty
        std::string_view adapter;  // its name
        std::string_view issuer;
    };
    // Valid until the next call; empty without a key to sign with.
    [[nodiscard]] std::string_view of(const Subject& subject, std::uint64_t unix_seconds);

    // The public keys as a JWK Set (RFC 7517).
    [[nodiscard]] std::string_view jwks() const { return jwks_; }

  private:
    struct FreeKey {
        void operator()(evp_pkey_st* key) const;
    };
    using Key = std::unique_ptr<evp_pkey_st, FreeKey>;
    // Several hundred callers at work at the same time sign anew now and then, and no more.
    static constexpr std::size_t kPlaces = 512;
    struct Place {
        std::string claims;  // without times
        std::string token;
        std::uint64_t issued_unix_s = 0;
    };

    [[nodiscard]] std::string sign(std::string_view claims, std::uint64_t unix_seconds) const;

    std::shared_ptr<const contract::Access> access_;  // so that no other has its address
    Key signing_;
    std::string head_;  // of tokens, encoded
    std::string jwks_ = R"({"keys":[]})";
    std::string claims_;
    std::unique_ptr<std::array<Place, kPlaces>> places_;
};

}  // namespace mcpgw::auth
