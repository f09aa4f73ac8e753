// Frames from a hostile peer: pieces do not matter, limits hold, and what decodes can be encoded
// and decoded again without a change.
//
// The first byte chooses: 0...127 the input is a stream of frames, else one JSON text.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/check.h"
#include "common/contract/events.h"
#include "common/contract/frames.h"
#include "common/contract/sessions.h"
#include "common/limits.h"

namespace {

using mcpgw::check;
using namespace mcpgw::contract;

struct Outcome {
    std::vector<std::string> frames;
    bool broken = false;
    bool operator==(const Outcome&) const = default;
};

void drain(FrameDecoder& decoder, Outcome& outcome) {
    for (;;) {
        const auto next = decoder.next();
        outcome.broken = !next.has_value();
        if (!next.has_value() || !next->has_value()) return;
        check(!(*next)->empty() && (*next)->size() <= mcpgw::limits::frame_bytes_max, "bounded");
        outcome.frames.push_back(**next);
    }
}

void stream(std::string_view bytes) {
    Outcome whole;
    FrameDecoder one;
    one.feed(bytes);
    drain(one, whole);
    Outcome parts;
    FrameDecoder two;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        two.feed(bytes.substr(i, 1));
        drain(two, parts);
    }
    check(parts == whole, "pieces do not matter");
    std::string again;
    for (const std::string& frame : whole.frames)
        again += encode_frame(frame);
    check(bytes.starts_with(again), "frames are what was sent");
}

template <class Decode>
void round_trip(std::string_view json, Decode decode_one) {
    const auto first = decode_one(json);
    if (!first.has_value()) {
        check(!first.error().detail.empty(), "a refusal has a reason");
        return;
    }
    const std::string text = encode(*first);
    check(!type_of(text).empty(), "our frames have a type");
    const auto second = decode_one(text);
    check(second.has_value() && encode(*second) == text, "a round trip changes nothing");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
    if (data[0] < 128) {
        stream(rest);
        return 0;
    }
    (void)type_of(rest);
    round_trip(rest, [](std::string_view json) { return decode_hello(json); });
    round_trip(rest, [](std::string_view json) { return decode_ack(json); });
    round_trip(rest, [](std::string_view json) { return decode_refuse(json); });
    round_trip(rest, [](std::string_view json) { return decode_instance_failure(json); });
    round_trip(rest, [](std::string_view json) { return decode_sessions_query(json); });
    round_trip(rest, [](std::string_view json) { return decode_sessions_page(json); });
    round_trip(rest, [](std::string_view json) { return decode_session_end(json); });
    round_trip(rest, [](std::string_view json) { return decode_session_ended(json); });
    round_trip(rest, [](std::string_view json) { return decode_instance_drained(json); });
    return 0;
}
