// std::filesystem, beside everything else.
#include "controlplane/systemd/removal.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "common/log.h"

namespace mcpgw::systemd {

Removal::Removal(std::vector<std::string> paths)
    : thread_([this, all = std::move(paths)] {
          for (const std::string& path : all) {
              std::error_code error;
              std::filesystem::remove_all(path, error);
              if (error) log_warn("cannot delete", {{"path", path}, {"why", error.message()}});
          }
          done_.store(true, std::memory_order_release);
      }) {}

}  // namespace mcpgw::systemd
