// Questions about usage, through a link and a control plane that this test plays: answered by whom
// the link was told to ask, and the end of the connection if they cannot be understood.
#include <gtest/gtest.h>

#include "dataplane/link/control_link.h"
#include "dataplane/link/fake_control_plane.h"
#include "dataplane/link/temporary_directory.h"

namespace mcpgw {
namespace {

class FakeUsage final : public UsageDirectory {
  public:
    void list(const contract::UsageQuery& query, contract::UsagePage& page) override {
        for (const std::string& tenant : query.tenants)
            page.items.push_back({tenant, tenant.size(), 1, 2, 3});
    }
};

class UsageQuestions : public testing::Test {
  protected:
    UsageQuestions() : control(directory.file("contract.sock")) {
        options.socket_path = directory.file("contract.sock");
    }
    static contract::UsagePage ask(fixture::FakeConnection& connection) {
        EXPECT_FALSE(connection.hello().process.empty());
        connection.send(contract::encode(contract::UsageQuery{9, {"acme", "x"}}));
        const auto page = contract::decode_usage_page(connection.next());
        EXPECT_TRUE(page);
        return page ? *page : contract::UsagePage{};
    }

    fixture::TemporaryDirectory directory;
    fixture::FakeControlPlane control;
    Publication publication{2};
    ControlLinkOptions options;
};

TEST_F(UsageQuestions, are_answered) {
    FakeUsage usage;
    ControlLink link(options, publication);
    link.answer_with(usage);
    ASSERT_TRUE(link.start());
    fixture::FakeConnection connection = control.accept();
    EXPECT_EQ(ask(connection), (contract::UsagePage{9, {{"acme", 4, 1, 2, 3}, {"x", 1, 1, 2, 3}}}));
    connection.send(R"({"type":"usage_query","request":1})");
    EXPECT_TRUE(connection.is_closed_by_peer());
}

TEST_F(UsageQuestions, have_no_items_where_nobody_counts) {
    ControlLink link(options, publication);
    ASSERT_TRUE(link.start());
    fixture::FakeConnection connection = control.accept();
    EXPECT_EQ(ask(connection), (contract::UsagePage{9, {}}));
}

}  // namespace
}  // namespace mcpgw
