// The date of RFC 9110's own example, and of the ends of years and months.
#include "dataplane/client/date_clock.h"

#include <string>

#include <gtest/gtest.h>

namespace mcpgw::client {
namespace {

std::string written(std::uint64_t unix_seconds) {
    const DateText text = http_date(unix_seconds);
    return {text.data(), text.size()};
}

TEST(HttpDate, is_an_imf_fixdate) {
    EXPECT_EQ(written(784111777), "Sun, 06 Nov 1994 08:49:37 GMT");
    EXPECT_EQ(written(0), "Thu, 01 Jan 1970 00:00:00 GMT");
    EXPECT_EQ(written(951782399), "Mon, 28 Feb 2000 23:59:59 GMT");
    EXPECT_EQ(written(951782400), "Tue, 29 Feb 2000 00:00:00 GMT");
    EXPECT_EQ(written(4102444799), "Thu, 31 Dec 2099 23:59:59 GMT");
}

}  // namespace
}  // namespace mcpgw::client
