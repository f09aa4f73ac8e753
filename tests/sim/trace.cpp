// Notes, their hash (FNV-1a over words) and their text.
#include "tests/sim/trace.h"

#include <algorithm>

namespace mcpgw::sim {

void Trace::mix(const char* text) {
    for (; *text != '\0'; ++text)
        mix(static_cast<std::uint64_t>(static_cast<unsigned char>(*text)));
}

void Trace::note(Nanos at, Who who, const char* what, std::int64_t a, std::int64_t b) {
    mix(at);
    mix(who.kind);
    mix(who.number);
    mix(what);
    mix(static_cast<std::uint64_t>(a));
    mix(static_cast<std::uint64_t>(b));
    notes_.push_back({at, who, what, a, b});
}

void Trace::print(std::FILE* out, std::size_t lines) const {
    const std::size_t first = notes_.size() - std::min(lines, notes_.size());
    if (first > 0) std::fprintf(out, "  ... %zu lines before\n", first);
    for (std::size_t i = first; i < notes_.size(); ++i) {
        const Note& note = notes_[i];
        std::fprintf(out, "%14.6f  %s %-5u ", static_cast<double>(note.at) / 1e9, note.who.kind,
                     note.who.number);
        std::fprintf(out, note.what, static_cast<long long>(note.a),
                     static_cast<long long>(note.b));
        std::fputc('\n', out);
    }
}

}  // namespace mcpgw::sim
