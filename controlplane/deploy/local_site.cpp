// Ports, randomness and the epoll descriptor of the local servers.
#include "controlplane/deploy/local_site.h"

#include <array>
#include <cerrno>
#include <charconv>
#include <climits>
#include <filesystem>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/bytes.h"

namespace mcpgw::deploy {
namespace {

std::uint64_t random_word() {
    std::uint64_t word = 0;
    // Short reads cannot happen below 256 bytes once the kernel's pool is ready (getrandom(2)).
    while (getrandom(&word, sizeof word, 0) != static_cast<ssize_t>(sizeof word)) {
    }
    return word;
}

std::string directory_of_this_program() {
    std::array<char, PATH_MAX> path{};
    const ssize_t size = readlink("/proc/self/exe", path.data(), path.size());
    const std::string_view text(path.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
    return std::string(text.substr(0, text.rfind('/')));
}

// The whole text is a number, written as we write it.
std::optional<std::uint32_t> number_of(std::string_view text) {
    std::uint32_t number = 0;
    const auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (bad != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return text == std::to_string(number) ? std::optional(number) : std::nullopt;
}

}  // namespace

std::string directory_name(Place place) {
    const std::string ordinal = std::to_string(place.ordinal);
    return place.generation == 0 ? ordinal : ordinal + "." + std::to_string(place.generation);
}

std::optional<Place> place_of(std::string_view directory_name) {
    const std::size_t dot = directory_name.find('.');
    const auto ordinal = number_of(directory_name.substr(0, dot));
    if (!ordinal) return std::nullopt;
    if (dot == std::string_view::npos) return Place{*ordinal, 0};
    const auto generation = number_of(directory_name.substr(dot + 1));
    if (!generation || *generation == 0) return std::nullopt;
    return Place{*ordinal, *generation};
}

Result<LocalSite> LocalSite::open(LocalOptions options) {
    LocalSite site;
    site.options_ = std::move(options);
    if (site.options_.bin_dir.empty()) site.options_.bin_dir = directory_of_this_program();
    site.epoll_ = Descriptor(epoll_create1(EPOLL_CLOEXEC));
    if (!site.epoll_) return std::unexpected(error_from_errno(errno, "epoll_create1"));
    site.random_.seed(random_word());
    std::error_code error;
    std::filesystem::create_directories(site.root(), error);
    // Logs, states and environments are nobody else's business.
    if (!error) std::filesystem::permissions(site.root(), std::filesystem::perms::owner_all, error);
    if (error) return failure(Code::io, "cannot use " + site.root() + ": " + error.message());
    return site;
}

std::string LocalSite::adapter_directory(std::string_view adapter) const {
    std::string path = root();
    return path.append(1, '/').append(adapter);
}

std::string LocalSite::instance_directory(std::string_view adapter, Place place) const {
    return adapter_directory(adapter).append(1, '/').append(directory_name(place));
}

std::string LocalSite::newest_directory(std::string_view adapter, std::uint32_t ordinal) const {
    std::optional<Place> newest;
    std::error_code error;
    for (const auto& entry :
         std::filesystem::directory_iterator(adapter_directory(adapter), error)) {
        const auto place = place_of(entry.path().filename().string());
        if (place && place->ordinal == ordinal && (!newest || *place < *newest)) newest = place;
    }
    return newest ? instance_directory(adapter, *newest) : std::string();
}

Result<> LocalSite::watch(int fd, std::uint32_t events, std::uint64_t key) const {
    epoll_event event{};
    event.events = events;
    event.data.u64 = key;
    if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0)
        return std::unexpected(error_from_errno(errno, "epoll_ctl"));
    return {};
}

Result<std::uint16_t> LocalSite::take_port() {
    // Held until we return, so that the kernel does not offer the same port twice.
    std::vector<Descriptor> rejected;
    for (int attempt = 0; attempt < 64; ++attempt) {
        Descriptor socket_fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        if (!socket_fd ||
            bind(socket_fd.get(), reinterpret_cast<const sockaddr*>(&address), size) != 0 ||
            getsockname(socket_fd.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0)
            return std::unexpected(error_from_errno(errno, "no free port"));
        const std::uint16_t port = ntohs(address.sin_port);
        if (ports_.insert(port).second) return port;
        rejected.push_back(std::move(socket_fd));
    }
    return failure(Code::limit_exceeded, "no free port");
}

std::string LocalSite::new_uid() {
    return to_hex(random_word()) + to_hex(random_word());
}

}  // namespace mcpgw::deploy
