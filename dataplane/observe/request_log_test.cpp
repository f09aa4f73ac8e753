// The audit log: what a line says, that no worker waits, rotation, and a disk that takes nothing.
#include "dataplane/observe/request_log.h"

#include <filesystem>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

namespace mcpgw {
namespace {

namespace fs = std::filesystem;

class RequestLogTest : public testing::Test {
  protected:
    void SetUp() override {
        std::string name = (fs::temp_directory_path() / "request_log_XXXXXX").string();
        ASSERT_NE(mkdtemp(name.data()), nullptr);
        directory_ = name;
    }
    void TearDown() override { fs::remove_all(directory_); }
    [[nodiscard]] std::string path(const std::string& end = "") const {
        return directory_ + "/audit.log" + end;
    }
    [[nodiscard]] static std::string text_of(const std::string& file) {
        std::ifstream in(file);
        std::ostringstream text;
        text << in.rdbuf();
        return text.str();
    }
    std::string directory_;
};

RequestRecord record(std::string_view tool = "ls") {
    RequestRecord out;
    out.unix_millis = 1'000'000'000'123;
    out.duration = 1'234'567;
    out.request_bytes = 110;
    out.response_bytes = 300;
    out.status = 200;
    out.http_method = "POST";
    out.user.set("ann");
    out.adapter.set("files");
    out.instance.set("files-0");
    out.method.set("tools/call");
    out.tool.set(tool);
    out.trace.set("0af7651916cd43dd8448eb211c80319c");
    return out;
}

TEST_F(RequestLogTest, a_line_says_who_asked_what_and_how_it_ended) {
    EXPECT_EQ(to_line(record()),
              R"({"time":"2001-09-09T01:46:40.123Z","user":"ann","adapter":"files",)"
              R"("instance":"files-0","httpMethod":"POST","method":"tools/call","tool":"ls",)"
              R"("status":200,"durationMs":1.234,"requestBytes":110,"responseBytes":300,)"
              R"("traceId":"0af7651916cd43dd8448eb211c80319c"})"
              "\n");
    RequestRecord refused = record("a\"\n\xFF");
    refused.tenant.set("t");
    refused.session = {'0', '1', '2', '3', '4', '5', '6', '7',
                       '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'};
    refused.refusal = "Origin not allowed";
    const std::string line = to_line(refused);
    EXPECT_NE(line.find(R"("tool":"a\"\n)"), std::string::npos) << line;
    EXPECT_NE(line.find(R"("tenant":"t")"), std::string::npos) << line;
    EXPECT_NE(line.find(R"("session":"0123456789abcdef")"), std::string::npos) << line;
    EXPECT_NE(line.find(R"("refusal":"Origin not allowed")"), std::string::npos) << line;
    EXPECT_EQ(line.find('\n'), line.size() - 1);
}

TEST_F(RequestLogTest, texts_are_cut_where_their_room_ends) {
    RequestRecord long_one = record(std::string(1000, 'x'));
    EXPECT_EQ(long_one.tool.view(), std::string(limits::mcp_name_bytes_max, 'x'));
}

TEST_F(RequestLogTest, every_record_is_a_line_in_the_order_of_its_worker) {
    {
        auto log = RequestLog::open({.path = path(), .queues = 2});
        ASSERT_TRUE(log) << log.error().detail;
        const auto fill = [&log](std::size_t worker) {
            for (int i = 0; i < 2000; ++i)
                (*log)->queue(worker).push(
                    record(std::to_string(worker) + "-" + std::to_string(i)));
        };
        std::thread other([&fill] { fill(1); });
        fill(0);
        other.join();
        EXPECT_EQ((*log)->dropped(), 0U);
    }
    std::ifstream in(path());
    int next[2] = {0, 0};
    for (std::string line; std::getline(in, line);) {
        const std::size_t at = line.find(R"("tool":")") + 8;
        const int worker = line[at] - '0';
        EXPECT_TRUE(line.substr(at + 2).starts_with(std::to_string(next[worker]) + "\"")) << line;
        ++next[worker];
    }
    EXPECT_EQ(next[0], 2000);
    EXPECT_EQ(next[1], 2000);
    EXPECT_EQ(fs::status(path()).permissions(), fs::perms::owner_read | fs::perms::owner_write);
}

TEST_F(RequestLogTest, a_full_queue_drops_and_counts) {
    RequestQueue queue(-1);
    for (std::uint32_t i = 0; i < limits::request_records_max + 7; ++i)
        queue.push(record());
    EXPECT_EQ(queue.dropped(), 7U);
    ASSERT_NE(queue.front(), nullptr);
    queue.drop_front();
    queue.push(record("last"));
    EXPECT_EQ(queue.dropped(), 7U);
}

TEST_F(RequestLogTest, files_are_rotated_by_size_and_the_oldest_go) {
    const std::size_t line_bytes = to_line(record()).size();
    for (int i = 0; i < 10; ++i) {
        auto log = RequestLog::open({.path = path(), .bytes_max = 2 * line_bytes, .files_max = 3});
        ASSERT_TRUE(log) << log.error().detail;
        (*log)->queue(0).push(record("t" + std::to_string(i)));
    }
    EXPECT_NE(text_of(path()).find("\"t9\""), std::string::npos);
    EXPECT_TRUE(fs::exists(path(".1")));
    EXPECT_TRUE(fs::exists(path(".2")));
    EXPECT_FALSE(fs::exists(path(".3")));
    for (const char* end : {"", ".1", ".2"})
        EXPECT_LE(fs::file_size(path(end)), 2 * line_bytes);
}

TEST_F(RequestLogTest, a_file_that_takes_nothing_costs_records_and_no_more) {
    auto log = RequestLog::open({.path = "/dev/full"});
    ASSERT_TRUE(log) << log.error().detail;
    (*log)->queue(0).push(record());
    while ((*log)->dropped() == 0)
        std::this_thread::yield();
    EXPECT_EQ((*log)->dropped(), 1U);
}

TEST_F(RequestLogTest, a_path_that_cannot_be_opened_is_said_at_once) {
    const auto log = RequestLog::open({.path = directory_ + "/no/such/directory"});
    ASSERT_FALSE(log);
    EXPECT_NE(log.error().detail.find("/no/such/directory"), std::string::npos);
}

}  // namespace
}  // namespace mcpgw
