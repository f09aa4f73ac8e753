// Names are looked up on threads of their own.
#include "controlplane/deploy/resolver.h"

#include <cerrno>
#include <condition_variable>
#include <cstdint>
#include <cstring>
#include <deque>
#include <mutex>
#include <set>
#include <thread>
#include <utility>

#include <arpa/inet.h>
#include <netdb.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/check.h"
#include "controlplane/deploy/dns.h"
#include "controlplane/deploy/instance_directory.h"

namespace mcpgw::deploy {
namespace {

constexpr int kThreads = 4;

// By whatever else this machine has for names (files of other kinds, multicast, directories).
Resolution look_up_elsewhere(const std::string& host) {
    Resolution result{host, {}, std::nullopt, ""};
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_ADDRCONFIG;
    addrinfo* list = nullptr;
    const int error = getaddrinfo(host.c_str(), nullptr, &hints, &list);
    if (error != 0) {
        result.error = error == EAI_SYSTEM ? std::strerror(errno) : gai_strerror(error);
        return result;
    }
    for (const addrinfo* item = list; item != nullptr; item = item->ai_next)
        add_address(result.addresses, item->ai_addr, item->ai_addrlen);
    freeaddrinfo(list);
    if (result.addresses.empty()) result.error = "no usable address";
    return result;
}

Resolution look_up(const std::string& host, const std::string& dns_servers) {
    Resolution result = look_up_dns(host, dns_servers);
    if (!result.addresses.empty() || !dns_servers.empty()) return result;
    return look_up_elsewhere(host);
}

}  // namespace

struct Resolver::Desk {
    std::mutex mutex;
    std::condition_variable work;
    std::deque<std::string> questions;
    std::set<std::string> asked;  // in `questions`, or being looked up
    std::vector<Resolution> answers;
    bool closed = false;
    Descriptor event;
    std::string dns_servers;  // does not change

    void serve() {
        std::unique_lock lock(mutex);
        for (;;) {
            work.wait(lock, [this] { return closed || !questions.empty(); });
            if (closed) return;
            const std::string host = std::move(questions.front());
            questions.pop_front();
            lock.unlock();
            Resolution answer = look_up(host, dns_servers);
            lock.lock();
            asked.erase(host);
            answers.push_back(std::move(answer));
            const std::uint64_t one = 1;
            maybe(write(event.get(), &one, sizeof one) == sizeof one);
        }
    }
};

Result<Resolver> Resolver::open(const std::string& dns_servers) {
    auto desk = std::make_shared<Desk>();
    desk->dns_servers = dns_servers;
    desk->event = Descriptor(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!desk->event) return std::unexpected(error_from_errno(errno, "eventfd"));
    for (int i = 0; i < kThreads; ++i)
        std::thread([desk] { desk->serve(); }).detach();
    return Resolver(std::move(desk));
}

Resolver::Resolver(std::shared_ptr<Desk> desk) : desk_(std::move(desk)) {}
Resolver::Resolver(Resolver&&) noexcept = default;

Resolver::~Resolver() {
    if (desk_ == nullptr) return;
    const std::scoped_lock lock(desk_->mutex);
    desk_->closed = true;
    desk_->work.notify_all();
}

void Resolver::ask(const std::string& host) {
    const std::scoped_lock lock(desk_->mutex);
    if (!desk_->asked.insert(host).second) return;
    desk_->questions.push_back(host);
    desk_->work.notify_one();
}

std::vector<Resolution> Resolver::take_answers() {
    std::uint64_t count = 0;
    maybe(read(desk_->event.get(), &count, sizeof count) == sizeof count);
    const std::scoped_lock lock(desk_->mutex);
    return std::exchange(desk_->answers, {});
}

int Resolver::fd() const {
    return desk_->event.get();
}

bool is_numeric_address(const std::string& host) {
    in6_addr address{};
    return inet_pton(AF_INET, host.c_str(), &address) == 1 ||
           inet_pton(AF_INET6, host.c_str(), &address) == 1;
}

}  // namespace mcpgw::deploy
