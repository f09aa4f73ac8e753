// Open, look at what was opened, read; write beside, then take the name.
#include "controlplane/secrets/secret_files.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/limits.h"
#include "common/time.h"
#include "controlplane/model/rules.h"

namespace mcpgw::secrets {
namespace {

constexpr mode_t kOthers = S_IRWXG | S_IRWXO;

class File {
  public:
    explicit File(int fd) : fd_(fd) {}
    File(const File&) = delete;
    File& operator=(const File&) = delete;
    ~File() {
        if (fd_ >= 0) ::close(fd_);
    }
    [[nodiscard]] int get() const { return fd_; }
    [[nodiscard]] bool is_open() const { return fd_ >= 0; }

  private:
    int fd_;
};

std::unexpected<Error> refuse(std::string sentence) {
    return failure(Code::invalid_argument, std::move(sentence), Side::client);
}
std::unexpected<Error> missing(std::string_view name, const std::string& directory) {
    return failure(Code::not_found, "there is no secret " + std::string(name) + " in " + directory);
}

// Names end up in paths.
Result<> check_name(std::string_view name) {
    if (const auto* complaint = model::secret_name_complaint(name))
        return refuse(std::string("the name of a secret ") + complaint);
    return {};
}

Result<> check_directory(const struct stat& status, const std::string& directory) {
    if (!S_ISDIR(status.st_mode)) return refuse(directory + " is not a directory; remove it");
    if ((status.st_mode & kOthers) != 0)
        return refuse(directory +
                      ": group or others have access to these secrets; take it away with "
                      "`chmod 700 " +
                      directory + "`");
    return {};
}

// Root works for whoever owns the data directory.
Result<> give_to_owner(int fd, const struct stat& owner) {
    if (::geteuid() != 0 || ::fchown(fd, owner.st_uid, owner.st_gid) == 0) return {};
    return errno_failure("cannot give the secret to the owner of the data directory");
}

// A lock is not needed: directories are made by one system call.
Result<> make_directory(const std::string& directory) {
    const std::string parent = directory.substr(0, directory.rfind('/'));
    struct stat owner{};
    if (::stat(parent.c_str(), &owner) != 0) {
        if (errno != ENOENT) return errno_failure("cannot use " + parent);
        return failure(Code::not_found,
                       "there is no data directory " + parent +
                           "; name that of the gateway with --data-dir, or start the gateway "
                           "first");
    }
    const bool is_new = ::mkdir(directory.c_str(), 0700) == 0;
    if (!is_new && errno != EEXIST) return errno_failure("cannot make " + directory);
    const File opened(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    struct stat status{};
    if (!opened.is_open() || ::fstat(opened.get(), &status) != 0)
        return errno_failure("cannot use " + directory);
    if (is_new)
        if (auto given = give_to_owner(opened.get(), owner); !given) return given;
    return check_directory(status, directory);
}

Result<> write_all(int fd, std::string_view text, const std::string& what) {
    while (!text.empty()) {
        const ssize_t written = ::write(fd, text.data(), text.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return errno_failure(what);
        text.remove_prefix(static_cast<std::size_t>(written));
    }
    return ::fsync(fd) == 0 ? Result<>() : errno_failure(what);
}

Result<> sync_directory(const std::string& directory) {
    const File opened(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!opened.is_open() || ::fsync(opened.get()) != 0)
        return errno_failure("cannot make the change in " + directory + " durable");
    return {};
}

Result<> write_and_rename(const std::string& directory, const std::string& path,
                          std::string_view value) {
    const std::string what = "cannot write in " + directory;
    struct stat owner{};
    if (::stat(directory.c_str(), &owner) != 0) return errno_failure(what);
    // No name of a secret begins with a dot. mkostemp makes files of mode 0600.
    std::string draft = directory + "/.draft-XXXXXX";
    const File file(::mkostemp(draft.data(), O_CLOEXEC));
    if (!file.is_open()) return errno_failure(what);
    Result<> done = give_to_owner(file.get(), owner);
    if (done) done = write_all(file.get(), value, what);
    if (done && ::rename(draft.c_str(), path.c_str()) != 0)
        done = errno_failure("cannot replace " + path);
    if (!done) {
        ::unlink(draft.c_str());
        return done;
    }
    return sync_directory(directory);
}

Result<std::string> read_all(int fd, const std::string& path) {
    std::string text;
    std::array<char, 1024> block{};
    while (text.size() <= limits::secret_bytes_max + 2) {
        const ssize_t got = ::read(fd, block.data(), block.size());
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return errno_failure("cannot read " + path);
        if (got == 0) break;
        text.append(block.data(), static_cast<std::size_t>(got));
    }
    text.resize(without_line_end(text).size());
    return text;
}

std::uint64_t nanos_of(const timespec& time) {
    return static_cast<std::uint64_t>(time.tv_sec) * kSecond +
           static_cast<std::uint64_t>(time.tv_nsec);
}

}  // namespace

std::string directory_in(std::string_view data_dir) {
    while (data_dir.size() > 1 && data_dir.ends_with('/'))
        data_dir.remove_suffix(1);
    return std::string(data_dir) + "/secrets";
}

std::string_view without_line_end(std::string_view text) {
    if (!text.ends_with('\n')) return text;
    text.remove_suffix(1);
    if (text.ends_with('\r')) text.remove_suffix(1);
    return text;
}

FileMark mark_of(const std::string& path) {
    struct stat status{};
    if (::lstat(path.c_str(), &status) != 0) return {};
    return {status.st_ino, static_cast<std::uint64_t>(status.st_size), status.st_mode,
            nanos_of(status.st_mtim), nanos_of(status.st_ctim)};
}

Result<> write_secret(const std::string& directory, std::string_view name, std::string_view value) {
    if (auto good = check_name(name); !good) return good;
    if (const auto* complaint = model::secret_value_complaint(value))
        return refuse("the value of a secret " + std::string(complaint));
    if (auto made = make_directory(directory); !made) return made;
    const Result<std::vector<std::string>> names = list_secrets(directory);
    if (!names) return std::unexpected(names.error());
    if (names->size() >= limits::secrets_max && !std::ranges::binary_search(*names, name))
        return failure(Code::limit_exceeded, "there are " + std::to_string(limits::secrets_max) +
                                                 " secrets already; delete one first");
    return write_and_rename(directory, directory + "/" + std::string(name), value);
}

Result<std::string> read_secret(const std::string& directory, std::string_view name) {
    if (auto good = check_name(name); !good) return std::unexpected(good.error());
    struct stat status{};
    if (::stat(directory.c_str(), &status) != 0) {
        if (errno == ENOENT) return missing(name, directory);
        return errno_failure("cannot read " + directory);
    }
    if (auto good = check_directory(status, directory); !good) return std::unexpected(good.error());
    const std::string path = directory + "/" + std::string(name);
    // Opening a pipe must not wait for somebody who writes, and a link may lead anywhere.
    const File file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW));
    if (!file.is_open()) {
        if (errno == ENOENT) return missing(name, directory);
        if (errno == ELOOP) return refuse(path + " is a symbolic link; put a file in its place");
        return errno_failure("cannot read " + path);
    }
    if (::fstat(file.get(), &status) != 0) return errno_failure("cannot read " + path);
    if (!S_ISREG(status.st_mode)) return refuse(path + " is not a regular file; remove it");
    if ((status.st_mode & kOthers) != 0)
        return refuse(path +
                      ": group or others have access to this secret; take it away with "
                      "`chmod 600 " +
                      path + "`");
    Result<std::string> value = read_all(file.get(), path);
    if (!value) return value;
    if (const auto* complaint = model::secret_value_complaint(*value))
        return refuse("the value in " + path + " " + complaint);
    return value;
}

Result<> delete_secret(const std::string& directory, std::string_view name) {
    if (auto good = check_name(name); !good) return good;
    const std::string path = directory + "/" + std::string(name);
    if (::unlink(path.c_str()) == 0) return sync_directory(directory);
    if (errno == ENOENT) return missing(name, directory);
    return errno_failure("cannot delete " + path);
}

Result<std::vector<std::string>> list_secrets(const std::string& directory) {
    std::vector<std::string> names;
    std::error_code error;
    for (std::filesystem::directory_iterator entry(directory, error), end; !error && entry != end;
         entry.increment(error)) {
        std::string name = entry->path().filename().string();
        if (model::secret_name_complaint(name) == nullptr) names.push_back(std::move(name));
    }
    if (error && error != std::errc::no_such_file_or_directory)
        return std::unexpected(error_from_errno(error.value(), "cannot read " + directory));
    std::ranges::sort(names);
    names.resize(std::min(names.size(), limits::secrets_max));
    return names;
}

}  // namespace mcpgw::secrets
