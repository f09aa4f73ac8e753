// A batch is taken apart where its elements end, which each element's own Peek tells.
#include "common/protocol/jsonrpc_messages.h"

namespace mcpgw::jsonrpc {

void MessageReader::reset() {
    place_ = Place::start;
    is_batch_ = false;
    broken_ = false;
    peek_.reset();
}

void MessageReader::feed(Bytes input, MessageSink& sink) {
    const char* at = as_text(input).data();
    const char* const end = at + input.size();
    while (at != end) {
        const char c = *at;
        const bool is_space = c == ' ' || c == '\n' || c == '\r' || c == '\t';
        switch (place_) {
            case Place::start:
                if (c == '[') {
                    is_batch_ = true;
                    place_ = Place::between;
                    ++at;
                } else if (is_space) {
                    ++at;
                } else {
                    place_ = Place::message;
                }
                break;
            case Place::between:
                if (c == '{') {
                    peek_.reset();
                    place_ = Place::message;
                } else if (is_space || c == ',') {
                    ++at;
                } else {
                    place_ = Place::ended;  // the end of the batch, or no message
                    broken_ = c != ']';
                }
                break;
            case Place::message:
                at = in_message(at, end, sink);
                break;
            case Place::ended:
                return;
        }
    }
}

// An object ends at a closing brace, so it is fed up to the next one at a time.
const char* MessageReader::in_message(const char* at, const char* end, MessageSink& sink) {
    const char* stop = at;
    while (stop != end && *stop != '}')
        ++stop;
    if (stop != end) ++stop;
    peek_.feed(as_bytes({at, static_cast<std::size_t>(stop - at)}));
    if (peek_.state() == Peek::State::malformed) {
        place_ = Place::ended;
        broken_ = true;
    }
    if (peek_.state() != Peek::State::complete) return stop;
    sink.on_message(peek_);
    place_ = is_batch_ ? Place::between : Place::ended;
    return stop;
}

}  // namespace mcpgw::jsonrpc
