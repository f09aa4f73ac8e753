// Stamps, rotation and bad disks of a server's log.
#include "controlplane/shim/server_log.h"

#include <filesystem>
#include <string>

#include <gtest/gtest.h>
#include <stdlib.h>

#include "common/check.h"
#include "controlplane/shim/run_files.h"

namespace mcpgw::shim {
namespace {

constexpr std::uint64_t kNow = 1'700'000'000'123;
const std::string kStamp = "2023-11-14T22:13:20.123Z ";

class ServerLogTest : public ::testing::Test {
  protected:
    ServerLogTest() {
        std::string form = (std::filesystem::temp_directory_path() / "mcpgw-XXXXXX").string();
        EXPECT_NE(mkdtemp(form.data()), nullptr);
        directory_ = form;
    }
    ~ServerLogTest() override { std::filesystem::remove_all(directory_); }

    ServerLog open(std::uint64_t bytes_max = 4096) {
        auto log = ServerLog::open(directory_, bytes_max);
        EXPECT_TRUE(log.has_value());
        return std::move(*log);
    }
    std::string text(const char* name = "/log") const {
        return read_file(directory_ + name, 1 << 20).value_or("(none)");
    }

    std::string directory_;
};

TEST_F(ServerLogTest, every_line_is_stamped_once_however_it_arrives) {
    const std::string output = "one\ntwo\n\nfour";
    for (std::size_t size = 1; size <= output.size(); ++size) {
        {
            ServerLog log = open();
            for (std::size_t at = 0; at < output.size(); at += size)
                log.append(std::string_view(output).substr(at, size), kNow);
        }
        EXPECT_EQ(text(), kStamp + "one\n" + kStamp + "two\n" + kStamp + "\n" + kStamp + "four");
    }
}

TEST_F(ServerLogTest, a_note_gets_a_line_of_its_own) {
    ServerLog log = open();
    log.append("unfinished", kNow);
    log.note("stopping", kNow);
    log.note("stopped", kNow);
    EXPECT_EQ(text(), kStamp + "unfinished\n" + kStamp + "mcp-gateway: stopping\n" + kStamp +
                          "mcp-gateway: stopped\n");
}

TEST_F(ServerLogTest, it_rotates_between_lines_and_keeps_one_old_file) {
    constexpr std::uint64_t bytes_max = 100;  // three lines of 30 bytes
    ServerLog log = open(bytes_max);
    for (const char* line : {"1234\n", "2234\n", "3234\n", "4234\n", "5234\n", "6234\n", "7234\n"})
        log.append(line, kNow);
    EXPECT_EQ(text(), kStamp + "7234\n");
    EXPECT_EQ(text("/log.1"), kStamp + "4234\n" + kStamp + "5234\n" + kStamp + "6234\n");
}

TEST_F(ServerLogTest, a_burst_larger_than_the_limit_stays_within_it) {
    ServerLog log = open(1000);
    std::string burst;
    for (int i = 0; i < 1000; ++i)
        burst += "line " + std::to_string(i) + "\n";
    log.append(burst, kNow);
    EXPECT_LE(text().size(), 1000U);
    EXPECT_LE(text("/log.1").size(), 1000U);
    EXPECT_TRUE(text().ends_with("line 999\n"));
}

TEST_F(ServerLogTest, a_line_without_end_is_cut) {
    ServerLog log = open(1000);
    for (int i = 0; i < 100; ++i)
        log.append(std::string(99, 'x'), kNow);
    EXPECT_LE(text().size(), 1000U);
    EXPECT_LE(text("/log.1").size(), 1001U);  // with the line feed that ends the cut part
    EXPECT_TRUE(text("/log.1").ends_with("x\n"));
    EXPECT_TRUE(text().starts_with(kStamp));
}

TEST_F(ServerLogTest, the_run_before_is_kept_unless_it_said_nothing) {
    open().append("first\n", kNow);
    open().append("second\n", kNow);
    EXPECT_EQ(text("/log.1"), kStamp + "first\n");
    maybe(ServerLog::open(directory_, 4096).has_value());  // says nothing
    EXPECT_EQ(text("/log.1"), kStamp + "second\n");
    maybe(ServerLog::open(directory_, 4096).has_value());
    EXPECT_EQ(text("/log.1"), kStamp + "second\n");
}

TEST_F(ServerLogTest, a_directory_that_is_gone_is_an_error_then_a_loss) {
    ServerLog log = open(100);
    std::filesystem::remove_all(directory_);
    for (int i = 0; i < 20; ++i)
        log.append("lost\n", kNow);
    EXPECT_FALSE(ServerLog::open(directory_, 100).has_value());
}

}  // namespace
}  // namespace mcpgw::shim
