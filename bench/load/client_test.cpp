// Both ends notice whatever a proxy could do to the bytes between them.
#include "bench/load/client.h"

#include <functional>

#include <gtest/gtest.h>

#include "bench/load/message.h"
#include "bench/load/server.h"

namespace mcpgw::bench {
namespace {

std::string answer_head(const std::string& body) {
    return "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nMcp-Session-Id: s\r\n"
           "Content-Length: " +
           std::to_string(body.size()) + "\r\n\r\n";
}

std::string chunk(const std::string& data) {
    std::array<char, http::chunk_head_bytes_max> frame;
    const std::size_t bytes = http::write_chunk_head(data.size(), frame.data());
    return std::string(frame.data(), bytes) + data + std::string(http::kChunkEnd);
}

constexpr std::string_view kStreamHead =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";

class BothEnds : public testing::Test {
  protected:
    BothEnds() : server_(poller_, 0), listener_(Kind::commands, listen_on(scripted_port_)) {
        target_.path = "/mcp";
        target_.call_bytes = call_of(call_bytes_usual).size();
        target_.answer_bytes = answer_of(answer_bytes_usual).size();
    }

    // Connects to the real server.
    Client& real_client() {
        target_.port = server_.port();
        client_.emplace_back(std::make_unique<Client>(poller_, target_, news_, 3));
        client_.back()->connect();
        return *client_.back();
    }

    // What the client reports about an answer that is given word for word.
    std::vector<News::What> ask_script(void (Client::*step)(), const std::string& answer) {
        target_.port = scripted_port_;
        Client client(poller_, target_, news_, 3);
        client.connect();
        (client.*step)();
        const int fd = accept_one(listener_.fd());
        Watched peer(Kind::commands, fd);
        Output output;
        output.add(answer);
        EXPECT_EQ(output.send_to(fd), Progress::done);
        std::vector<News::What> story;
        run_until([&] {
            for (const News& news : news_)
                story.push_back(news.what);
            return !story.empty();
        });
        return story;
    }

    News::What run_to_news() {
        News::What what{};
        run_until([&] {
            if (!news_.empty()) what = news_.front().what;
            return !news_.empty();
        });
        return what;
    }

    void run_until(const std::function<bool()>& is_over) {
        do {
            news_.clear();
            for (const epoll_event& event : poller_.wait(5000)) {
                auto* watched = static_cast<Watched*>(event.data.ptr);
                if (watched->kind() == Kind::listener) server_.on_listener();
                if (watched->kind() == Kind::server)
                    static_cast<ServerConnection*>(watched)->on_ready(event.events);
                if (watched->kind() == Kind::client)
                    static_cast<Client*>(watched)->on_ready(event.events);
            }
            server_.bury();
        } while (!is_over());
    }

    Poller poller_;
    std::uint16_t scripted_port_ = 0;
    Server server_;
    Watched listener_;
    Target target_;
    std::vector<News> news_;
    std::vector<std::unique_ptr<Client>> client_;
};

using What = News::What;

TEST_F(BothEnds, a_session_carries_calls_of_any_size) {
    target_.answer_bytes = 3 * 1024 * 1024;
    target_.call_bytes = 2 * 1024 * 1024;
    Client& client = real_client();
    client.initialize();
    ASSERT_EQ(run_to_news(), What::answered);
    EXPECT_FALSE(client.session().empty());
    client.call();
    EXPECT_EQ(run_to_news(), What::answered);
}

TEST_F(BothEnds, events_reach_the_stream_that_they_name) {
    Client& client = real_client();
    client.initialize();
    ASSERT_EQ(run_to_news(), What::answered);
    client.open_stream();
    ASSERT_EQ(run_to_news(), What::streaming);
    server_.send_event(3, event_of(3, 0));
    EXPECT_EQ(run_to_news(), What::event);
    server_.send_event(3, event_of(4, 1));
    EXPECT_EQ(run_to_news(), What::failed);
}

TEST_F(BothEnds, a_session_that_the_server_has_not_issued_is_refused) {
    Client& client = real_client();
    client.use_session("v1.still.sealed");
    client.call();
    EXPECT_EQ(run_to_news(), What::failed);
    EXPECT_EQ(client.failure(), "the answer is 404");
}

TEST_F(BothEnds, an_altered_call_is_refused) {
    const int fd = start_connect(server_.port(), 0);
    Watched raw(Kind::commands, fd);
    poller_.watch(raw);
    std::string body = call_of(call_bytes_usual);
    body[body.size() / 2] ^= 1;
    Output output;
    output.add("POST /mcp HTTP/1.1\r\nHost: x\r\nBench-Request-Bytes: " +
               std::to_string(call_bytes_usual) +
               "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
    std::string answer;
    run_until([&] {
        output.send_to(fd);
        const Received received = receive_from(fd);
        answer += as_text(received.bytes);
        return !answer.empty();
    });
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 400 ")) << answer;
}

TEST_F(BothEnds, an_altered_answer_is_noticed) {
    std::string body = answer_of(answer_bytes_usual);
    EXPECT_EQ(ask_script(&Client::call, answer_head(body) + body),
              std::vector<What>{What::answered});
    body[body.size() / 2] ^= 1;
    EXPECT_EQ(ask_script(&Client::call, answer_head(body) + body), std::vector<What>{What::failed});
}

TEST_F(BothEnds, a_shorter_or_longer_answer_is_noticed) {
    const std::string body = answer_of(answer_bytes_usual);
    const std::string shorter = body.substr(0, body.size() - 1);
    EXPECT_EQ(ask_script(&Client::call, answer_head(shorter) + shorter),
              std::vector<What>{What::failed});
    const std::string longer = body + " ";
    EXPECT_EQ(ask_script(&Client::call, answer_head(longer) + longer),
              std::vector<What>{What::failed});
}

TEST_F(BothEnds, comments_mean_nothing_and_a_lost_event_is_noticed) {
    const std::string head(kStreamHead);
    EXPECT_EQ(ask_script(&Client::open_stream, head + chunk(": quiet\n\n") + chunk(event_of(3, 0))),
              (std::vector<What>{What::streaming, What::event}));
    EXPECT_EQ(
        ask_script(&Client::open_stream, head + chunk(event_of(3, 0)) + chunk(event_of(3, 2))),
        (std::vector<What>{What::streaming, What::event, What::failed}));
}

TEST_F(BothEnds, a_stream_that_ends_is_noticed) {
    EXPECT_EQ(
        ask_script(&Client::open_stream, std::string(kStreamHead) + std::string(http::kLastChunk)),
        (std::vector<What>{What::streaming, What::failed}));
}

}  // namespace
}  // namespace mcpgw::bench
