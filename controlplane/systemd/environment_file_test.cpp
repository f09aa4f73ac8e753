// Variables as a file. That systemd reads it so is tried in under_systemd_test.cpp.
#include "controlplane/systemd/environment_file.h"

#include <gtest/gtest.h>

namespace mcpgw::systemd {
namespace {

std::string text_of(const std::map<std::string, std::string>& variables) {
    const Result<std::string> text = environment_file(variables);
    return text ? *text : "refused: " + text.error().detail;
}

TEST(EnvironmentFileText, quotes_what_would_mean_something) {
    EXPECT_EQ(text_of({}), "");
    EXPECT_EQ(text_of({{"A", "1"}, {"_b2", ""}}), "A=\"1\"\n_b2=\"\"\n");
    EXPECT_EQ(text_of({{"A", "\"$x\" `y` \\ #;'"}}), "A=\"\\\"\\$x\\\" \\`y\\` \\\\ #;'\"\n");
    EXPECT_EQ(text_of({{"A", "one\ntwo\tthree"}}), "A=\"one\ntwo\tthree\"\n");
}

TEST(EnvironmentFileText, refuses_names_that_systemd_would_drop) {
    for (const char* name : {"", "1a", "a.b", "a-b", "a b", "a=b", "\xc3\xa4"})
        EXPECT_FALSE(environment_file({{name, "x"}}).has_value()) << name;
}

TEST(EnvironmentFileText, refuses_values_that_systemd_would_drop) {
    for (const char* value :
         {"\xff", "\xc3", "\xc0\x80", "\xed\xa0\x80", "\xf5\x80\x80\x80", "\xf0\x8f\xbf\xbf",
          "\xe2\x28\xa1", "\x01", "\x1b[0m", "a\rb", "\x7f"})
        EXPECT_FALSE(environment_file({{"A", value}}).has_value()) << value;
    EXPECT_FALSE(environment_file({{"A", std::string(1, '\0')}}).has_value());
    for (const char* value : {"h\xc3\xa9llo", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xed\x9f\xbf"})
        EXPECT_EQ(text_of({{"A", value}}), std::string("A=\"") + value + "\"\n");
}

}  // namespace
}  // namespace mcpgw::systemd
