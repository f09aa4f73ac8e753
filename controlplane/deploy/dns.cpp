// A c-ares channel for one question.
#include "controlplane/deploy/dns.h"

#include <algorithm>
#include <array>
#include <cerrno>

#include <ares.h>
#include <netdb.h>
#include <poll.h>
#include <sys/time.h>

#include "common/limits.h"

namespace mcpgw::deploy {
namespace {

constexpr int kTries = 3;

struct Question {
    Resolution resolution;
    bool is_answered = false;
};

void take_answer(void* context, int status, int /*timeouts*/, ares_addrinfo* list) {
    auto& question = *static_cast<Question*>(context);
    Resolution& out = question.resolution;
    question.is_answered = true;
    if (status != ARES_SUCCESS || list == nullptr) {
        out.error = ares_strerror(status);
    } else {
        // What is good only for a shorter time makes the whole answer so.
        int ttl = INT32_MAX;
        for (const ares_addrinfo_cname* alias = list->cnames; alias != nullptr; alias = alias->next)
            ttl = std::min(ttl, alias->ttl);
        for (const ares_addrinfo_node* node = list->nodes; node != nullptr; node = node->ai_next) {
            add_address(out.addresses, node->ai_addr, node->ai_addrlen);
            ttl = std::min(ttl, node->ai_ttl);
        }
        if (out.addresses.empty())
            out.error = "no usable address";
        else
            out.ttl_seconds = static_cast<std::uint32_t>(std::max(ttl, 0));
    }
    ares_freeaddrinfo(list);
}

// Until the answer is there; each try has its own end, so this has, too.
void wait_for_answer(ares_channel channel, const Question& question) {
    while (!question.is_answered) {
        std::array<ares_socket_t, ARES_GETSOCK_MAXNUM> sockets{};
        const auto wanted =
            static_cast<unsigned>(ares_getsock(channel, sockets.data(), sockets.size()));
        std::array<pollfd, ARES_GETSOCK_MAXNUM> waits{};
        std::size_t count = 0;
        for (unsigned i = 0; i < sockets.size(); ++i) {
            short events = 0;
            if (ARES_GETSOCK_READABLE(wanted, i)) events = POLLIN;
            if (ARES_GETSOCK_WRITABLE(wanted, i)) events = static_cast<short>(events | POLLOUT);
            if (events != 0) waits[count++] = {sockets[i], events, 0};
        }
        if (count == 0) return;
        timeval room{};
        const timeval* left = ares_timeout(channel, nullptr, &room);
        const int patience_ms =
            left == nullptr ? static_cast<int>(limits::resolve_try_ms)
                            : static_cast<int>(left->tv_sec * 1000 + left->tv_usec / 1000 + 1);
        if (poll(waits.data(), count, patience_ms) <= 0) {
            ares_process_fd(channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
            continue;
        }
        for (std::size_t i = 0; i < count; ++i) {
            const bool reads = (waits[i].revents & (POLLIN | POLLERR | POLLHUP)) != 0;
            const bool writes = (waits[i].revents & POLLOUT) != 0;
            if (reads || writes)
                ares_process_fd(channel, reads ? waits[i].fd : ARES_SOCKET_BAD,
                                writes ? waits[i].fd : ARES_SOCKET_BAD);
        }
    }
}

// Once for the process, before the first channel.
int library_status() {
    static const int status = ares_library_init(ARES_LIB_INIT_ALL);
    return status;
}

}  // namespace

void add_address(std::vector<std::string>& addresses, const sockaddr* address, socklen_t size) {
    std::array<char, NI_MAXHOST> text{};
    if (getnameinfo(address, size, text.data(), text.size(), nullptr, 0, NI_NUMERICHOST) != 0)
        return;
    if (is_numeric_address(text.data()) &&
        std::ranges::find(addresses, text.data()) == addresses.end())
        addresses.emplace_back(text.data());
}

Resolution look_up_dns(const std::string& host, const std::string& dns_servers) {
    Question question;
    question.resolution.host = host;
    ares_options options{};
    options.timeout = static_cast<int>(limits::resolve_try_ms);
    options.tries = kTries;
    ares_channel channel = nullptr;
    int status = library_status();
    if (status == ARES_SUCCESS)
        status = ares_init_options(&channel, &options, ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES);
    if (status == ARES_SUCCESS && !dns_servers.empty())
        status = ares_set_servers_ports_csv(channel, dns_servers.c_str());
    if (status == ARES_SUCCESS) {
        ares_addrinfo_hints hints{};
        hints.ai_socktype = SOCK_STREAM;
        ares_getaddrinfo(channel, host.c_str(), nullptr, &hints, take_answer, &question);
        wait_for_answer(channel, question);
    } else {
        question.resolution.error = ares_strerror(status);
    }
    // Tells take_answer, if it was not told yet.
    if (channel != nullptr) ares_destroy(channel);
    return std::move(question.resolution);
}

}  // namespace mcpgw::deploy
