// What was opened is found again, for its principal and keys only.
#include "dataplane/session/opened_ids.h"

#include <string>

#include <gtest/gtest.h>

#include "dataplane/session/seal.h"

namespace mcpgw {
namespace {

class OpenedIdsTest : public testing::Test {
  protected:
    std::optional<SealedParts> find(std::string_view sealed, std::string_view principal) {
        return ids.find(sealed, principal, scratch);
    }
    OpenedIds ids;
    std::array<std::byte, Sealer::kScratchBytes> scratch{};
    const SealedParts parts{1, 2, 3, "server-session"};
};

TEST_F(OpenedIdsTest, what_was_remembered_is_found_for_its_principal_only) {
    EXPECT_FALSE(find("v1.k.0123456789abcdef", "ann"));
    ids.remember("v1.k.0123456789abcdef", "ann", parts);
    const auto found = find("v1.k.0123456789abcdef", "ann");
    ASSERT_TRUE(found);
    EXPECT_EQ(found->adapter, 1U);
    EXPECT_EQ(found->instance, 2U);
    EXPECT_EQ(found->issued_unix_seconds, 3U);
    EXPECT_EQ(found->server_id, "server-session");
    EXPECT_FALSE(find("v1.k.0123456789abcdef", "bob"));
    EXPECT_FALSE(find("v1.k.0123456789abcdef", ""));
    EXPECT_FALSE(find("v1.j.0123456789abcdef", "ann"));  // the same place, another id
    EXPECT_FALSE(find("v1.k.0123456789abcde", "ann"));
}

TEST_F(OpenedIdsTest, other_keys_make_it_unknown) {
    ids.remember("v1.k.0123456789abcdef", "ann", parts);
    ids.set_generation(7);
    EXPECT_FALSE(find("v1.k.0123456789abcdef", "ann"));
    ids.remember("v1.k.0123456789abcdef", "ann", parts);
    EXPECT_TRUE(find("v1.k.0123456789abcdef", "ann"));
}

TEST_F(OpenedIdsTest, a_newer_id_takes_the_place_of_an_older_one) {
    ids.remember("v1.k.AAAA-0123456789abcdef", "ann", parts);
    ids.remember("v1.k.BBBB-0123456789abcdef", "ann", parts);
    EXPECT_FALSE(find("v1.k.AAAA-0123456789abcdef", "ann"));
    EXPECT_TRUE(find("v1.k.BBBB-0123456789abcdef", "ann"));
}

TEST_F(OpenedIdsTest, what_is_too_long_is_not_remembered) {
    const std::string long_id(limits::opened_id_bytes_max + 1, 'a');
    ids.remember(long_id, "ann", parts);
    EXPECT_FALSE(find(long_id, "ann"));
    const std::string long_name(limits::opened_principal_bytes_max + 1, 'p');
    ids.remember("v1.k.0123456789abcdef", long_name, parts);
    EXPECT_FALSE(find("v1.k.0123456789abcdef", long_name));
    const std::string long_server(limits::opened_server_id_bytes_max + 1, 's');
    ids.remember("v1.k.0123456789abcdef", "ann", {1, 2, 3, long_server});
    EXPECT_FALSE(find("v1.k.0123456789abcdef", "ann"));
}

}  // namespace
}  // namespace mcpgw
