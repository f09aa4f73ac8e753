// Frames on the Unix socket between the planes: four bytes of length (big endian), then that many
// bytes of JSON, an object with a string member "type".
//
//   +----------------+---------------------+
//   | length, 4 bytes| JSON text           |   1 <= length <= limits::frame_bytes_max
//   +----------------+---------------------+
//
// Order: the data plane says `hello`; the control plane answers with `snapshot` or with `delta`s;
// each is answered by `ack` or `refuse`; afterwards either side sends when it has something to say:
// events (events.h), questions and answers (sessions.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/result.h"

namespace mcpgw::contract {

inline constexpr int kContractVersion = 1;

// The frame for a JSON text (which must be within the limit).
[[nodiscard]] std::string encode_frame(std::string_view json);

// Collects received bytes into frames. Bounded: a length of 0 or over the limit is an error.
class FrameDecoder {
  public:
    // Appends received bytes.
    void feed(std::string_view bytes) { buffer_.append(bytes); }
    // The next whole frame's JSON, nothing if more bytes are needed, or an error (Code::protocol),
    // after which the connection is unusable.
    [[nodiscard]] Result<std::optional<std::string>> next();

  private:
    std::string buffer_;
    std::size_t read_ = 0;
};

struct Hello {  // data plane -> control plane
    int contract_version = kContractVersion;
    std::string program_version;
    std::uint64_t snapshot_version = 0;  // the version in force, 0 = none
    std::string snapshot_epoch;          // which control-plane store that version belongs to
    std::uint64_t pid = 0;
    std::string process = {};  // random for each process, [a-z0-9]; empty: takes no questions
};
struct Ack {  // data plane -> control plane: version is in force
    std::uint64_t version = 0;
};
struct Refuse {  // data plane -> control plane: version is not taken, the old one stays
    std::uint64_t version = 0;
    std::string reason;
};

[[nodiscard]] std::string encode(const Hello& hello);
[[nodiscard]] std::string encode(const Ack& ack);
[[nodiscard]] std::string encode(const Refuse& refuse);

// The member "type" of a frame, empty if there is none.
[[nodiscard]] std::string type_of(std::string_view json);
[[nodiscard]] Result<Hello> decode_hello(std::string_view json);
[[nodiscard]] Result<Ack> decode_ack(std::string_view json);
[[nodiscard]] Result<Refuse> decode_refuse(std::string_view json);

}  // namespace mcpgw::contract
