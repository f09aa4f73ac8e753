// The data directory of one gateway: made, checked and locked before anything starts.
//
// While a DataDir lives, this process holds an flock on DIR/lock, and the file says its pid. The
// lock goes with the process, however that ends; the planes do not inherit it. What is inside
// belongs to the planes; the names of the sockets that `up` tells them are here, because together
// with the directory they must fit into a socket address.
#pragma once

#include <string>

#include "common/result.h"
#include "tools/gateway/unique_fd.h"

namespace mcpgw::cli {

class DataDir {
  public:
    // Makes DIR (mode 0700, also missing parents) and locks it. Errors: invalid_argument (the path
    // is too long for Unix sockets), conflict (another gateway has it; names its pid), what the
    // file system says.
    [[nodiscard]] static Result<DataDir> open(const std::string& path);

    [[nodiscard]] const std::string& path() const { return path_; }  // absolute
    [[nodiscard]] std::string contract_socket() const { return path_ + "/contract.sock"; }
    [[nodiscard]] std::string api_socket() const { return path_ + "/api.sock"; }
    [[nodiscard]] std::string notify_socket(const std::string& plane) const {
        return path_ + "/" + plane + ".notify";
    }

  private:
    DataDir(std::string path, UniqueFd lock) : path_(std::move(path)), lock_(std::move(lock)) {}

    std::string path_;
    UniqueFd lock_;
};

}  // namespace mcpgw::cli
