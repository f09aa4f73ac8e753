// open, write, rename.
#include "controlplane/systemd/private_file.h"

#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

#include "controlplane/deploy/instance_directory.h"

namespace mcpgw::systemd {

Result<> write_private_file(const std::string& path, std::string_view text) {
    const std::string fresh = path + ".new";
    const deploy::Descriptor file(
        open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!file) return std::unexpected(error_from_errno(errno, "cannot write " + fresh));
    while (!text.empty()) {
        const ssize_t written = write(file.get(), text.data(), text.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return std::unexpected(error_from_errno(errno, "cannot write " + fresh));
        text.remove_prefix(static_cast<std::size_t>(written));
    }
    // Its name may not outlive a crash of the machine without what is in it.
    if (fsync(file.get()) != 0 || rename(fresh.c_str(), path.c_str()) != 0)
        return std::unexpected(error_from_errno(errno, "cannot write " + path));
    return {};
}

}  // namespace mcpgw::systemd
