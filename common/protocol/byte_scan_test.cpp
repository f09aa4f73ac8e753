// Whatever is looked at many bytes at a time finds what one at a time does.
#include "common/protocol/byte_scan.h"

#include <string>

#include <gtest/gtest.h>

namespace mcpgw::http {
namespace {

TEST(ByteScan, finds_the_same_byte_as_the_simple_loop) {
    for (int value = 0; value < 256; ++value)
        for (std::size_t at = 0; at < 40; ++at) {
            std::string text(40, 'x');
            text[at] = static_cast<char>(value);
            const bool expected = (value < 0x20 && value != '\t') || value == 0x7F;
            for (std::size_t from = 0; from <= text.size(); ++from) {
                const std::size_t found = find_control(text, from);
                ASSERT_EQ(found, find_control_bytewise(text, from));
                ASSERT_EQ(found, expected && from <= at ? at : text.size());
            }
        }
}

// Long enough for strides of 64 bytes, and what is left over behind two of them.
TEST(ByteScan, finds_it_in_long_texts) {
    constexpr std::size_t size = 150;
    for (const char value : {'\0', '\r', '\x1F', '\x7F', '\t', ' ', '\x80', '\xFF'})
        for (std::size_t at = 0; at < size; ++at) {
            std::string text(size, 'x');
            text[at] = value;
            const std::size_t expected = is_control(value) ? at : size;
            for (const std::size_t from : {0U, 1U, 15U, 63U, 64U, 65U}) {
                const std::size_t found = find_control(text, from);
                ASSERT_EQ(found, from <= at ? expected : size) << int{value} << ' ' << from;
            }
            text[at / 2] = '\t';
            ASSERT_EQ(find_control(text, 0), at == 0 ? size : expected) << "behind a tab";
        }
}

}  // namespace
}  // namespace mcpgw::http
