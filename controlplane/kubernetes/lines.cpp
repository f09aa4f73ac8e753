// One string, from which whole lines are taken at the front.
#include "controlplane/kubernetes/lines.h"

namespace mcpgw::kubernetes {

void LineSplitter::feed(std::string_view bytes) {
    if (is_overlong_) return;
    bytes_.erase(0, taken_);
    searched_ -= taken_;
    taken_ = 0;
    bytes_.append(bytes);
}

bool LineSplitter::next(std::string_view& line) {
    if (is_overlong_) return false;
    const std::size_t end = bytes_.find('\n', searched_);
    const std::size_t size = (end == std::string::npos ? bytes_.size() : end) - taken_;
    if (size > line_bytes_max_) {
        is_overlong_ = true;
        bytes_ = std::string();
        taken_ = searched_ = 0;
        return false;
    }
    if (end == std::string::npos) {
        searched_ = bytes_.size();
        return false;
    }
    line = std::string_view(bytes_).substr(taken_, size);
    taken_ = searched_ = end + 1;
    return true;
}

std::string_view LineSplitter::rest() const {
    return std::string_view(bytes_).substr(taken_);
}

}  // namespace mcpgw::kubernetes
