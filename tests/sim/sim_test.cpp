// What the simulator itself promises: a seed is a run, down to the last event, and no two seeds are
// the same run. And its parts that would let a fault pass if they were wrong: the reader of
// messages, and the judge of event streams.
#include <set>
#include <stdexcept>

#include <gtest/gtest.h>

#include "tests/sim/answer_check.h"
#include "tests/sim/message_reader.h"
#include "tests/sim/scenario.h"

namespace mcpgw::sim {
namespace {

// A broken invariant, thrown so that a test can see it.
struct Broken : std::runtime_error {
    using std::runtime_error::runtime_error;
};

class SimTest : public testing::Test {
  protected:
    void SetUp() override {
        World::on_failure([](const std::string& invariant) { throw Broken(invariant); });
    }
};

TEST_F(SimTest, the_same_seed_is_the_same_run_to_the_last_event) {
    for (std::uint64_t seed = 1; seed <= 12; ++seed) {
        const Outcome first = Scenario(seed).run();
        const Outcome second = Scenario(seed).run();
        EXPECT_EQ(first.hash, second.hash) << "seed " << seed;
        EXPECT_EQ(first.notes, second.notes) << "seed " << seed;
    }
}

TEST_F(SimTest, neighbouring_seeds_are_different_runs) {
    std::set<std::uint64_t> hashes;
    for (std::uint64_t seed = 1; seed <= 12; ++seed)
        hashes.insert(Scenario(seed).run().hash);
    EXPECT_EQ(hashes.size(), 12U);
}

TEST_F(SimTest, a_message_in_pieces_is_the_same_message) {
    constexpr std::string_view text =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    for (std::size_t size = 1; size <= text.size(); ++size) {
        MessageReader reader(MessageReader::Kind::response);
        std::string body;
        bool ended = false;
        for (std::size_t at = 0; at < text.size(); at += size) {
            std::string_view piece = text.substr(at, size);
            for (auto event = reader.next(piece); event != MessageReader::Event::needs_more;
                 event = reader.next(piece)) {
                ASSERT_NE(event, MessageReader::Event::broken) << "pieces of " << size;
                if (event == MessageReader::Event::body) body += reader.piece();
                ended = event == MessageReader::Event::end;
            }
        }
        EXPECT_EQ(body, "abcde") << "pieces of " << size;
        EXPECT_TRUE(ended) << "pieces of " << size;
    }
}

// An event stream of two events, the second with the result.
Ask streaming_ask() {
    Ask ask;
    ask.jsonrpc_id = "7";
    ask.answer.is_stream = true;
    ask.answer.body = "data: a\n\ndata: b\n\n";
    ask.answer.result_end = ask.answer.body.size();
    return ask;
}

constexpr std::string_view kError =
    "event: message\ndata: {\"jsonrpc\":\"2.0\",\"id\":7,\"error\":{\"code\":-32603,"
    "\"message\":\"x\"}}\n\n";

bool judged(const std::string& text) {
    const Ask ask = streaming_ask();
    AnswerCheck check;
    check.begin(ask, true);
    check.take(text);
    return check.judge(true);
}

TEST_F(SimTest, comments_are_the_gateways_only_between_events) {
    EXPECT_TRUE(judged("data: a\n\n: keepalive\n\ndata: b\n\n"));
    EXPECT_THROW(static_cast<void>(judged("data: a\n: keepalive\n\ndata: b\n\n")), Broken);
}

TEST_F(SimTest, a_stream_without_its_result_must_say_so) {
    EXPECT_THROW(static_cast<void>(judged("data: a\n\n")), Broken);
    EXPECT_FALSE(judged("data: a\n\n" + std::string(kError)));
    EXPECT_FALSE(judged("data: a\n\ndat\nevent: cut\n\n" + std::string(kError)));
    EXPECT_FALSE(judged("data: a\n\ndata: b\nevent: cut\n\n" + std::string(kError)));
    EXPECT_THROW(static_cast<void>(judged("data: a\n\ndata: b\n\n" + std::string(kError))), Broken);
}

TEST_F(SimTest, a_legacy_stream_with_an_event_id_may_end_without_its_result) {
    Ask ask = streaming_ask();
    ask.answer.body = "id: 1\ndata: a\n\ndata: b\n\n";
    ask.answer.result_end = ask.answer.body.size();
    const auto end_after = [&ask](std::string_view text) {
        AnswerCheck check;
        check.begin(ask, true);
        check.take(text);
        return check.judge(true);
    };
    EXPECT_FALSE(end_after("id: 1\ndata: a\n\n"));
    EXPECT_FALSE(end_after("id: 1\ndata: a\n\n" + std::string(kError)));
    EXPECT_THROW(static_cast<void>(end_after("id: 1\ndata: a\n")), Broken);
    ask.modern = true;
    EXPECT_THROW(static_cast<void>(end_after("id: 1\ndata: a\n\n")), Broken);
}

TEST_F(SimTest, a_byte_that_is_wrong_is_found_where_it_is) {
    Ask ask;
    ask.answer.body = "0123456789";
    AnswerCheck check;
    check.begin(ask, true);
    check.take("01234");
    EXPECT_THROW(check.take("5x"), Broken);
}

}  // namespace
}  // namespace mcpgw::sim
