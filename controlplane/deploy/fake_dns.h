// A name server on a loopback port that says what a test has put into it, for tests of resolution.
//
// It knows addresses of IPv4 and IPv6, how long they are good, and how to fail. Header only.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include "controlplane/deploy/instance_directory.h"

namespace mcpgw::deploy::testing {

class FakeDns {
  public:
    FakeDns() : socket_(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        EXPECT_EQ(bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
        getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&address), &size);
        port_ = ntohs(address.sin_port);
        thread_ = std::thread([this] { serve(); });
    }
    FakeDns(const FakeDns&) = delete;
    FakeDns& operator=(const FakeDns&) = delete;
    ~FakeDns() {
        stopping_ = true;
        thread_.join();
    }

    [[nodiscard]] std::string servers() const { return "127.0.0.1:" + std::to_string(port_); }
    // The addresses of `host` from now on. None: there is no such name.
    void put(const std::string& host, std::vector<std::string> addresses, std::uint32_t ttl) {
        const std::scoped_lock lock(mutex_);
        records_[host] = {std::move(addresses), ttl};
    }
    void fail(bool fails) { fails_ = fails; }  // SERVFAIL to everything
    // Questions for IPv4 addresses so far: one for each look-up.
    [[nodiscard]] int asked() const { return asked_; }

  private:
    struct Records {
        std::vector<std::string> addresses;
        std::uint32_t ttl = 0;
    };
    static constexpr std::uint16_t kA = 1;
    static constexpr std::uint16_t kAaaa = 28;
    static constexpr std::size_t kHeadBytes = 12;

    void serve() {
        while (!stopping_) {
            pollfd wait{socket_.get(), POLLIN, 0};
            if (poll(&wait, 1, 10) != 1) continue;
            std::array<char, 1500> block{};
            sockaddr_in peer{};
            socklen_t size = sizeof peer;
            const ssize_t got = recvfrom(socket_.get(), block.data(), block.size(), 0,
                                         reinterpret_cast<sockaddr*>(&peer), &size);
            if (got <= static_cast<ssize_t>(kHeadBytes)) continue;
            const std::string answer = answer_to({block.data(), static_cast<std::size_t>(got)});
            sendto(socket_.get(), answer.data(), answer.size(), 0,
                   reinterpret_cast<const sockaddr*>(&peer), size);
        }
    }

    static void put_number(std::string& out, std::uint32_t number, int bytes) {
        for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8)
            out.push_back(static_cast<char>(number >> shift));
    }

    // RFC 1035 section 4: head, the question as it came, answers that point to its name.
    std::string answer_to(std::string_view query) {
        std::string host;
        std::size_t at = kHeadBytes;
        while (at < query.size() && query[at] != 0) {
            const auto label = static_cast<std::size_t>(query[at]);
            host.append(host.empty() ? "" : ".").append(query.substr(at + 1, label));
            at += label + 1;
        }
        const auto type = static_cast<std::uint16_t>(query[at + 2]);
        const std::string_view question = query.substr(kHeadBytes, at + 5 - kHeadBytes);
        if (type == kA) ++asked_;
        Records records;
        {
            const std::scoped_lock lock(mutex_);
            records = records_[host];
        }
        std::string answers;
        std::uint32_t count = 0;
        for (const std::string& text : records.addresses) {
            std::array<char, 16> raw{};
            const bool is_six = inet_pton(AF_INET6, text.c_str(), raw.data()) == 1;
            if (!is_six) inet_pton(AF_INET, text.c_str(), raw.data());
            if (type != (is_six ? kAaaa : kA) || fails_) continue;
            put_number(answers, 0xC00C, 2);
            put_number(answers, type, 2);
            put_number(answers, 1, 2);
            put_number(answers, records.ttl, 4);
            put_number(answers, is_six ? 16 : 4, 2);
            answers.append(raw.data(), is_six ? 16 : 4);
            ++count;
        }
        const std::uint32_t code = fails_ ? 2 : records.addresses.empty() ? 3 : 0;
        std::string out(query.substr(0, 2));
        put_number(out, 0x8180 | code, 2);
        put_number(out, 1, 2);
        put_number(out, count, 2);
        put_number(out, 0, 4);
        return out.append(question).append(answers);
    }

    Descriptor socket_;
    std::uint16_t port_ = 0;
    std::atomic<bool> stopping_ = false;
    std::atomic<bool> fails_ = false;
    std::atomic<int> asked_ = 0;
    std::mutex mutex_;  // guards records_
    std::map<std::string, Records> records_;
    std::thread thread_;
};

}  // namespace mcpgw::deploy::testing
