// The whole chain of reading messages as the gateway does it, head, body, head, for fuzz targets:
// which messages a connection carries, and how they are written on.
//
// A stream ends at the first error, or where the connection would end. Not part of the product.
#pragma once

#include <array>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "common/check.h"
#include "common/protocol/http1_body.h"
#include "common/protocol/http1_head.h"
#include "common/protocol/http1_writer.h"
#include "common/protocol/input_cuts.h"
#include "tests/http1/plain_message.h"

namespace mcpgw::http1 {

// One message as the gateway forwards it, and what it was read from.
struct Forwarded {
    std::string head;  // written anew
    std::string body;
    http::Framing framing = http::Framing::none;
    bool complete = false;  // of a message that breaks off only the head and a part are known
    bool interim = false;
    bool operator==(const Forwarded&) const = default;
};

struct Stream {
    std::vector<Forwarded> messages;
    bool failed = false;
    bool operator==(const Stream&) const = default;
};

// Reader::read_head parses a head, fills in `head`, `framing` and `interim`, and gives the length
// for BodyDecoder. It returns false when the head is refused. Reader::goes_on says whether another
// message may follow on the connection.
template <class Reader>
class StreamReader {
  public:
    explicit StreamReader(Reader reader) : reader_(reader) {}

    Stream read(const http::Pieces& pieces) {
        for (Bytes piece : pieces)
            while (!piece.empty() && !ended_)
                piece = in_body_ ? take_body(piece) : take_head(piece);
        return stream_;
    }
    // The connection has ended.
    Stream end() {
        if (in_body_) {
            decoder_.end_of_input();
            stream_.messages.back().complete =
                decoder_.state() == http::BodyDecoder::State::complete;
        }
        return stream_;
    }

  private:
    Bytes take_head(Bytes piece) {
        const std::size_t taken = scanner_.feed(piece);
        head_ += as_text(piece.first(taken));
        if (scanner_.state() == http::HeadScanner::State::failed) return fail();
        if (scanner_.state() == http::HeadScanner::State::scanning) return piece.subspan(taken);
        Forwarded message;
        std::uint64_t length = 0;
        const std::string_view head = std::string_view(head_).substr(scanner_.leading_bytes());
        if (!reader_.read_head(head, scanner_.leading_bytes(), message, length)) return fail();
        decoder_ = http::BodyDecoder(message.framing, length, UINT64_MAX);
        stream_.messages.push_back(message);
        in_body_ = true;
        head_.clear();
        scanner_.reset();
        finish_if_complete();
        return piece.subspan(taken);
    }
    Bytes take_body(Bytes piece) {
        const http::BodyDecoder::Step step = decoder_.feed(piece);
        stream_.messages.back().body += as_text(piece.subspan(step.data_offset, step.data_bytes));
        if (decoder_.state() == http::BodyDecoder::State::failed) return fail();
        finish_if_complete();
        return piece.subspan(step.consumed);
    }
    void finish_if_complete() {
        if (decoder_.state() != http::BodyDecoder::State::complete) return;
        stream_.messages.back().complete = true;
        in_body_ = false;
        ended_ = !reader_.goes_on();
    }
    Bytes fail() {
        stream_.failed = ended_ = true;
        in_body_ = false;
        return {};
    }

    Reader reader_;
    http::HeadScanner scanner_;
    http::BodyDecoder decoder_;
    std::string head_;
    Stream stream_;
    bool in_body_ = false;
    bool ended_ = false;
};

// The same stream for every way to cut the text.
template <class Reader>
Stream read_in_many_ways(std::string_view text, Reader reader) {
    StreamReader<Reader> at_once(reader);
    at_once.read({as_bytes(text)});
    const Stream whole = at_once.end();
    std::mt19937_64 random(fnv1a(text));
    for (int round = 0; round < 4; ++round) {
        StreamReader<Reader> cut(reader);
        cut.read(round == 0 ? http::cut_every(text, 1) : http::cut_at_random(text, random));
        check(cut.end() == whole, "the same messages however they are cut");
    }
    return whole;
}

// The message on the wire, as the gateway frames it.
inline std::string written(const Forwarded& message) {
    std::string text = message.head;
    if (message.framing == http::Framing::content_length)
        text += "Content-Length: " + std::to_string(message.body.size()) + "\r\n";
    const bool in_chunks =
        message.framing == http::Framing::chunked || message.framing == http::Framing::until_close;
    if (in_chunks) text += "Transfer-Encoding: chunked\r\n";
    text += "\r\n";
    if (in_chunks && !message.body.empty()) {
        std::array<char, http::chunk_head_bytes_max> head{};
        text.append(head.data(), http::write_chunk_head(message.body.size(), head.data()));
        text.append(message.body).append(http::kChunkEnd);
    } else {
        text += message.body;
    }
    if (in_chunks) text += http::kLastChunk;
    return text;
}

// Writes all fields but those that frame the message or belong to one hop.
inline void write_fields(http::HeadWriter& writer, const http::Fields& fields) {
    constexpr http::FieldSet left_out{http::FieldName::content_length, http::FieldName::connection,
                                      http::FieldName::transfer_encoding, http::FieldName::host};
    for (const http::Field& field : fields.all())
        if (!left_out.has(field.known)) writer.fields({&field, 1});
}

}  // namespace mcpgw::http1
