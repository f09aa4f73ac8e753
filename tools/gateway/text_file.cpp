// Reading whole files.
#include "tools/gateway/text_file.h"

#include <array>
#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

#include "tools/gateway/unique_fd.h"

namespace mcpgw::cli {

Result<std::string> read_text_file(const std::string& path) {
    UniqueFd opened;
    int fd = STDIN_FILENO;
    if (path != "-") {
        opened = UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
        if (!opened.is_open())
            return std::unexpected(error_from_errno(errno, "cannot read " + path));
        fd = opened.get();
    }
    std::string text;
    std::array<char, 64 * 1024> block;
    for (;;) {
        const ssize_t count = ::read(fd, block.data(), block.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0)
            return std::unexpected(error_from_errno(errno, "cannot read " + name_of_file(path)));
        if (count == 0) return text;
        text.append(block.data(), static_cast<std::size_t>(count));
        if (text.size() > kTextFileBytesMax)
            return failure(Code::limit_exceeded, name_of_file(path) + " is larger than 64 MiB");
    }
}

std::string name_of_file(const std::string& path) {
    return path == "-" ? "standard input" : path;
}

}  // namespace mcpgw::cli
