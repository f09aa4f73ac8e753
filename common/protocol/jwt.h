// A JSON Web Token taken apart (RFC 7515 compact serialisation, RFC 7519): three parts, the
// members of the header, claims by name. It says what stands there; whether that is true is for
// who has keys (dataplane/auth/verifier.h).
//
//   base64url(header) . base64url(claims) . base64url(signature)
//   └────────── signed_part() ──────────┘
//
// Strict: no padding, no foreign characters, no member twice in any object (whoever checks must
// not read another one than whoever uses it), limits::token_bytes_max, few levels of nesting.
// Views live until the next parse; they point into the token or into this object.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <type_traits>

#include "common/bytes.h"
#include "common/limits.h"

namespace mcpgw::jwt {

enum class ParseFault : std::uint8_t {
    none,
    too_long,
    not_three_parts,
    encrypted,  // five parts: JWE
    not_base64url,
    not_json,  // or nested too deeply, or no object
    repeated_member,
    bad_header,  // a member of the header has a wrong type
};

struct Header {
    std::string_view algorithm;  // `alg`; never empty after a successful parse
    std::string_view key_id;     // `kid`
    std::string_view type;       // `typ`
    bool has_key_id = false;
    bool has_type = false;
    bool has_critical = false;  // `crit`: an extension that must be understood
};

class Token {
  public:
    // What a claim is; null is as if it were absent.
    enum class Kind : std::uint8_t { absent, text, number, list, other };

    Token();
    Token(const Token&) = delete;
    Token& operator=(const Token&) = delete;
    ~Token();

    [[nodiscard]] ParseFault parse(std::string_view token);

    [[nodiscard]] const Header& header() const { return header_; }
    [[nodiscard]] std::string_view signed_part() const { return signed_part_; }
    [[nodiscard]] Bytes signature() const;

    // Claims by the name of a member or, if there is no such member, by a path of members with
    // dots between them.
    [[nodiscard]] Kind kind_of(std::string_view path) const;
    // Empty if it is no string.
    [[nodiscard]] std::string_view text(std::string_view path) const;
    // Seconds, rounded down; nothing if it is no number. Beyond ±2^53 it is as that.
    [[nodiscard]] std::optional<std::int64_t> date(std::string_view path) const;
    // Calls visit(text) for a string, or for each string of a list. False if it is there
    // and something else, or the list holds something else.
    template <class Visit>
    [[nodiscard]] bool each_text(std::string_view path, Visit&& visit) const {
        const auto call = [](void* context, std::string_view item) {
            (*static_cast<std::remove_reference_t<Visit>*>(context))(item);
        };
        return visit_texts(path, call, &visit);
    }

  private:
    struct Trees;
    using Call = void (*)(void* context, std::string_view item);

    [[nodiscard]] ParseFault decode(std::string_view header, std::string_view claims,
                                    std::string_view signature);
    [[nodiscard]] ParseFault read_header();
    [[nodiscard]] bool visit_texts(std::string_view path, Call call, void* context) const;

    std::unique_ptr<Trees> trees_;
    Header header_;
    std::string_view signed_part_;
};

}  // namespace mcpgw::jwt
