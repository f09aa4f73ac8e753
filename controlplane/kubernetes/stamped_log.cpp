// A byte at a time decides, runs of bytes are copied.
#include "controlplane/kubernetes/stamped_log.h"

#include <algorithm>
#include <utility>

namespace mcpgw::kubernetes {
namespace {

// "2026-11-21T09:58:01.518744000Z", or with an offset instead of the Z.
constexpr std::size_t kStampBytesMin = 20;
constexpr std::size_t kStampBytesMax = 40;

bool is_stamp_byte(char c) {
    return (c >= '0' && c <= '9') || c == '-' || c == ':' || c == '.' || c == '+' || c == 'T' ||
           c == 'Z';
}

}  // namespace

// Stamps of one node have one length and zone, so they compare as text.
void StampedLog::begin_line(bool is_stamped, std::string& out) {
    state_ = State::in_text;
    if (!is_stamped) {  // a line that the node itself has written
        out += stamp_;
        stamp_.clear();
    } else if (!resume_after_.empty() && stamp_ <= resume_after_) {
        state_ = State::in_old;
    }
}

void StampedLog::end_line() {
    if (state_ == State::in_text && !stamp_.empty()) last_stamp_ = stamp_;
    state_ = State::in_stamp;
    stamp_.clear();
}

std::string StampedLog::feed(std::string_view bytes) {
    std::string out;
    while (!bytes.empty()) {
        if (state_ == State::in_stamp) {
            const char c = bytes.front();
            if (is_stamp_byte(c) && stamp_.size() < kStampBytesMax) {
                stamp_ += c;
                bytes.remove_prefix(1);
                continue;
            }
            const bool is_stamped = c == ' ' && stamp_.size() >= kStampBytesMin;
            begin_line(is_stamped, out);
            if (is_stamped) bytes.remove_prefix(1);
            continue;
        }
        const std::size_t end = bytes.find('\n');
        const std::size_t count = end == std::string_view::npos ? bytes.size() : end + 1;
        if (state_ == State::in_text) out += bytes.substr(0, count);
        if (end != std::string_view::npos) end_line();
        bytes.remove_prefix(count);
    }
    return out;
}

std::string StampedLog::restart() {
    const bool is_cut = state_ == State::in_text;
    state_ = State::in_stamp;
    stamp_.clear();
    resume_after_ = last_stamp_;
    return is_cut ? "\n" : "";
}

}  // namespace mcpgw::kubernetes
