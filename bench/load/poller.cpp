// Readiness of sockets.
#include "bench/load/poller.h"

#include <cerrno>

#include <unistd.h>

#include "common/check.h"

namespace mcpgw::bench {
namespace {

// Small enough that what is handled stays fresh, large enough that the call costs little.
constexpr std::size_t kBatch = 256;

}  // namespace

void Watched::replace(int fd) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = fd;
    waits_for_room_ = false;
}

Poller::Poller() : fd_(epoll_create1(EPOLL_CLOEXEC)), events_(kBatch) {
    check(fd_ >= 0, "epoll");
}

Poller::~Poller() {
    ::close(fd_);
}

void Poller::watch(Watched& watched) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = &watched;
    check(epoll_ctl(fd_, EPOLL_CTL_ADD, watched.fd(), &event) == 0, "epoll add");
}

void Poller::wait_for_room(Watched& watched, bool wanted) {
    if (watched.waits_for_room_ == wanted) return;
    watched.waits_for_room_ = wanted;
    epoll_event event{};
    event.events = wanted ? EPOLLIN | EPOLLOUT : EPOLLIN;
    event.data.ptr = &watched;
    check(epoll_ctl(fd_, EPOLL_CTL_MOD, watched.fd(), &event) == 0, "epoll modify");
}

std::span<const epoll_event> Poller::wait(int timeout_ms) {
    const int ready = epoll_wait(fd_, events_.data(), static_cast<int>(events_.size()), timeout_ms);
    check(ready >= 0 || errno == EINTR, "epoll wait");
    return {events_.data(), ready > 0 ? static_cast<std::size_t>(ready) : 0};
}

}  // namespace mcpgw::bench
