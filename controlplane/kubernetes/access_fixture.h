// A folder of a test's own, for kubeconfigs, tokens and plug-ins.
//
// Files are replaced as a whole, as the kubelet does it. The folder is removed with the test.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>

#include <stdlib.h>

namespace mcpgw::kubernetes {

class Folder {
  public:
    Folder() {
        std::string name = (std::filesystem::temp_directory_path() / "mcpgw-k8s-XXXXXX").string();
        path_ = ::mkdtemp(name.data()) == nullptr ? "" : name;
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    ~Folder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }

    [[nodiscard]] std::string path(const std::string& name) const { return path_ + "/" + name; }
    std::string write(const std::string& name, const std::string& text) const {
        std::filesystem::create_directories(std::filesystem::path(path(name)).parent_path());
        std::ofstream(path(name) + ".new") << text;
        std::filesystem::rename(path(name) + ".new", path(name));
        return path(name);
    }
    std::string write_program(const std::string& name, const std::string& text) const {
        write(name, "#!/bin/sh\n" + text);
        std::filesystem::permissions(path(name), std::filesystem::perms::owner_all);
        return path(name);
    }
    [[nodiscard]] std::string read(const std::string& name) const {
        std::ifstream file(path(name));
        return {std::istreambuf_iterator<char>(file), {}};
    }

  private:
    std::string path_;
};

}  // namespace mcpgw::kubernetes
