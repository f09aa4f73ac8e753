// Any bytes as a watch: the lines are the same however the stream is cut, and each is an event with
// what its kind must have, or is refused with a reason.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/check.h"
#include "common/limits.h"
#include "controlplane/kubernetes/lines.h"
#include "controlplane/kubernetes/watch_event.h"

namespace {

using namespace mcpgw;
using namespace mcpgw::kubernetes;

constexpr std::size_t kLineBytesMax = 4096;

std::vector<std::string> lines_of(std::string_view text, std::size_t piece) {
    LineSplitter splitter(kLineBytesMax);
    std::vector<std::string> lines;
    for (std::size_t at = 0; at < text.size(); at += piece) {
        splitter.feed(text.substr(at, piece));
        for (std::string_view line; splitter.next(line);) {
            check(line.size() <= kLineBytesMax, "lines are bounded");
            lines.emplace_back(line);
        }
    }
    return lines;
}

void judge(std::string_view line) {
    const auto event = parse_watch_line(line);
    if (!event) {
        check(!event.error().detail.empty(), "a refusal has a reason");
        return;
    }
    using Kind = WatchEvent::Kind;
    const Kind kind = event->kind;
    if (kind == Kind::added || kind == Kind::modified || kind == Kind::deleted)
        check(!event->name.empty() && !event->uid.empty(), "objects have a name and a uid");
    if (kind != Kind::error && kind != Kind::other)
        check(!event->resource_version.empty(), "there is a version to go on from");
    if (kind == Kind::error) {
        check(!event->failure.message.empty(), "a failure has a message");
        check(event->failure.message.size() <= limits::kubernetes_message_bytes_max, "bounded");
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const std::vector<std::string> whole = lines_of(text, size + 1);
    const std::vector<std::string> bytes = lines_of(text, 1);
    check(whole == bytes, "how the stream is cut does not matter");
    for (const std::string& line : whole)
        judge(line);
    judge(text);
    return 0;
}
