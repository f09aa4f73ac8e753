// Open, look at what was opened, read; and for writing a file beside it that takes its name.
#include "controlplane/keys/key_file.h"

#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <memory>
#include <optional>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/bytes.h"
#include "common/json_writer.h"
#include "common/limits.h"
#include "common/time.h"
#include "controlplane/model/field_reader.h"
#include "controlplane/model/json.h"

namespace mcpgw::keys {
namespace {

constexpr std::uint64_t kFormatVersion = 1;
constexpr std::size_t kKeyCharacters = base64url_size(kKeyBytes);

class File {
  public:
    explicit File(int fd) : fd_(fd) {}
    File(File&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    File& operator=(File&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~File() {
        if (fd_ >= 0) ::close(fd_);
    }
    [[nodiscard]] int get() const { return fd_; }
    [[nodiscard]] bool is_open() const { return fd_ >= 0; }

  private:
    int fd_;
};

std::unexpected<Error> bad(std::string what) {
    return failure(Code::invalid_argument, std::move(what), Side::client);
}
// --- Text ----------------------------------------------------------------------------------------

void read_time(model::FieldReader& in, std::string_view key, std::uint64_t& out) {
    std::string text;
    if (!in.string(key, text)) {
        if (!in.has(key)) in.complain(key, "is missing");
        return;
    }
    const auto time = unix_millis_of_rfc3339(text);
    if (time)
        out = *time;
    else
        in.complain(key, "must be a time such as 2026-11-21T13:04:02.123Z");
}

RingKey read_key(const picojson::value& value, const std::string& place,
                 model::FieldErrors& errors) {
    model::FieldReader in(value, place, errors);
    RingKey out;
    if (!in.string("id", out.id) || !is_key_id(out.id))
        in.complain("id", "must be 1 to " + std::to_string(limits::key_id_bytes_max) +
                              " letters and digits");
    std::string text;
    std::array<std::byte, kKeyCharacters> bytes{};
    if (in.string("key", text) && text.size() == kKeyCharacters &&
        base64url_decode(text, bytes.data()) == kKeyBytes)
        out.key = as_text(Bytes(bytes.data(), kKeyBytes));
    else
        in.complain("key", "must be 32 bytes in base64url, " + std::to_string(kKeyCharacters) +
                               " characters");
    read_time(in, "created", out.created_unix_ms);
    read_time(in, "sealsFrom", out.seals_from_unix_ms);
    in.refuse_unknown();
    return out;
}

KeyRing read_ring(const picojson::value& document, model::FieldErrors& errors) {
    KeyRing ring;
    model::FieldReader in(document, "", errors);
    std::uint64_t version = 0;
    if (!in.has("version"))
        in.complain("version", "is missing");
    else if (in.integer("version", {1, UINT32_MAX}, version) && version != kFormatVersion)
        in.complain("version", "is " + std::to_string(version) + ", this program knows " +
                                   std::to_string(kFormatVersion));
    const picojson::value* list = in.take("keys");
    if (list == nullptr || !list->is<picojson::array>()) {
        in.complain("keys", "must be an array of keys");
    } else {
        std::size_t index = 0;
        for (const picojson::value& item : list->get<picojson::array>())
            ring.push_back(read_key(item, "keys[" + std::to_string(index++) + "]", errors));
    }
    in.refuse_unknown();
    return ring;
}

// --- Files ---------------------------------------------------------------------------------------

Result<std::string> read_all(int fd, const std::string& path) {
    std::string text;
    std::array<char, 4096> block{};
    while (text.size() <= limits::session_keys_bytes_max) {
        const ssize_t got = ::read(fd, block.data(), block.size());
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return errno_failure("cannot read " + path);
        if (got == 0) return text;
        text.append(block.data(), static_cast<std::size_t>(got));
    }
    return bad(path + ": is larger than " + std::to_string(limits::session_keys_bytes_max) +
               " bytes and no file of session keys; name another one");
}

Result<KeyRing> read_open_file(int fd, const std::string& path) {
    struct stat status{};
    if (::fstat(fd, &status) != 0) return errno_failure("cannot read " + path);
    if (!S_ISREG(status.st_mode)) return bad(path + ": is not a regular file; name another one");
    if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        return bad(path +
                   ": group or others have access to these secrets; take it away with "
                   "`chmod 600 " +
                   path + "`");
    const Result<std::string> text = read_all(fd, path);
    if (!text) return std::unexpected(text.error());
    Result<KeyRing> ring = parse_key_file(*text);
    if (!ring)
        return bad(path + ": " + ring.error().detail +
                   "; restore the file, or remove it and make a new one with "
                   "`mcp-gateway session-keys new " +
                   path + "`, which ends all sessions");
    return ring;
}

// A file beside `path` with a name that nobody else has; removed unless it was given its name.
class Draft {
  public:
    explicit Draft(const std::string& path)
        : path_(path), name_(path + ".XXXXXX"), file_(::mkostemp(name_.data(), O_CLOEXEC)) {}
    Draft(const Draft&) = delete;
    Draft& operator=(const Draft&) = delete;
    ~Draft() {
        if (file_.is_open() && !is_placed_) ::unlink(name_.c_str());
    }

    // Durable, with the mode and the owner that it shall have.
    Result<> write(std::string_view text, const struct stat* like) {
        const std::string what = "cannot write beside " + path_;
        const mode_t mode = like == nullptr ? 0600 : like->st_mode & S_IRWXU;
        if (!file_.is_open() || ::fchmod(file_.get(), mode) != 0) return errno_failure(what);
        struct stat own{};
        if (::fstat(file_.get(), &own) != 0) return errno_failure(what);
        if (like != nullptr && (own.st_uid != like->st_uid || own.st_gid != like->st_gid) &&
            ::fchown(file_.get(), like->st_uid, like->st_gid) != 0)
            return errno_failure("cannot keep the owner of the file; run this as its owner");
        while (!text.empty()) {
            const ssize_t written = ::write(file_.get(), text.data(), text.size());
            if (written < 0 && errno == EINTR) continue;
            if (written < 0) return errno_failure(what);
            text.remove_prefix(static_cast<std::size_t>(written));
        }
        return ::fsync(file_.get()) == 0 ? Result<>() : errno_failure(what);
    }
    Result<> replace() {
        if (::rename(name_.c_str(), path_.c_str()) != 0)
            return errno_failure("cannot replace " + path_);
        is_placed_ = true;
        return sync_directory();
    }
    // Unlike a rename, a link does not take a name that exists.
    Result<> place() {
        if (::link(name_.c_str(), path_.c_str()) == 0) return sync_directory();
        if (errno != EEXIST) return errno_failure("cannot make " + path_);
        return failure(Code::conflict, path_ +
                                           " exists; add a key to it with `mcp-gateway "
                                           "session-keys rotate`, or name another file");
    }

  private:
    [[nodiscard]] Result<> sync_directory() const {
        const std::size_t slash = path_.rfind('/');
        const std::string name = slash == std::string::npos ? "." : path_.substr(0, slash + 1);
        const File directory(::open(name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        if (!directory.is_open() || ::fsync(directory.get()) != 0)
            return errno_failure("cannot make the change of " + path_ + " durable");
        return {};
    }

    std::string path_;
    std::string name_;
    File file_;
    bool is_placed_ = false;
};

// The file under an exclusive lock, whose name it has at that moment.
Result<File> lock_file(const std::string& path) {
    for (;;) {
        File file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
        if (!file.is_open()) return errno_failure("cannot read " + path);
        while (::flock(file.get(), LOCK_EX) != 0)
            if (errno != EINTR) return errno_failure("cannot lock " + path);
        struct stat locked{};
        struct stat named{};
        if (::fstat(file.get(), &locked) != 0 || ::stat(path.c_str(), &named) != 0)
            return errno_failure("cannot read " + path);
        // Else another one had the lock and has replaced the file.
        if (locked.st_dev == named.st_dev && locked.st_ino == named.st_ino) return file;
    }
}

}  // namespace

Result<KeyRing> parse_key_file(std::string_view text) {
    if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) return bad("is empty");
    const auto document = model::parse_json(text);
    if (!document) return std::unexpected(document.error());
    model::FieldErrors errors;
    const KeyRing ring = read_ring(*document, errors);
    if (!errors.empty()) {
        const auto& [place, complaints] = *errors.begin();
        return bad((place.empty() ? "the text" : place) + " " + complaints.front());
    }
    if (std::string problem = problem_of(ring); !problem.empty()) return bad(std::move(problem));
    return ring;
}

std::string key_file_text(const KeyRing& ring) {
    std::string text = "{\"version\": " + std::to_string(kFormatVersion) + ", \"keys\": [";
    for (const RingKey& key : ring) {
        std::array<char, kKeyCharacters> characters{};
        base64url_encode(as_bytes(key.key), characters.data());
        JsonWriter out;
        out.object().key("id").string(key.id);
        out.key("key").string({characters.data(), characters.size()});
        out.key("created").string(rfc3339(key.created_unix_ms));
        out.key("sealsFrom").string(rfc3339(key.seals_from_unix_ms)).end();
        text += (&key == &ring.front() ? "\n  " : ",\n  ") + out.take();
    }
    return text + "\n]}\n";
}

Result<KeyRing> read_key_file(const std::string& path) {
    // Opening a pipe must not wait for somebody who writes.
    const File file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!file.is_open()) return errno_failure("cannot read " + path);
    return read_open_file(file.get(), path);
}

Result<KeyRing> create_key_file(const std::string& path, std::uint64_t now_unix_ms) {
    KeyRing ring;
    Result<RingKey> key = make_key(ring, now_unix_ms, 0);
    if (!key) return std::unexpected(key.error());
    ring.push_back(std::move(*key));
    Draft draft(path);
    if (auto written = draft.write(key_file_text(ring), nullptr); !written)
        return std::unexpected(written.error());
    if (auto placed = draft.place(); !placed) return std::unexpected(placed.error());
    return ring;
}

Result<KeyRing> rotate_key_file(const std::string& path, std::uint64_t now_unix_ms,
                                std::uint64_t lead_ms) {
    const std::unique_ptr<char, decltype(&std::free)> real(::realpath(path.c_str(), nullptr),
                                                           &std::free);
    if (real == nullptr) return errno_failure("cannot read " + path);
    const std::string target = real.get();
    const Result<File> file = lock_file(target);
    if (!file) return std::unexpected(file.error());
    Result<KeyRing> ring = read_open_file(file->get(), path);
    if (!ring) return ring;
    Result<RingKey> key = make_key(*ring, now_unix_ms, lead_ms);
    if (!key) return std::unexpected(key.error());
    add_key(*ring, std::move(*key), now_unix_ms);
    struct stat status{};
    if (::fstat(file->get(), &status) != 0) return errno_failure("cannot read " + path);
    Draft draft(target);
    if (auto written = draft.write(key_file_text(*ring), &status); !written)
        return std::unexpected(written.error());
    if (auto replaced = draft.replace(); !replaced) return std::unexpected(replaced.error());
    return ring;
}

}  // namespace mcpgw::keys
