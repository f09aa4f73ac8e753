// Names, and the file system.
#include "controlplane/store/backup_folder.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/time.h"

namespace mcpgw::store {
namespace {

constexpr std::string_view kEnding = ".db";
constexpr std::string_view kCutOffEnding = ".db.part";

std::string compact_time(std::uint64_t unix_millis) {
    std::string text = rfc3339(unix_millis);
    std::erase_if(text, [](char c) { return c == '-' || c == ':'; });
    return text;
}

// "20261122T051200.123Z" of "controlplane-2-20261122T051200.123Z.db".
std::string_view time_of(std::string_view name) {
    name.remove_suffix(kEnding.size());
    return name.substr(name.rfind('-') + 1);
}

bool has_word(std::string_view name, const std::vector<std::string_view>& words) {
    return std::ranges::any_of(words, [name](std::string_view word) {
        return name.starts_with(word) && name.substr(word.size()).starts_with('-');
    });
}

std::vector<std::string> names_in(const std::string& folder,
                                  const std::vector<std::string_view>& words,
                                  std::string_view ending) {
    std::vector<std::string> names;
    std::error_code failed;
    std::filesystem::directory_iterator entry(folder, failed);
    for (const std::filesystem::directory_iterator end; !failed && entry != end;
         entry.increment(failed)) {
        std::string name = entry->path().filename().string();
        if (name.ends_with(ending) && has_word(name, words)) names.push_back(std::move(name));
    }
    return names;
}

Result<> sync(const std::string& path, int flags) {
    const int fd = ::open(path.c_str(), flags | O_CLOEXEC);
    if (fd < 0) return std::unexpected(error_from_errno(errno, "cannot open " + path));
    const bool is_synced = ::fsync(fd) == 0;
    const int reason = errno;
    ::close(fd);
    if (!is_synced) return std::unexpected(error_from_errno(reason, "cannot write " + path));
    return {};
}

}  // namespace

Result<> make_backup_folder(const std::string& folder) {
    if (::mkdir(folder.c_str(), 0700) == 0 || errno == EEXIST) return {};
    return std::unexpected(error_from_errno(errno, "cannot make " + folder));
}

std::string backup_name(std::string_view word, std::uint64_t unix_millis) {
    return std::string(word) + "-" + compact_time(unix_millis) + std::string(kEnding);
}

std::vector<std::string> backups_in(const std::string& folder,
                                    const std::vector<std::string_view>& words) {
    std::vector<std::string> names = names_in(folder, words, kEnding);
    std::ranges::sort(names, [](const std::string& one, const std::string& other) {
        return time_of(one) > time_of(other);
    });
    return names;
}

void keep_newest_backups(const std::string& folder, std::string_view word, std::size_t count_max) {
    for (const std::string& name : names_in(folder, {word}, kCutOffEnding))
        ::unlink((folder + "/" + name).c_str());
    const std::vector<std::string> names = backups_in(folder, {word});
    for (std::size_t i = count_max; i < names.size(); ++i)
        for (const char* side : {"", "-wal", "-shm"})
            ::unlink((folder + "/" + names[i] + side).c_str());
}

Result<> sync_folder_of(const std::string& file) {
    const std::string folder = std::filesystem::path(file).parent_path().string();
    return sync(folder.empty() ? "." : folder, O_RDONLY | O_DIRECTORY);
}

Result<> sync_file(const std::string& file) {
    return sync(file, O_RDONLY);
}

}  // namespace mcpgw::store
