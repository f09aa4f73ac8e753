// Which stream a message of the server goes to, and what the end of a session means.
#include "tools/server/session.h"

#include <gtest/gtest.h>

#include "common/limits.h"

namespace mcpgw::server {
namespace {

using std::chrono::milliseconds;
constexpr milliseconds kNoWait(0);
const Deadline kNow = std::chrono::steady_clock::now();

Message message(const std::string& text) {
    auto messages = parse_messages(text, 1);
    EXPECT_TRUE(messages) << text;
    return messages ? messages->list[0] : Message();
}

Message request(int id, const std::string& token = "") {
    return message(
        R"({"jsonrpc":"2.0","id":)" + std::to_string(id) + R"(,"method":"m")" +
        (token.empty() ? "" : R"(,"params":{"_meta":{"progressToken":")" + token + "\"}}") + "}");
}

Message response(int id) {
    return message(R"({"jsonrpc":"2.0","id":)" + std::to_string(id) + R"(,"result":{}})");
}

const Message kLog = message(R"({"jsonrpc":"2.0","method":"notifications/message"})");

Message large_log(std::size_t bytes) {
    Message log = kLog;
    log.text += std::string(bytes, ' ');
    return log;
}

class Recorder final : public SessionHandler {
  public:
    Result<> receive(const Message& m, Deadline) override {
        received.push_back(m.method);
        return {};
    }
    void end() override { ++ends; }
    void resume() override { ++resumes; }

    std::vector<std::string> received;
    int ends = 0;
    int resumes = 0;
};

struct SessionTest : testing::Test {
    std::shared_ptr<EventStream> pend(const std::vector<Message>& messages) {
        auto stream = session.open_requests(messages);
        EXPECT_TRUE(stream);
        return stream ? *stream : nullptr;
    }

    Session session{"id"};
};

std::string taken(EventStream& stream) {
    return stream.take(kNoWait).bytes;
}

TEST_F(SessionTest, an_answer_ends_the_stream_of_its_request_only) {
    const auto one = pend({request(1)});
    const auto two = pend({request(2)});
    session.route(response(2));
    EXPECT_TRUE(one->is_open());
    const auto turn = two->take(kNoWait);
    EXPECT_TRUE(turn.end);
    EXPECT_EQ(turn.bytes, "event: message\ndata: " + response(2).text + "\n\n");
    EXPECT_FALSE(session.answer(request(2).id_key, "{}")) << "a request is answered once";
}

TEST_F(SessionTest, a_batch_ends_with_its_last_answer) {
    const auto stream = pend({request(1), kLog, request(2)});
    session.route(response(2));
    EXPECT_FALSE(stream->take(kNoWait).end);
    session.route(response(1));
    EXPECT_TRUE(stream->take(kNoWait).end);
}

TEST_F(SessionTest, progress_goes_to_the_request_with_its_token) {
    const auto one = pend({request(1, "a")});
    const auto two = pend({request(2, "b")});
    const Message progress = message(R"({"jsonrpc":"2.0","method":"notifications/progress",)"
                                     R"("params":{"progressToken":"b","progress":1}})");
    session.route(progress);
    EXPECT_EQ(taken(*one), "");
    EXPECT_NE(taken(*two).find(progress.text), std::string::npos);
}

TEST_F(SessionTest, a_message_of_its_own_goes_to_the_only_pending_request) {
    const auto standalone = session.open_standalone();
    ASSERT_TRUE(standalone);
    const auto one = pend({request(1)});
    session.route(kLog);
    EXPECT_NE(taken(*one), "");
    EXPECT_EQ(taken(**standalone), "");
}

TEST_F(SessionTest, with_several_pending_it_goes_to_the_standalone_stream) {
    const auto one = pend({request(1)});
    const auto two = pend({request(2)});
    const auto standalone = session.open_standalone();
    ASSERT_TRUE(standalone);
    session.route(kLog);
    EXPECT_EQ(taken(*one) + taken(*two), "");
    EXPECT_NE(taken(**standalone), "");
}

TEST_F(SessionTest, without_a_standalone_stream_it_goes_to_the_oldest_request) {
    const auto one = pend({request(9)});
    const auto two = pend({request(2)});
    session.route(kLog);
    EXPECT_NE(taken(*one), "");
    EXPECT_EQ(taken(*two), "");
}

TEST_F(SessionTest, a_request_whose_client_left_takes_no_foreign_message) {
    const auto one = pend({request(1)});
    const auto two = pend({request(2)});
    session.stream_gone(one);
    session.route(kLog);
    EXPECT_NE(taken(*two), "");
    EXPECT_TRUE(session.open_requests({request(1)})) << "its id is free again";
}

TEST_F(SessionTest, messages_wait_for_the_standalone_stream_and_survive_its_break) {
    session.route(kLog);
    const auto first = session.open_standalone();
    ASSERT_TRUE(first);
    EXPECT_NE(taken(**first), "");
    EXPECT_EQ(session.open_standalone().error().code, Code::conflict);
    session.stream_gone(*first);
    session.route(kLog);
    const auto second = session.open_standalone();
    ASSERT_TRUE(second);
    EXPECT_NE(taken(**second), "");
}

TEST_F(SessionTest, what_waits_without_a_reader_is_bounded) {
    for (std::size_t i = 0; i < limits::server_standalone_messages_max + 5; ++i)
        session.route(kLog);
    const auto stream = session.open_standalone();
    ASSERT_TRUE(stream);
    EXPECT_EQ((*stream)->dropped(), 5U);
}

TEST_F(SessionTest, an_id_is_pending_once) {
    const auto one = pend({request(1)});
    EXPECT_EQ(session.open_requests({request(1)}).error().code, Code::conflict);
    EXPECT_EQ(session.open_requests({request(2), request(2)}).error().code, Code::conflict);
    EXPECT_EQ(session.pending(), 1U) << "a refused POST leaves nothing behind";
}

TEST_F(SessionTest, pending_requests_are_bounded) {
    std::vector<Message> many;
    for (std::size_t i = 0; i < limits::server_pending_requests_max; ++i)
        many.push_back(request(static_cast<int>(i)));
    const auto stream = pend(many);
    EXPECT_EQ(session.open_requests({request(-1)}).error().code, Code::limit_exceeded);
}

TEST_F(SessionTest, a_cancelled_request_is_waited_for_no_longer) {
    const auto handler = std::make_shared<Recorder>();
    ASSERT_TRUE(session.set_handler(handler));
    const auto stream = pend({request(1)});
    const Message cancel = message(R"({"jsonrpc":"2.0","method":"notifications/cancelled",)"
                                   R"("params":{"requestId":1}})");
    EXPECT_TRUE(session.receive(cancel, kNow));
    EXPECT_EQ(handler->received, std::vector<std::string>{"notifications/cancelled"});
    const auto turn = stream->take(kNoWait);
    EXPECT_TRUE(turn.end);
    EXPECT_EQ(turn.bytes, "");
}

TEST_F(SessionTest, the_end_answers_what_is_pending_and_tells_the_handler_once) {
    const auto handler = std::make_shared<Recorder>();
    ASSERT_TRUE(session.set_handler(handler));
    const auto stream = pend({request(1)});
    const auto standalone = session.open_standalone();
    ASSERT_TRUE(standalone);
    session.end("over");
    session.end("over");
    session.server_ended("gone");
    EXPECT_EQ(handler->ends, 1);
    const auto turn = stream->take(kNoWait);
    EXPECT_TRUE(turn.end);
    EXPECT_NE(turn.bytes.find(error_text("1", -32000, "over")), std::string::npos);
    EXPECT_TRUE((*standalone)->take(kNoWait).end);
    EXPECT_EQ(session.open_requests({request(2)}).error().code, Code::not_found);
    EXPECT_EQ(session.open_standalone().error().code, Code::not_found);
    EXPECT_EQ(session.receive(kLog, kNow).error().code, Code::not_found);
    EXPECT_FALSE(session.set_handler(handler));
}

TEST_F(SessionTest, a_dead_server_is_told_with_its_reason) {
    const auto stream = pend({request(1)});
    session.server_ended("exit status 1");
    EXPECT_NE(taken(*stream).find(error_text("1", -32603, "exit status 1")), std::string::npos);
    EXPECT_TRUE(session.ended());
}

TEST_F(SessionTest, what_is_open_is_not_idle) {
    EXPECT_TRUE(session.idle_since(kNever));
    EXPECT_FALSE(session.idle_since(0));
    const auto stream = pend({request(1)});
    EXPECT_FALSE(session.idle_since(kNever));
    session.stream_gone(stream);
    EXPECT_TRUE(session.idle_since(kNever));
    ASSERT_TRUE(session.open_standalone());
    EXPECT_FALSE(session.idle_since(kNever));
}

TEST_F(SessionTest, the_server_is_read_no_further_while_a_client_does_not_read) {
    const auto handler = std::make_shared<Recorder>();
    ASSERT_TRUE(session.set_handler(handler));
    const auto stream = pend({request(1)});
    EXPECT_TRUE(session.has_room());
    session.route(large_log(limits::server_queue_bytes_high));
    EXPECT_FALSE(session.has_room());
    EXPECT_NE(taken(*stream), "");
    EXPECT_FALSE(session.has_room()) << "what is taken is not written yet";
    EXPECT_EQ(handler->resumes, 0);
    session.stream_written(stream);
    EXPECT_TRUE(session.has_room());
    EXPECT_EQ(handler->resumes, 1);
    session.route(large_log(limits::server_queue_bytes_high));
    session.stream_gone(stream);
    EXPECT_TRUE(session.has_room()) << "nobody waits for a client that left";
    EXPECT_EQ(handler->resumes, 2);
}

TEST_F(SessionTest, the_server_is_read_on_when_the_request_that_held_it_is_gone) {
    const auto handler = std::make_shared<Recorder>();
    ASSERT_TRUE(session.set_handler(handler));
    const auto cancelled = pend({request(1)});
    session.route(large_log(limits::server_queue_bytes_high));
    EXPECT_FALSE(session.has_room());
    EXPECT_TRUE(session.receive(message(R"({"jsonrpc":"2.0","method":"notifications/cancelled",)"
                                        R"("params":{"requestId":1}})"),
                                kNow));
    EXPECT_TRUE(session.has_room());
    EXPECT_EQ(handler->resumes, 1) << "somebody must tell it";
    const auto forgotten = pend({request(2)});
    session.route(large_log(limits::server_queue_bytes_high));
    EXPECT_FALSE(session.has_room());
    session.forget_request(request(2).id_key);
    EXPECT_TRUE(session.has_room());
    EXPECT_EQ(handler->resumes, 2);
}

TEST_F(SessionTest, answers_that_nobody_reads_fill_the_session) {
    std::vector<std::shared_ptr<EventStream>> streams;
    const std::string result(limits::server_session_queue_bytes_high / 4, 'x');
    for (int id = 0; id < 4; ++id) {
        EXPECT_TRUE(session.has_room()) << id;
        streams.push_back(pend({request(id)}));
        session.route(message(result_text(std::to_string(id), "\"" + result + "\"")));
    }
    EXPECT_FALSE(session.has_room());
    EXPECT_NE(taken(*streams[2]), "");
    session.stream_written(streams[2]);
    EXPECT_TRUE(session.has_room());
}

TEST_F(SessionTest, the_standalone_stream_holds_the_server_only_while_it_is_read) {
    session.route(large_log(limits::server_queue_bytes_high));
    EXPECT_TRUE(session.has_room());
    const auto stream = session.open_standalone();
    ASSERT_TRUE(stream);
    session.route(kLog);
    EXPECT_FALSE(session.has_room());
    session.stream_gone(*stream);
    EXPECT_TRUE(session.has_room());
}

TEST_F(SessionTest, a_session_that_ended_holds_nobody) {
    const auto stream = pend({request(1)});
    session.route(large_log(limits::server_queue_bytes_high));
    session.end("over");
    EXPECT_TRUE(session.has_room());
}

TEST(EventStream, finishing_delivers_the_rest) {
    EventStream stream;
    EXPECT_TRUE(stream.push("{}"));
    stream.finish();
    EXPECT_FALSE(stream.push("{}"));
    const auto turn = stream.take(kNoWait);
    EXPECT_TRUE(turn.end);
    EXPECT_EQ(turn.bytes, "event: message\ndata: {}\n\n");
}

TEST(EventStream, bounds_drop_the_oldest) {
    EventStream stream({3, 1000});
    for (const char* text : {"1", "2", "3", "4"})
        EXPECT_TRUE(stream.push(text));
    EXPECT_EQ(stream.dropped(), 1U);
    EXPECT_EQ(stream.take(kNoWait).bytes.find("data: 1\n"), std::string::npos);
    EXPECT_TRUE(stream.push(std::string(2000, 'x'))) << "one message always fits";
    EXPECT_GT(stream.take(kNoWait).bytes.size(), 2000U);
}

}  // namespace
}  // namespace mcpgw::server
