// The SSE scanner against a plain reading of WHATWG HTML section 9.2.6 that sees the whole stream
// at once, against itself on pieces, and against events of our own put in at its borders.
//
// Input: the first two bytes seed the cuts, the rest is the stream.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "common/check.h"
#include "common/protocol/sse.h"

namespace {

using mcpgw::check;
using mcpgw::sse::Scanner;

struct Event {
    std::string data;
    bool operator==(const Event&) const = default;
};

class Recorder final : public mcpgw::sse::Sink {
  public:
    void on_data(std::string_view piece) override {
        check(!piece.empty(), "pieces are not empty");
        data += piece;
    }
    void on_event_end() override {
        events.push_back({data});
        data.clear();
    }
    std::vector<Event> events;
    std::string data;  // of the event that has not ended
};

std::vector<std::string> lines_of(std::string_view text) {
    std::vector<std::string> lines;
    std::string line;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\r' || text[i] == '\n') {
            if (text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n') ++i;
            lines.push_back(line);
            line.clear();
        } else {
            line.push_back(text[i]);
        }
    }
    return lines;  // a line without an end is not a line yet
}

std::vector<Event> reference(std::string_view text) {
    if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
    std::vector<Event> events;
    Event event;
    bool fields = false;
    bool data = false;
    for (const std::string& line : lines_of(text)) {
        if (line.empty()) {
            if (fields) events.push_back(event);
            event = {};
            fields = data = false;
            continue;
        }
        if (line.front() == ':') continue;
        fields = true;
        const std::size_t colon = line.find(':');
        if (line.substr(0, colon) != "data") continue;
        std::string value = colon == std::string::npos ? "" : line.substr(colon + 1);
        if (value.starts_with(' ')) value.erase(0, 1);
        if (data) event.data += '\n';
        event.data += value;
        data = true;
    }
    return events;
}

struct Outcome {
    std::vector<Event> events;
    std::string rest;
    bool border;
    bool operator==(const Outcome&) const = default;
};

Outcome scan(std::string_view text, std::uint32_t cuts) {
    Recorder sink;
    Scanner scanner;
    while (!text.empty()) {
        cuts = cuts * 1664525U + 1013904223U;
        std::size_t size = cuts == 0 ? text.size() : 1 + (cuts >> 24) % 9;
        if (size > text.size()) size = text.size();
        scanner.feed(mcpgw::as_bytes(text.substr(0, size)), sink);
        text.remove_prefix(size);
    }
    return {sink.events, sink.data, scanner.at_border()};
}

// The first border after `from`, if there is one before the end.
std::size_t border_after(std::string_view text, std::size_t from) {
    Recorder sink;
    Scanner scanner;
    for (std::size_t i = 0; i < text.size(); ++i) {
        scanner.feed(mcpgw::as_bytes(text.substr(i, 1)), sink);
        if (i >= from && scanner.at_border()) return i + 1;
    }
    return 0;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    const auto seed = static_cast<std::uint32_t>(data[0] << 8 | data[1]);
    const std::string_view text(reinterpret_cast<const char*>(data) + 2, size - 2);

    Recorder whole_sink;
    Scanner whole_scanner;
    whole_scanner.feed(mcpgw::as_bytes(text), whole_sink);
    const Outcome whole{whole_sink.events, whole_sink.data, whole_scanner.at_border()};
    check(whole.events == reference(text), "the events are those of the reference");
    check(scan(text, seed | 1U) == whole, "pieces do not matter");

    if (const std::size_t at = border_after(text, seed % (text.size() + 1)); at > 0) {
        std::string mixed(text);
        mixed.insert(at, ": ours\n\n");
        check(reference(mixed) == whole.events, "a comment at a border changes nothing");
        mixed = text;
        mixed.insert(at, "data: ours\r\n\r\n");
        std::vector<Event> events = reference(mixed);
        const std::size_t before = reference(text.substr(0, at)).size();
        check(before < events.size() && events[before].data == "ours", "our event is whole");
        events.erase(events.begin() + static_cast<std::ptrdiff_t>(before));
        check(events == whole.events, "an event at a border changes no other");
    }
    return 0;
}
