// The flat TOML of --config.
#include "controlplane/config_file.h"

#include <cstdlib>
#include <filesystem>

#include <gtest/gtest.h>

namespace mcpgw {
namespace {

TEST(ConfigFile, keys_values_and_lines_are_read) {
    const auto entries = parse_config(
        "# head\n"
        "\n"
        "data-dir = \"/var/lib/x\"  # where\r\n"
        "  roles=['a', \"b\\\"c\\\\\" ,]\n"
        "none = []\n"
        "count = 42\n"
        "flag = true");
    ASSERT_TRUE(entries) << entries.error().detail;
    ASSERT_EQ(entries->size(), 5U);
    EXPECT_EQ(entries->at(0).key, "data-dir");
    EXPECT_EQ(entries->at(0).line, 3U);
    EXPECT_EQ(entries->at(0).values, std::vector<std::string>{"/var/lib/x"});
    EXPECT_EQ(entries->at(1).values, (std::vector<std::string>{"a", "b\"c\\"}));
    EXPECT_TRUE(entries->at(2).values.empty());
    EXPECT_EQ(entries->at(3).values, std::vector<std::string>{"42"});
    EXPECT_EQ(entries->at(4).values, std::vector<std::string>{"true"});
    EXPECT_EQ(entries->at(4).line, 7U);
    EXPECT_TRUE(parse_config("")->empty());
}

TEST(ConfigFile, a_mistake_is_named_with_its_line) {
    const std::pair<const char*, const char*> cases[] = {
        {"[table]", "line 1: tables"},
        {"a = 1\n\nb", "line 3: the key b needs '='"},
        {"= 1", "line 1: a line starts with a key"},
        {"a = ", "line 1: the value of a must be"},
        {"a = word", "line 1: the value of a must be"},
        {"a = 1.5", "line 1: there is more text after the value of a"},
        {"a = \"x", "line 1: the value of a is a string without"},
        {"a = \"x\\", "line 1: the value of a has an escape"},
        {"a = \"\\q\"", "line 1: the value of a has an escape"},
        {"a = \"\x01\"", "line 1: the value of a has a control"},
        {"a = 'x' y", "line 1: there is more text"},
        {"a = ['x'", "line 1: the value of a is an array without"},
        {"a = ['x' 'y']", "line 1: the value of a is an array without"},
        {"a = [,]", "line 1: the value of a must be"},
        {"a = 1\na = 2", "line 2: the key a stands on line 1 already"},
    };
    for (const auto& [text, complaint] : cases) {
        const auto entries = parse_config(text);
        ASSERT_FALSE(entries) << text;
        EXPECT_TRUE(entries.error().detail.starts_with(complaint)) << entries.error().detail;
    }
}

TEST(ConfigFile, a_file_that_cannot_be_read_is_named) {
    const auto missing = read_config_file("/nonexistent/config.toml");
    ASSERT_FALSE(missing);
    EXPECT_NE(missing.error().detail.find("/nonexistent/config.toml"), std::string::npos);
    EXPECT_FALSE(read_config_file("/"));
    EXPECT_FALSE(read_config_file("/dev/zero"));
}

}  // namespace
}  // namespace mcpgw
