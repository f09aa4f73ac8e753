// Frames, and the three small ones that the data plane sends about itself.
#include "common/contract/frames.h"

#include <algorithm>

#include "common/check.h"
#include "common/contract/decoding.h"
#include "common/json_writer.h"
#include "common/limits.h"

namespace mcpgw::contract {
namespace {

constexpr std::size_t kLengthBytes = 4;
// A buffer that once held a big frame is given back when it is empty.
constexpr std::size_t kKeptBytesMax = 64 * 1024;

// A sentence that decoding takes whatever it was: a byte may become three (U+FFFD).
std::string one_line(std::string_view text) {
    std::string line(text.substr(0, limits::frame_text_bytes_max / 3));
    for (char& c : line)
        if ((c >= 0 && c < 0x20) || c == 0x7f) c = ' ';
    return line;
}

bool is_lower_alphanumeric(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

}  // namespace

std::string encode_frame(std::string_view json) {
    check(!json.empty() && json.size() <= limits::frame_bytes_max, "a frame within the limit");
    std::string frame;
    frame.reserve(kLengthBytes + json.size());
    for (int shift = 24; shift >= 0; shift -= 8)
        frame.push_back(static_cast<char>(json.size() >> shift & 0xFFU));
    return frame.append(json);
}

Result<std::optional<std::string>> FrameDecoder::next() {
    const std::string_view waiting = std::string_view(buffer_).substr(read_);
    if (waiting.size() < kLengthBytes) return std::nullopt;
    std::size_t length = 0;
    for (std::size_t i = 0; i < kLengthBytes; ++i)
        length = length << 8 | static_cast<unsigned char>(waiting[i]);
    if (length == 0 || length > limits::frame_bytes_max)
        return failure(Code::protocol, "a frame of " + std::to_string(length) + " bytes");
    if (waiting.size() - kLengthBytes < length) return std::nullopt;
    std::string json(waiting.substr(kLengthBytes, length));
    read_ += kLengthBytes + length;
    // Moving what is left only when it is the smaller half keeps the whole work linear.
    if (read_ >= buffer_.size() / 2) {
        buffer_.erase(0, read_);
        read_ = 0;
        if (buffer_.empty() && buffer_.capacity() > kKeptBytesMax) buffer_.shrink_to_fit();
    }
    return json;
}

std::string encode(const Hello& hello) {
    JsonWriter out;
    out.object().key("type").string("hello");
    out.key("contract_version").number(hello.contract_version);
    out.key("program_version").string(hello.program_version);
    out.key("snapshot_version").number(hello.snapshot_version);
    out.key("snapshot_epoch").string(hello.snapshot_epoch);
    out.key("pid").number(hello.pid);
    out.key("process").string(hello.process).end();
    return out.take();
}

std::string encode(const Ack& ack) {
    JsonWriter out;
    out.object().key("type").string("ack").key("version").number(ack.version).end();
    return out.take();
}

std::string encode(const Refuse& refuse) {
    JsonWriter out;
    out.object().key("type").string("refuse").key("version").number(refuse.version);
    out.key("reason").string(one_line(refuse.reason)).end();
    return out.take();
}

std::string type_of(std::string_view json) {
    // On demand: the frame may be a snapshot of many megabytes, and its decoder reads it all
    // anyway.
    simdjson::ondemand::parser parser;
    const simdjson::padded_string padded(json);
    simdjson::ondemand::document document;
    simdjson::ondemand::object object;
    std::string_view type;
    if (parser.iterate(padded).get(document) != simdjson::SUCCESS ||
        document.get_object().get(object) != simdjson::SUCCESS ||
        object.find_field("type").get_string().get(type) != simdjson::SUCCESS)
        return {};
    return std::string(type);
}

Result<Hello> decode_hello(std::string_view json) {
    return decode<Hello>(json, "hello", [](ObjectReader& in) {
        Hello out;
        out.contract_version = static_cast<int>(in.number("contract_version", {1, 1'000'000}));
        out.program_version = in.optional_text("program_version", limits::frame_text_bytes_max);
        out.snapshot_version = in.number("snapshot_version", {});
        out.snapshot_epoch = in.optional_text("snapshot_epoch", limits::frame_text_bytes_max);
        out.pid = in.number("pid", {});
        out.process = in.optional_text("process", limits::process_id_bytes_max);
        if (!std::ranges::all_of(out.process, is_lower_alphanumeric))
            in.refuse("process", "is not small letters and digits");
        if (out.snapshot_version > 0 && out.snapshot_epoch.empty())
            in.refuse("snapshot_epoch", "is empty although there is a version");
        return out;
    });
}

Result<Ack> decode_ack(std::string_view json) {
    return decode<Ack>(json, "ack",
                       [](ObjectReader& in) { return Ack{in.number("version", {.min = 1})}; });
}

Result<Refuse> decode_refuse(std::string_view json) {
    return decode<Refuse>(json, "refuse", [](ObjectReader& in) {
        Refuse out;
        out.version = in.number("version", {});
        out.reason = in.optional_text("reason", limits::frame_text_bytes_max);
        return out;
    });
}

}  // namespace mcpgw::contract
