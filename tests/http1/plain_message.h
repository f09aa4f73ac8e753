// A plain reading of one HTTP/1.1 message, for tests: the other opinion on where it ends.
//
// Written from the RFC for whole strings, without any code of the product. It accepts only what a
// gateway may send: one spelling of each thing, so that no two readers can differ. Everything else
// is `wrong` with a reason, which a test shows.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mcpgw::http1 {

struct Message {
    enum class State { incomplete, whole, wrong };
    State state = State::incomplete;
    std::string wrong;                                        // why
    std::string start;                                        // the first line
    std::vector<std::pair<std::string, std::string>> fields;  // names in lower case
    std::string body;
    std::vector<std::pair<std::string, std::string>> trailers;
    std::size_t bytes = 0;  // of the message on the wire

    [[nodiscard]] bool whole() const { return state == State::whole; }
    [[nodiscard]] std::size_t count(std::string_view name) const;
    [[nodiscard]] std::string field(std::string_view name) const;  // the first, or ""
    // Of a response; 0 if there is none.
    [[nodiscard]] int status() const;
};

// The message at the beginning of `bytes`.
[[nodiscard]] Message read_request(std::string_view bytes);
// `method` is that of the request; `ended`: nothing follows the bytes.
[[nodiscard]] Message read_response(std::string_view bytes, std::string_view method, bool ended);

}  // namespace mcpgw::http1
